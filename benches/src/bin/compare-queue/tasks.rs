//! The tasks that everybody is given, and the proof that everybody did them.
//!
//! A payload is text, so that those who speak JSON pay for no escapes. It begins with the task's number; the count of
//! tasks and the sum of their numbers tell at the end that each came through, and once.

use std::ops::Range;

use super::Problem;

/// Digits of a task's number at the beginning of its payload.
pub(super) const DIGITS: usize = 12;

/// What every task answers where there are results.
pub(super) const RESULT: &str = "101.25";

/// How much, of what size, and in what portions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) tasks: usize,
    pub(super) bytes: usize,
    /// How many tasks share a trip, for ours and for the bare loops; peers choose for themselves what is best for them.
    pub(super) batch: usize,
    /// Connections or callers that work at the same time, likewise.
    pub(super) hands: usize,
}

/// What came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) tasks: usize,
    pub(super) sum: u64,
}

impl Load {
    /// The payloads of one of so many parts, in portions.
    pub(super) fn portions(self, part: usize, parts: usize) -> impl Iterator<Item = Vec<Vec<u8>>> + Send {
        let Range { start, end } = self.tasks * part / parts..self.tasks * (part + 1) / parts;
        (start..end).step_by(self.batch).map(move |first| {
            let last = (first + self.batch).min(end);
            (first..last).map(|number| payload(number, self.bytes)).collect()
        })
    }

    /// # Errors
    ///
    /// When something was lost or came twice.
    pub(super) fn check(&self, tally: Tally) -> Result<(), Problem> {
        if tally == Tally::of(0..self.tasks) {
            return Ok(());
        }
        Err(format!("{} tasks went in, and {} came out, or not the same ones", self.tasks, tally.tasks)
            .into())
    }
}

impl Tally {
    /// What these tasks add up to.
    pub(super) fn of(numbers: Range<usize>) -> Self {
        Self { tasks: numbers.len(), sum: numbers.map(|number| number as u64).sum() }
    }

    /// # Errors
    ///
    /// When it is no payload of this program.
    pub(super) fn add(&mut self, payload: &[u8]) -> Result<(), Problem> {
        let digits = payload.get(..DIGITS).and_then(|digits| std::str::from_utf8(digits).ok());
        let number = digits.and_then(|digits| digits.parse::<u64>().ok()).ok_or("a payload was changed")?;
        self.tasks += 1;
        self.sum += number;
        Ok(())
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self { tasks: self.tasks + other.tasks, sum: self.sum + other.sum }
    }
}

fn payload(number: usize, bytes: usize) -> Vec<u8> {
    let mut payload = format!("{number:0DIGITS$}").into_bytes();
    payload.resize(bytes.max(DIGITS), b'x');
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Load = Load { tasks: 25, bytes: 40, batch: 4, hands: 3 };

    #[test]
    fn all_parts_together_are_the_whole_load() {
        let mut tally = Tally::default();
        for payloads in (0..3).flat_map(|part| LOAD.portions(part, 3)) {
            assert!(payloads.len() <= LOAD.batch);
            for payload in payloads {
                assert_eq!(payload.len(), LOAD.bytes);
                tally.add(&payload).unwrap();
            }
        }
        LOAD.check(tally).unwrap();
    }

    #[test]
    fn a_lost_task_a_second_run_and_a_foreign_payload_are_seen() {
        let all: Vec<_> = LOAD.portions(0, 1).flatten().collect();
        let tally = |payloads: &[Vec<u8>]| {
            let mut tally = Tally::default();
            payloads.iter().for_each(|payload| tally.add(payload).unwrap());
            tally
        };
        let mut lost = all.clone();
        lost.remove(7);
        assert!(LOAD.check(tally(&lost)).is_err());
        let mut twice = lost;
        twice.push(all[8].clone());
        assert!(LOAD.check(tally(&twice)).is_err());
        assert!(Tally::default().add(b"foreign payload").is_err());
    }
}
