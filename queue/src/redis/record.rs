//! The records of tasks as they lie in Redis; `lua/common.lua` describes the layout, and the functions read it too.

use std::time::Duration;

use crate::clock::{length, moment, span};
use crate::unique::UniqueSpan;
use crate::{Backoff, Label, NewTask, Priority};

/// The version of the layout. A record of another version is kept and never handed out.
const FORMAT: u8 = 1;

const EXTENDED: u8 = 1;
const BACKOFF: u8 = 2;
const MARKER: u8 = 4;
const TOLERANT: u8 = 8;

/// How a unique key that a later task may take over differs from one that it may not.
const REPLACING: u8 = 4;

/// Bytes that the functions put before a record: enqueued at, ready at, failures, crashes.
#[cfg(test)]
const STAMP_BYTES: usize = 20;

/// What a task is beyond its payload, as far as a worker or a person wants to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) enqueued_at: i64,
    pub(super) ready_at: i64,
    pub(super) failures: u32,
    pub(super) crashes: u32,
    pub(super) priority: Priority,
    pub(super) backoff: Option<Backoff>,
    pub(super) tenant: Option<Label>,
    pub(super) code: Option<Label>,
    pub(super) class: Option<Label>,
    pub(super) kind: Option<Label>,
    pub(super) deadline: Option<i64>,
    pub(super) payload: Vec<u8>,
}

/// Whether a task needs more than the shortest way through the functions.
pub(super) fn is_rich(task: &NewTask) -> bool {
    let labels = [&task.tenant, &task.limit, &task.code, &task.class, &task.kind, &task.group];
    labels.into_iter().any(Option::is_some)
        || task.unique.is_some()
        || task.deadline.is_some()
        || !task.delay.is_zero()
        || task.marker
}

/// The part of a record that the client writes.
pub(super) fn encode(task: &NewTask) -> Vec<u8> {
    let extended = is_rich(task);
    let mut flags = 0;
    for (flag, set) in [
        (EXTENDED, extended),
        (BACKOFF, task.backoff.is_some()),
        (MARKER, task.marker),
        (TOLERANT, task.tolerant),
    ] {
        flags |= if set { flag } else { 0 };
    }
    let mut record = Vec::with_capacity(task.payload.len() + 128);
    record.extend([FORMAT, flags, task.priority.rank()]);
    record.extend(task.max_attempts.get().to_be_bytes());
    record.extend(task.max_crashes.get().to_be_bytes());
    if extended {
        extend(&mut record, task);
    }
    if let Some(backoff) = task.backoff {
        put_millis(&mut record, span(backoff.base()));
        put_millis(&mut record, span(backoff.cap()));
    }
    record.extend(&task.payload);
    record
}

fn extend(record: &mut Vec<u8>, task: &NewTask) {
    // The place of the arrival number, which the function gives.
    put_millis(record, 0);
    let unique = task.unique.as_ref().map(|unique| &unique.key);
    for label in [
        task.tenant.as_ref(),
        task.limit.as_ref(),
        task.code.as_ref(),
        unique,
        task.class.as_ref(),
        task.kind.as_ref(),
        task.group.as_ref(),
    ] {
        let text = label.map_or("", |label| label.as_str());
        // A label has at most 64 bytes.
        record.push(u8::try_from(text.len()).unwrap_or(0));
        record.extend(text.as_bytes());
    }
    put_millis(record, task.deadline.map_or(0, |deadline| span(deadline).saturating_add(1)));
    let (kind, hold) = match task.unique.as_ref().map(|unique| unique.span) {
        None | Some(UniqueSpan::Done) => (0, Duration::ZERO),
        Some(UniqueSpan::Started) => (1, Duration::ZERO),
        Some(UniqueSpan::For(hold)) => (2, hold),
    };
    let replacing = task.unique.as_ref().is_some_and(|unique| unique.replace);
    record.push(kind + if replacing { REPLACING } else { 0 });
    put_millis(record, span(hold));
    put_millis(record, span(task.delay));
}

/// Six bytes, which hold milliseconds for the next nine thousand years.
fn put_millis(record: &mut Vec<u8>, millis: i64) {
    let bounded = millis.clamp(0, (1 << 47) - 1);
    record.extend(bounded.to_be_bytes().into_iter().skip(2));
}

/// Reads a whole record, with the functions' stamp; `None` if it is damaged or of another format.
pub(super) fn decode(bytes: &[u8]) -> Option<Record> {
    let mut reader = Reader(bytes);
    let (enqueued_at, ready_at) = (reader.millis()?, reader.millis()?);
    let (failures, crashes) = (reader.u32()?, reader.u32()?);
    let (format, flags) = (reader.byte()?, reader.byte()?);
    if format != FORMAT {
        return None;
    }
    let priority = Priority::from_rank(reader.byte()?.into())?;
    reader.take(8)?;
    let mut record = Record {
        enqueued_at,
        ready_at,
        failures,
        crashes,
        priority,
        backoff: None,
        tenant: None,
        code: None,
        class: None,
        kind: None,
        deadline: None,
        payload: Vec::new(),
    };
    if flags & EXTENDED != 0 {
        reader.take(6)?;
        record.tenant = reader.label()?;
        reader.label()?;
        record.code = reader.label()?;
        reader.label()?;
        record.class = reader.label()?;
        record.kind = reader.label()?;
        reader.label()?;
        let deadline = reader.millis()?;
        record.deadline = (deadline > 0).then(|| enqueued_at.saturating_add(deadline - 1));
        reader.take(13)?;
    }
    if flags & BACKOFF != 0 {
        let (base, cap) = (length(reader.millis()?), length(reader.millis()?));
        record.backoff = Backoff::new(base, cap).ok();
    }
    record.payload = reader.0.to_vec();
    Some(record)
}

/// What a lease in `inf` says: who has the task, and until when.
pub(super) fn holder(hold: &[u8]) -> Option<(&str, i64)> {
    const CHARGED: u8 = 16;
    let (rest, flags) = hold.split_at_checked(hold.len().checked_sub(1)?)?;
    let (rest, until) = rest.split_at_checked(rest.len().checked_sub(6)?)?;
    let charge = if flags.first()? & CHARGED == 0 { 0 } else { 7 };
    let (_, rest) = rest.split_at_checked(8)?;
    let (worker, _) = rest.split_at_checked(rest.len().checked_sub(charge)?)?;
    Some((std::str::from_utf8(worker).ok()?, Reader(until).millis()?))
}

/// The moment at the beginning of a result or a death, and what follows it.
pub(super) fn dated(bytes: &[u8]) -> Option<(std::time::SystemTime, &[u8])> {
    let mut reader = Reader(bytes);
    let at = reader.millis()?;
    Some((moment(at), reader.0))
}

/// Bytes that are read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn millis(&mut self) -> Option<i64> {
        Some(self.take(6)?.iter().fold(0, |sum, byte| (sum << 8) | i64::from(*byte)))
    }

    fn label(&mut self) -> Option<Option<Label>> {
        let count = usize::from(self.byte()?);
        let text = std::str::from_utf8(self.take(count)?).ok()?;
        if text.is_empty() { Some(None) } else { Label::new(text).ok().map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped(task: &NewTask) -> Vec<u8> {
        let mut bytes = vec![0; STAMP_BYTES];
        bytes.extend(encode(task));
        bytes
    }

    #[test]
    fn a_record_survives_the_round_trip() {
        let label = |text: &str| Label::new(text).unwrap();
        let backoff = Backoff::new(Duration::from_millis(7), Duration::from_secs(9)).unwrap();
        let plain = NewTask::new("payload").priority(Priority::Low).backoff(backoff);
        let record = decode(&stamped(&plain)).unwrap();
        assert_eq!((record.payload.as_slice(), record.backoff), (&b"payload"[..], Some(backoff)));
        assert_eq!(record.priority, Priority::Low);
        let rich = plain.tenant(label("t")).class(label("gpu")).kind(label("score")).code(label("c0de"));
        let record = decode(&stamped(&rich.deadline(Duration::from_secs(3)))).unwrap();
        assert_eq!(record.payload, b"payload");
        assert_eq!(record.deadline, Some(3000));
        let labels = [&record.tenant, &record.class, &record.kind, &record.code];
        assert_eq!(
            labels.map(|label| label.as_ref().map(Label::as_str)),
            ["t", "gpu", "score", "c0de"].map(Some)
        );
    }

    #[test]
    fn what_is_cut_or_of_another_format_is_not_read() {
        let whole = stamped(&NewTask::new("").kind(Label::new("score").unwrap()));
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length]), None, "{length} bytes");
        }
        let mut newer = whole;
        newer[STAMP_BYTES] = FORMAT + 1;
        assert_eq!(decode(&newer), None);
    }
}
