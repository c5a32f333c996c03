//! What COPY takes in its binary format, <https://www.postgresql.org/docs/current/sql-copy.html>.

use sea_orm::sqlx::{error::BoxDynError, postgres::PgArgumentBuffer};

use super::wire::{Wire, field};
use crate::road::part::Part;

/// The signature, no flags, and no extension of the header.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The number of fields that ends the data.
const TRAILER: i16 = -1;

/// The rows, in one buffer.
pub(super) fn data(wires: &[Wire], part: Part<'_>) -> Result<PgArgumentBuffer, BoxDynError> {
    let mut buffer = PgArgumentBuffer::default();
    buffer.extend_from_slice(HEADER);
    let fields = i16::try_from(wires.len())?.to_be_bytes();
    for row in part.rows() {
        buffer.extend_from_slice(&fields);
        for (column, wire) in wires.iter().enumerate() {
            field(row.values.get(column), *wire, &mut buffer)?;
        }
    }
    buffer.extend_from_slice(&TRAILER.to_be_bytes());
    Ok(buffer)
}
