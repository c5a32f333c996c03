//! Where refused rows go that must outlive the process: a JSON Lines file, or a table of the same database.
//!
//! A sink takes the refused rows of a batch before the batch is settled. It must never lose one: what it cannot take
//! is handed back in memory, as if there were no sink.

mod file;
mod letter;
mod sink;
mod table;

pub(crate) use self::sink::Sink;
pub use self::{letter::DeadLetter, sink::DeadLetters};
