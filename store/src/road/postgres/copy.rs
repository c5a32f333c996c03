//! What COPY takes in its binary format, <https://www.postgresql.org/docs/current/sql-copy.html>.

use sea_orm::sqlx::{error::BoxDynError, postgres::PgArgumentBuffer};

use super::wire::{Wire, field};
use crate::{road::part::Part, row::Row};

/// The signature, no flags, and no extension of the header.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The number of fields that ends the data.
const TRAILER: i16 = -1;

/// How much is sent at once: so the server reads the first rows while the next ones are encoded, and the data is never
/// in memory as a whole.
const CHUNK: usize = 64 << 10;

/// The data of some rows, piece by piece.
pub(super) struct Data<'a, Rows> {
    wires: &'a [Wire],
    rows: Rows,
    buffer: PgArgumentBuffer,
    ended: bool,
}

pub(super) fn data<'a>(wires: &'a [Wire], part: Part<'a>) -> Data<'a, impl Iterator<Item = &'a Row>> {
    let mut buffer = PgArgumentBuffer::default();
    buffer.extend_from_slice(HEADER);
    Data { wires, rows: part.rows(), buffer, ended: false }
}

impl<'a, Rows: Iterator<Item = &'a Row>> Data<'a, Rows> {
    /// The next piece; empty after the last one.
    pub(super) fn piece(&mut self) -> Result<&[u8], BoxDynError> {
        // What is in it at first is the header.
        if self.buffer.len() > HEADER.len() || self.ended {
            self.buffer.clear();
        }
        let fields = i16::try_from(self.wires.len())?.to_be_bytes();
        while !self.ended && self.buffer.len() < CHUNK {
            match self.rows.next() {
                Some(row) => {
                    self.buffer.extend_from_slice(&fields);
                    for (column, wire) in self.wires.iter().enumerate() {
                        field(row.values.get(column), *wire, &mut self.buffer)?;
                    }
                }
                None => {
                    self.buffer.extend_from_slice(&TRAILER.to_be_bytes());
                    self.ended = true;
                }
            }
        }
        Ok(self.buffer.as_slice())
    }
}
