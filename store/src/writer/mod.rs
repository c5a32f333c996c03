//! The writers that users hold, and the builder of both.

mod builder;
mod insert;
mod update;

pub use self::{builder::WriterBuilder, insert::BatchWriter, update::BatchUpdateWriter};
