//! The words that stored records are written in: numbers of variable length, texts with their length in front, and a
//! sum over everything at the end.
//!
//! A reader trusts nothing: no length that it finds makes it read, or allocate, beyond what is there.

use std::time::Duration;

use crate::clock::{length, span};
use crate::{Error, Label};

/// How many bytes of sum stand at the end.
const SUM_BYTES: usize = 4;

/// Puts a record together.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// A record that begins with the version of its format.
    pub(crate) fn new(version: u8) -> Self {
        Self(vec![version])
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Seven bits a byte, the low ones first; the top bit says that more follow (LEB128).
    pub(crate) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn span(&mut self, value: Duration) {
        self.number(span(value).unsigned_abs());
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn sealed(mut self) -> Vec<u8> {
        let sum = sum(&self.0);
        self.0.extend_from_slice(&sum.to_le_bytes());
        self.0
    }
}

/// Takes a record apart.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the version and the sum.
    pub(crate) fn open(record: &'a [u8], supported: u8) -> Result<Self, Error> {
        // The version first: a later one may end in another sum.
        match record.first() {
            None => return Err(damaged("it is empty")),
            Some(0) => return Err(damaged("it begins with a version that was never in use")),
            Some(&found) if found > supported => return Err(Error::NewerRecord { found, supported }),
            Some(_) => {}
        }
        let (body, found) = record.split_last_chunk::<SUM_BYTES>().ok_or(damaged(CUT))?;
        if sum(body).to_le_bytes() != *found {
            return Err(damaged("its sum does not match"));
        }
        Ok(Self { rest: body.get(1..).ok_or(damaged(CUT))? })
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        let (first, rest) = self.rest.split_first().ok_or(damaged(CUT))?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Error> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("a number in it has no end"))
    }

    pub(crate) fn small(&mut self) -> Result<u32, Error> {
        u32::try_from(self.number()?).map_err(|_| damaged("a number in it is too large"))
    }

    pub(crate) fn span(&mut self) -> Result<Duration, Error> {
        let millis = i64::try_from(self.number()?).map_err(|_| damaged("a number in it is too large"))?;
        Ok(length(millis))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let length = usize::try_from(self.number()?).map_err(|_| damaged(CUT))?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(damaged(CUT))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.bytes()?).map_err(|_| damaged("a text in it is not UTF-8"))
    }

    pub(crate) fn label(&mut self) -> Result<Label, Error> {
        Label::new(self.text()?).map_err(|_| damaged("a label in it cannot be one"))
    }

    /// Whether this flag was set; anything but nought and one is damage.
    pub(crate) fn flag(&mut self) -> Result<bool, Error> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(damaged("a flag in it is neither set nor unset")),
        }
    }

    /// Checks that nothing is left.
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(damaged("something follows its end")) }
    }
}

const CUT: &str = "it is cut short";

pub(crate) const fn damaged(problem: &'static str) -> Error {
    Error::DamagedRecord { problem }
}

/// FNV-1a in 32 bits: no single changed byte keeps the sum, and two tables fewer to carry than for a CRC. It guards
/// against accidents only.
fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_survive_the_round_trip() {
        let numbers = (0..64).flat_map(|shift| [(1_u64 << shift) - 1, 1 << shift]).chain([u64::MAX]);
        for number in numbers {
            let mut writer = Writer::new(1);
            writer.number(number);
            let record = writer.sealed();
            let mut reader = Reader::open(&record, 1).unwrap();
            assert_eq!(reader.number().unwrap(), number);
            reader.end().unwrap();
        }
    }

    #[test]
    fn a_number_that_does_not_end_or_fit_is_damage() {
        for bytes in [[0xff_u8; 10], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]] {
            assert!(Reader { rest: &bytes }.number().is_err());
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_damage() {
        let mut writer = Writer::new(1);
        writer.number(u64::MAX);
        let record = writer.sealed();
        let error = Reader::open(&record, 1).unwrap().bytes().unwrap_err();
        assert!(error.to_string().contains("cut short"), "{error}");
    }
}
