//! The memory that is frozen into the module.
//!
//! CPython counts the references to an object inside the object: to use an object is to write to its page, and an
//! interpreter that writes to a page gets a copy of its own. CPython knows objects that live for ever and are not
//! counted, but gives nobody a way to make one. Whatever the frozen heap holds does live for ever: the guest keeps it
//! (`cofferdam_image.py`) and leaves a list of where it is, and here each of these objects gets the count that says so.

use wasm_encoder::{ConstExpr, DataSection};
use wasmparser::{Data, DataKind, Operator};

use super::super::Outcome;

/// What stands before the list, with every bit turned. The number of addresses follows, and the addresses.
const MARK: &[u8] = b"cofferdam: what stands in this list lives for ever!!";

/// The count that an object is given: `_Py_IMMORTAL_INITIAL_REFCNT` of CPython 3.14 on 32 bits.
const IMMORTAL: u32 = 5 << 28;

/// From here on a count says that it is none (`_Py_IMMORTAL_MINIMUM_REFCNT`).
const LEAST_IMMORTAL: u32 = 1 << 30;

/// More references to one object than the heap has room for.
const MOST: u32 = 1 << 26;

/// Zeros between two segments; fewer are cheaper inside one.
const GAP: usize = 32;

/// A memory when an instance begins.
#[derive(Default)]
pub(super) struct Image {
    bytes: Vec<u8>,
}

impl Image {
    /// Adds what a data segment puts into the memory.
    pub(super) fn add(&mut self, data: &Data<'_>) -> Outcome<()> {
        let DataKind::Active { memory_index: 0, offset_expr } = &data.kind else {
            return Err("a data segment is not part of the frozen memory".into());
        };
        let mut operators = offset_expr.get_operators_reader();
        let (Operator::I32Const { value }, Operator::End) = (operators.read()?, operators.read()?) else {
            return Err("a data segment has no fixed address".into());
        };
        let start = value.cast_unsigned() as usize;
        let end = start + data.data.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(start..end).ok_or("a data segment wraps around")?.copy_from_slice(data.data);
        Ok(())
    }

    /// Lets the objects that the guest listed live for ever.
    pub(super) fn immortalise(&mut self) -> Outcome<()> {
        let turned: Vec<u8> = MARK.iter().map(|byte| !byte).collect();
        let mut places = self.bytes.windows(turned.len()).enumerate().filter(|(_, bytes)| *bytes == turned);
        let mark = places.next().ok_or("the guest has no list of objects that live for ever")?.0;
        if places.next().is_some() {
            return Err("the guest has more than one list of objects that live for ever".into());
        }
        let list = mark + MARK.len();
        let count = self.word(list)? as usize;
        let mut immortal = 0;
        for at in 0..count {
            let object = self.word(list + 4 + at * 4)? as usize;
            match self.word(object)? {
                1..MOST if object.is_multiple_of(4) => {
                    let references =
                        self.bytes.get_mut(object..object + 4).ok_or("an object lies nowhere")?;
                    references.copy_from_slice(&IMMORTAL.to_le_bytes());
                }
                LEAST_IMMORTAL.. => immortal += 1,
                other => return Err(format!("what lies at {object:#x} is no object: {other:#x}").into()),
            }
        }
        if immortal == 0 {
            // `None` is in the list.
            return Err("this CPython counts references in a way of its own".into());
        }
        // The list has done its work, and zeros take no room.
        self.bytes.get_mut(mark..list + 4 + count * 4).ok_or("the list has no end")?.fill(0);
        Ok(())
    }

    fn word(&self, address: usize) -> Outcome<u32> {
        let bytes = self.bytes.get(address..).and_then(|rest| rest.first_chunk());
        Ok(u32::from_le_bytes(*bytes.ok_or("an address lies outside the memory")?))
    }

    /// The memory as data segments, without the zeros between them.
    pub(super) fn encode(&self) -> DataSection {
        let mut section = DataSection::new();
        let mut start = 0;
        while let Some(next) = self.bytes.iter().skip(start).position(|byte| *byte != 0) {
            start += next;
            let rest = self.bytes.get(start..).unwrap_or_default();
            let len =
                rest.windows(GAP).position(|bytes| bytes.iter().all(|byte| *byte == 0)).unwrap_or(rest.len());
            let (segment, _) = rest.split_at(len);
            section.active(0, &ConstExpr::i32_const((start as u32).cast_signed()), segment.iter().copied());
            start += len;
        }
        section
    }
}
