//! A write-ahead log for the rows of one writer: what it took survives the process.
//!
//! `settings` is what users say, `folder` finds and mends what a crash left, `log` takes new rows, `replay` gives the
//! old ones back, and `ledger` says which of them are in the database. It must never let a row be written twice, nor
//! let go of one that is neither in the database nor handed over.

mod disk;
mod folder;
mod format;
mod ledger;
mod log;
mod replay;
mod schema;
mod settings;
mod state;
#[cfg(test)]
mod tests;

pub use self::settings::Spool;
pub(crate) use self::{
    format::Record,
    log::Log,
    replay::Replay,
    schema::{Schema, Takes},
};
