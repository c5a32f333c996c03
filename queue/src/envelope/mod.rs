//! A task as a compact record, for those who keep tasks outside of a queue: an outbox, a schedule, a store.
//!
//! Version 1, in the words of [`bytes`]: the version, what is present as bits, the id, the priority's rank, delay,
//! attempts and crashes, then each optional part in the order of its bit, the payload, the sum. The record of a task
//! is the same on every machine and may outlive the program, so no part of it may ever change its meaning: what is
//! new takes a new bit and a new version.

pub(crate) mod bytes;

use std::num::NonZeroU32;

use self::bytes::{Reader, Writer, damaged};
use crate::limits::{MAX_DEPENDENCIES, MAX_PAYLOAD_BYTES};
use crate::unique::{Unique, UniqueSpan};
use crate::{Backoff, Error, NewTask, Priority, TaskId};

/// The version that is written, and the latest that is read.
const VERSION: u8 = 1;

/// The bits that say what is present.
mod part {
    pub(super) const BACKOFF: u64 = 1 << 0;
    pub(super) const KIND: u64 = 1 << 1;
    pub(super) const CLASS: u64 = 1 << 2;
    pub(super) const TENANT: u64 = 1 << 3;
    pub(super) const CODE: u64 = 1 << 4;
    pub(super) const DEADLINE: u64 = 1 << 5;
    pub(super) const GROUP: u64 = 1 << 6;
    pub(super) const LIMIT: u64 = 1 << 7;
    pub(super) const UNIQUE: u64 = 1 << 8;
    pub(super) const AFTER: u64 = 1 << 9;
    pub(super) const TOLERANT: u64 = 1 << 10;
    pub(super) const MARKER: u64 = 1 << 11;
    pub(super) const ALL: u64 = (1 << 12) - 1;
}

impl NewTask {
    /// The task as a compact record, about twenty bytes beside its id and its payload.
    ///
    /// ```
    /// use cofferdam_queue::NewTask;
    ///
    /// let task = NewTask::new("payload");
    /// let record = task.to_record();
    /// assert_eq!(NewTask::from_record(&record)?.task_id(), task.task_id());
    /// # Ok::<(), cofferdam_queue::Error>(())
    /// ```
    #[must_use]
    pub fn to_record(&self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        writer.number(self.parts());
        writer.text(self.id.as_str());
        writer.byte(self.priority.rank());
        writer.span(self.delay);
        writer.number(self.max_attempts.get().into());
        writer.number(self.max_crashes.get().into());
        if let Some(backoff) = self.backoff {
            writer.span(backoff.base());
            writer.span(backoff.cap());
        }
        for label in [&self.kind, &self.class, &self.tenant, &self.code].into_iter().flatten() {
            writer.text(label.as_str());
        }
        if let Some(deadline) = self.deadline {
            writer.span(deadline);
        }
        for label in [&self.group, &self.limit].into_iter().flatten() {
            writer.text(label.as_str());
        }
        if let Some(unique) = &self.unique {
            write_unique(&mut writer, unique);
        }
        if !self.after.is_empty() {
            writer.number(self.after.len() as u64);
            self.after.iter().for_each(|task| writer.text(task.as_str()));
        }
        writer.bytes(&self.payload);
        writer.sealed()
    }

    /// Reads a record that [`to_record`](Self::to_record) made, in this version of the crate or an earlier one.
    ///
    /// # Errors
    /// [`Error::NewerRecord`] for one of a later version, [`Error::DamagedRecord`] for anything else that is not such
    /// a record.
    pub fn from_record(record: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::open(record, VERSION)?;
        let parts = reader.number()?;
        if parts & !part::ALL != 0 {
            return Err(damaged("it claims parts that do not exist"));
        }
        let has = |bit: u64| parts & bit != 0;
        let id = read_id(&mut reader)?;
        let rank = reader.byte()?;
        let of_rank = |priority: &Priority| priority.rank() == rank;
        let priority = Priority::ALL
            .into_iter()
            .find(of_rank)
            .ok_or(damaged("it has a priority that does not exist"))?;
        // A struct's fields are evaluated in the order in which they are written here, which is that of the record.
        let task = Self {
            id,
            priority,
            delay: reader.span()?,
            max_attempts: read_positive(&mut reader)?,
            max_crashes: read_positive(&mut reader)?,
            backoff: optional(has(part::BACKOFF), || read_backoff(&mut reader))?,
            kind: optional(has(part::KIND), || reader.label())?,
            class: optional(has(part::CLASS), || reader.label())?,
            tenant: optional(has(part::TENANT), || reader.label())?,
            code: optional(has(part::CODE), || reader.label())?,
            deadline: optional(has(part::DEADLINE), || reader.span())?,
            group: optional(has(part::GROUP), || reader.label())?,
            limit: optional(has(part::LIMIT), || reader.label())?,
            unique: optional(has(part::UNIQUE), || read_unique(&mut reader))?,
            after: optional(has(part::AFTER), || read_after(&mut reader))?.unwrap_or_default(),
            tolerant: has(part::TOLERANT),
            marker: has(part::MARKER),
            payload: read_payload(&mut reader)?,
        };
        reader.end()?;
        Ok(task)
    }

    fn parts(&self) -> u64 {
        let present = [
            (part::BACKOFF, self.backoff.is_some()),
            (part::KIND, self.kind.is_some()),
            (part::CLASS, self.class.is_some()),
            (part::TENANT, self.tenant.is_some()),
            (part::CODE, self.code.is_some()),
            (part::DEADLINE, self.deadline.is_some()),
            (part::GROUP, self.group.is_some()),
            (part::LIMIT, self.limit.is_some()),
            (part::UNIQUE, self.unique.is_some()),
            (part::AFTER, !self.after.is_empty()),
            (part::TOLERANT, self.tolerant),
            (part::MARKER, self.marker),
        ];
        present.into_iter().filter(|(_, present)| *present).map(|(bit, _)| bit).sum()
    }
}

fn optional<T>(present: bool, read: impl FnOnce() -> Result<T, Error>) -> Result<Option<T>, Error> {
    present.then(read).transpose()
}

fn read_id(reader: &mut Reader<'_>) -> Result<TaskId, Error> {
    TaskId::new(reader.text()?).map_err(|_| damaged("an id in it cannot be one"))
}

fn read_positive(reader: &mut Reader<'_>) -> Result<NonZeroU32, Error> {
    NonZeroU32::new(reader.small()?).ok_or(damaged("it allows no attempt"))
}

fn read_backoff(reader: &mut Reader<'_>) -> Result<Backoff, Error> {
    let (base, cap) = (reader.span()?, reader.span()?);
    Backoff::new(base, cap).map_err(|_| damaged("its back-off has a cap below its base"))
}

fn write_unique(writer: &mut Writer, unique: &Unique) {
    writer.text(unique.key.as_str());
    writer.byte(unique.replace.into());
    match unique.span {
        UniqueSpan::Done => writer.byte(0),
        UniqueSpan::Started => writer.byte(1),
        UniqueSpan::For(duration) => {
            writer.byte(2);
            writer.span(duration);
        }
    }
}

fn read_unique(reader: &mut Reader<'_>) -> Result<Unique, Error> {
    let key = reader.label()?;
    let replace = reader.flag()?;
    let span = match reader.byte()? {
        0 => UniqueSpan::Done,
        1 => UniqueSpan::Started,
        2 => UniqueSpan::For(reader.span()?),
        _ => return Err(damaged("its unique key has a span that does not exist")),
    };
    Ok(Unique { key, span, replace })
}

fn read_after(reader: &mut Reader<'_>) -> Result<Vec<TaskId>, Error> {
    let count = reader.number()?;
    if count == 0 || count > MAX_DEPENDENCIES as u64 {
        return Err(damaged("it waits for an impossible number of tasks"));
    }
    (0..count).map(|_| read_id(reader)).collect()
}

fn read_payload(reader: &mut Reader<'_>) -> Result<Vec<u8>, Error> {
    let payload = reader.bytes()?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(damaged("its payload is larger than any may be"));
    }
    Ok(payload.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Bytes that nobody wrote but whose sum is right: the reader meets every kind of nonsense behind it.
        #[test]
        fn nonsense_is_refused_or_read_but_never_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut writer = Writer::new(VERSION);
            body.iter().for_each(|byte| writer.byte(*byte));
            if let Ok(task) = NewTask::from_record(&writer.sealed()) {
                prop_assert!(task.payload.len() <= body.len());
            }
        }
    }
}
