//! The bytes of a spool's file: a header that says what the rows are of, then records.
//!
//! ```text
//! header  "COFSPOOL", version u16, first sequence number u64, spool id u128, length of the schema u32,
//!         CRC-32 of all this, JSON of the schema, CRC-32 of that
//! record  length of the payload u32, sequence number u64 (0 of a note), CRC-32 of the payload,
//!         CRC-32 of these 16 bytes, payload
//! payload kind u8, then
//!         of a row: a bitmap of the columns that it sets, and their values; of one with a condition the same again,
//!         of the columns that it expects
//!         of a note: settled u64, and the open numbers as text
//! ```
//!
//! All numbers are little-endian. The head of a record, like the front of the header, has a checksum of its own, so that
//! a damaged length is told from a record that a crash has cut short: the second ends with the file and is no loss, the
//! first may hide rows.
//!
//! In version 1 no row says whether it is new or an update: the schema says it of all.

use std::collections::BTreeMap;

use sea_orm::Value;

use super::{ledger::Ledger, schema::Places};
use crate::{
    operation::Operation,
    row::{Row, Shape},
    value::binary,
};

const MAGIC: &[u8; 8] = b"COFSPOOL";
/// The newest version, in which files are written. All versions before it are read.
pub(super) const VERSION: u16 = 2;
/// Of a record: everything before the payload.
pub(super) const HEAD: usize = 20;

const NOTE: u8 = 0;
/// Of version 1.
const ROW: u8 = 1;
const INSERT: u8 = 2;
const UPDATE: u8 = 3;
const UPDATE_IF: u8 = 4;

/// What stands in front of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) first: u64,
    pub(super) id: u128,
    /// JSON of a [`Schema`](super::schema::Schema).
    pub(super) schema: String,
}

impl Header {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&self.id.to_le_bytes());
        // A table has at most some thousand columns.
        let length = u32::try_from(self.schema.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_le_bytes());
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(self.schema.as_bytes());
        bytes.extend_from_slice(&crc32fast::hash(self.schema.as_bytes()).to_le_bytes());
        bytes
    }
}

/// What the front of a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Front<'a> {
    /// A header, and the records after it.
    Header(Header, &'a [u8]),
    /// The file ends before its header does.
    Short,
    /// A spool of this version of the format.
    Version(u16),
    /// No header, or a damaged one.
    Damaged,
}

pub(super) fn front(bytes: &[u8]) -> Front<'_> {
    let mut rest = bytes;
    let Some(magic) = take::<8>(&mut rest) else {
        return if MAGIC.starts_with(bytes) { Front::Short } else { Front::Damaged };
    };
    if magic != *MAGIC {
        return Front::Damaged;
    }
    let Some(version) = take(&mut rest).map(u16::from_le_bytes) else { return Front::Short };
    if !(1..=VERSION).contains(&version) {
        return Front::Version(version);
    }
    let fields = (|| {
        let first = u64::from_le_bytes(take(&mut rest)?);
        let id = u128::from_le_bytes(take(&mut rest)?);
        let length = u32::from_le_bytes(take(&mut rest)?) as usize;
        let covered = bytes.get(..bytes.len() - rest.len())?;
        let checksum = u32::from_le_bytes(take(&mut rest)?);
        Some((first, id, length, crc32fast::hash(covered) == checksum))
    })();
    let Some((first, id, length, sound)) = fields else { return Front::Short };
    if !sound {
        return Front::Damaged;
    }
    let Some((schema, mut rest)) = rest.split_at_checked(length) else { return Front::Short };
    let Some(checksum) = take(&mut rest).map(u32::from_le_bytes) else { return Front::Short };
    match std::str::from_utf8(schema) {
        Ok(text) if crc32fast::hash(schema) == checksum => {
            Front::Header(Header { first, id, schema: text.to_owned() }, rest)
        }
        _ => Front::Damaged,
    }
}

/// A record without its sequence number.
#[derive(Debug)]
pub(crate) struct Record {
    /// With room for the head.
    bytes: Vec<u8>,
    checksum: u32,
}

impl Record {
    /// Encodes a row of a table of `columns` columns; the error names the column at fault and what is wrong.
    pub(super) fn row(row: &Row, columns: usize) -> Result<Self, (usize, String)> {
        let mut bytes = vec![0; HEAD];
        bytes.reserve(row.weight);
        let conditional = row.shape.is_conditional();
        bytes.push(match row.operation() {
            Operation::Insert => INSERT,
            Operation::Update if conditional => UPDATE_IF,
            Operation::Update => UPDATE,
        });
        encode(&mut bytes, row.cells().collect(), columns)?;
        if conditional {
            encode(&mut bytes, row.expected().collect(), columns)?;
        }
        if u32::try_from(bytes.len()).is_err() {
            return Err((0, "the row is longer than 4 GiB".to_owned()));
        }
        Ok(Self::of(bytes))
    }

    pub(super) fn note(ledger: &Ledger) -> Self {
        let mut bytes = vec![0; HEAD];
        bytes.push(NOTE);
        bytes.extend_from_slice(&ledger.settled().to_le_bytes());
        bytes.extend_from_slice(ledger.open_text().as_bytes());
        Self::of(bytes)
    }

    fn of(bytes: Vec<u8>) -> Self {
        let checksum = crc32fast::hash(bytes.get(HEAD..).unwrap_or_default());
        Self { bytes, checksum }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The record's bytes under a sequence number.
    pub(super) fn numbered(mut self, seq: u64) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len() - HEAD).unwrap_or(u32::MAX);
        let mut head = Vec::with_capacity(HEAD);
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(&seq.to_le_bytes());
        head.extend_from_slice(&self.checksum.to_le_bytes());
        let checksum = crc32fast::hash(&head);
        head.extend_from_slice(&checksum.to_le_bytes());
        if let Some(room) = self.bytes.get_mut(..HEAD) {
            room.copy_from_slice(&head);
        }
        self.bytes
    }
}

/// What stands at a place of a file where a record should begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A whole record, of so many bytes in all.
    Record { seq: u64, payload: &'a [u8], size: usize },
    /// The end of the file.
    End,
    /// A record that the file ends in the middle of.
    Short,
    /// Something else. If the head is sound, the next record begins after so many bytes.
    Damaged { size: Option<usize> },
}

/// Looks at the front of `bytes`, which are the rest of a file.
pub(super) fn next(bytes: &[u8]) -> Found<'_> {
    if bytes.is_empty() {
        return Found::End;
    }
    let mut rest = bytes;
    let Some(head) = take::<HEAD>(&mut rest) else { return Found::Short };
    let mut fields = head.as_slice();
    let fields = (|| {
        let length = u32::from_le_bytes(take(&mut fields)?) as usize;
        let seq = u64::from_le_bytes(take(&mut fields)?);
        let payload = u32::from_le_bytes(take(&mut fields)?);
        let head = u32::from_le_bytes(take(&mut fields)?);
        Some((length, seq, payload, head))
    })();
    let Some((length, seq, payload_checksum, head_checksum)) = fields else { return Found::Short };
    if crc32fast::hash(head.get(..HEAD - 4).unwrap_or_default()) != head_checksum {
        // A loss of power may leave a file longer than what was written to it, filled up with zeros.
        let blank = bytes.iter().all(|byte| *byte == 0);
        return if blank { Found::Short } else { Found::Damaged { size: None } };
    }
    let Some(payload) = rest.get(..length) else { return Found::Short };
    let size = HEAD + length;
    if crc32fast::hash(payload) != payload_checksum {
        return Found::Damaged { size: Some(size) };
    }
    Found::Record { seq, payload, size }
}

/// Whether a sound payload is that of a row.
pub(super) fn is_row(payload: &[u8]) -> bool {
    payload.first().is_some_and(|kind| (ROW..=UPDATE_IF).contains(kind))
}

/// Reads the payload of a row.
pub(super) fn row(payload: &[u8], places: &Places) -> Result<Row, String> {
    let (kind, mut rest) = payload.split_first().ok_or("a record is empty")?;
    let mut shape = Shape::empty(match *kind {
        ROW => places.operation,
        INSERT => Operation::Insert,
        UPDATE | UPDATE_IF => Operation::Update,
        other => return Err(format!("a record is of kind {other}, which is no row")),
    });
    let mut values = Vec::new();
    for (column, value) in decode(&mut rest, &places.columns)? {
        shape.insert(column);
        values.push(value);
    }
    if *kind == UPDATE_IF {
        for (column, value) in decode(&mut rest, &places.columns)? {
            shape.expect(column);
            values.push(value);
        }
    }
    if !rest.is_empty() {
        return Err("a row has more values than columns".to_owned());
    }
    Ok(Row::new(shape, values))
}

/// Reads the payload of a note.
pub(super) fn note(payload: &[u8]) -> Result<Ledger, String> {
    let Some((&NOTE, mut rest)) = payload.split_first() else { return Err("a record is no note".to_owned()) };
    let settled = take(&mut rest).map(u64::from_le_bytes).ok_or("a note is cut short")?;
    let open = std::str::from_utf8(rest).map_err(|_| "a note is no text")?;
    Ledger::read(settled, open).ok_or_else(|| "a note is none".to_owned())
}

/// Appends a bitmap of the columns that are given, of so many, and their values.
fn encode(bytes: &mut Vec<u8>, cells: Vec<(usize, &Value)>, columns: usize) -> Result<(), (usize, String)> {
    let mut bitmap = vec![0_u8; columns.div_ceil(8)];
    for (column, _) in &cells {
        if let Some(byte) = bitmap.get_mut(column / 8) {
            *byte |= 1 << (column % 8);
        }
    }
    bytes.extend_from_slice(&bitmap);
    for (column, value) in cells {
        binary::encode(value, bytes).map_err(|reason| (column, reason))?;
    }
    Ok(())
}

/// Takes a bitmap and its values off the front, with the numbers that their columns have now, in that order.
fn decode(bytes: &mut &[u8], columns: &[usize]) -> Result<BTreeMap<usize, Value>, String> {
    let bitmap;
    (bitmap, *bytes) = bytes.split_at_checked(columns.len().div_ceil(8)).ok_or("a row is cut short")?;
    let is_set = |index: &usize| bitmap.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0);
    let mut cells = BTreeMap::new();
    for (_, column) in columns.iter().enumerate().filter(|(index, _)| is_set(index)) {
        cells.insert(*column, binary::decode(bytes)?);
    }
    Ok(cells)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}
