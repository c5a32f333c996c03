//! The writers that users hold, and the builder of all.

mod builder;
mod insert;
mod kind;
mod store;
mod update;

pub use self::{
    builder::WriterBuilder,
    insert::BatchWriter,
    kind::{Inserts, Updates},
    store::Store,
    update::BatchUpdateWriter,
};
