//! What a queue keeps of a schedule: its definition, and apart from that when it last fired.
//!
//! They lie under two names, because they are written by different hands: a person who changes a schedule while a
//! worker fires it must not have the change undone by what the worker writes.

use std::time::SystemTime;

use super::MissedFire;
use super::calendar::Calendar;
use crate::clock::{millis, moment};
use crate::envelope::bytes::{Reader, Writer, damaged};

use crate::{Error, Label, MAX_LABEL_BYTES, NewTask};

/// The version of both records.
const VERSION: u8 = 1;

/// What follows a schedule's name in the name of its second record.
const FIRED: &str = "@fired";

/// The definition of a schedule.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    /// From when on it fires.
    pub(super) since: SystemTime,
    pub(super) expression: String,
    /// The zone's name; empty for UTC.
    pub(super) zone: String,
    pub(super) missed: MissedFire,
    pub(super) template: NewTask,
}

impl Definition {
    pub(super) fn calendar(&self) -> Result<Calendar, Error> {
        Calendar::new(&self.expression, Some(self.zone.as_str()).filter(|zone| !zone.is_empty()))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        writer.number(millis(self.since).unsigned_abs());
        writer.text(&self.expression);
        writer.text(&self.zone);
        match self.missed {
            MissedFire::Skip => writer.byte(0),
            MissedFire::Once => writer.byte(1),
            MissedFire::Each { max } => {
                writer.byte(2);
                writer.number(max.into());
            }
        }
        writer.bytes(&self.template.to_record());
        writer.sealed()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::open(bytes, VERSION)?;
        let definition = Self {
            since: read_moment(&mut reader)?,
            expression: reader.text()?.to_owned(),
            zone: reader.text()?.to_owned(),
            missed: match reader.byte()? {
                0 => MissedFire::Skip,
                1 => MissedFire::Once,
                2 => MissedFire::Each { max: reader.small()? },
                _ => return Err(damaged("it has a policy that does not exist")),
            },
            template: NewTask::from_record(reader.bytes()?)?,
        };
        reader.end()?;
        Ok(definition)
    }

    /// Whether the other one asks for the same, whenever it was written.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let timeless = |definition: &Self| Self { since: self.since, ..definition.clone() }.to_bytes();
        self.to_bytes() == timeless(other)
    }
}

/// When a schedule last fired.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fired {
    /// The definition that this belongs to, by the moment of its beginning.
    pub(super) since: SystemTime,
    pub(super) last: SystemTime,
}

impl Fired {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        writer.number(millis(self.since).unsigned_abs());
        writer.number(millis(self.last).unsigned_abs());
        writer.sealed()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::open(bytes, VERSION)?;
        let fired = Self { since: read_moment(&mut reader)?, last: read_moment(&mut reader)? };
        reader.end()?;
        Ok(fired)
    }
}

fn read_moment(reader: &mut Reader<'_>) -> Result<SystemTime, Error> {
    Ok(moment(i64::try_from(reader.number()?).map_err(|_| damaged("a moment in it is out of range"))?))
}

/// The name of the second record.
pub(super) fn fired_name(schedule: &Label) -> Result<Label, Error> {
    Label::new(&format!("{schedule}{FIRED}"))
}

/// Whether a name is that of a schedule, and not of a second record.
pub(super) fn is_schedule(name: &Label) -> bool {
    !name.as_str().contains('@')
}

/// Checks that a schedule can have this name.
pub(super) fn check_name(name: &Label) -> Result<(), Error> {
    let problem = if !is_schedule(name) {
        "leave out @: it separates the name from the time in the ids of tasks"
    } else if name.as_str().len() + FIRED.len() > MAX_LABEL_BYTES {
        "it is too long: a schedule's name has at most 58 bytes"
    } else {
        return Ok(());
    };
    Err(Error::InvalidName { what: "schedule name", value: name.to_string(), problem })
}
