//! Names and identities, checked when they are made.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Error;
use crate::limits::MAX_NAME_BYTES;
use crate::random::random_u64;

/// The name of a queue: 1 to 128 bytes without control characters, `{` and `}` (a clustered store gives braces a
/// meaning). Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(Arc<str>);

impl QueueName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`Error::InvalidName`] if it is empty, too long or holds a forbidden character.
    pub fn new(name: &str) -> Result<Self, Error> {
        check("queue name", name, MAX_NAME_BYTES, |c| c.is_control() || matches!(c, '{' | '}'))?;
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identity of a task within its queue: any text of 1 to 128 bytes. Cheap to clone.
///
/// A caller who chooses the id may repeat an enqueue without fear: the queue keeps one task of an id as long as it
/// keeps its record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// Checks and takes an id of the caller's choice.
    ///
    /// # Errors
    /// [`Error::InvalidName`] if it is empty or longer than 128 bytes.
    pub fn new(id: &str) -> Result<Self, Error> {
        check("task id", id, MAX_NAME_BYTES, |_| false)?;
        Ok(Self(id.into()))
    }

    /// A fresh id: a version 7 UUID, so ids made later sort later.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::now_v7().hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).into())
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes an id that this crate has stored, hence checked, before.
    #[cfg(any(feature = "redis", feature = "sqlite"))]
    pub(crate) fn from_stored(id: &str) -> Self {
        Self(id.into())
    }
}

/// The identity of one life of a worker: its name and a random epoch. Cheap to clone.
///
/// The epoch is drawn anew at every start, so a worker that is restarted under its old name has no claim on what
/// its former life held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId {
    name: Arc<str>,
    epoch: u64,
}

impl WorkerId {
    /// A new life of the worker of this name: 1 to 128 bytes without control characters, `{`, `}` and `#`.
    ///
    /// # Errors
    /// [`Error::InvalidName`] if the name is empty, too long or holds a forbidden character.
    pub fn new(name: &str) -> Result<Self, Error> {
        Self::with_epoch(name, random_u64())
    }

    /// The identity of a life that is known already, for instance from a heartbeat.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_epoch(name: &str, epoch: u64) -> Result<Self, Error> {
        check("worker name", name, MAX_NAME_BYTES, |c| c.is_control() || matches!(c, '{' | '}' | '#'))?;
        Ok(Self { name: name.into(), epoch })
    }

    /// The name, which successive lives share.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The epoch, which no other life shares.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes `name#epoch` with the epoch as 16 hexadecimal digits; [`FromStr`] reads it back.
impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{:016x}", self.name, self.epoch)
    }
}

impl FromStr for WorkerId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::InvalidName {
            what: "worker identity",
            value: shortened(text),
            problem: "write it as name#epoch with 16 hexadecimal digits",
        };
        let (name, epoch) = text.split_once('#').ok_or_else(malformed)?;
        if epoch.len() != 16 || !epoch.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        Self::with_epoch(name, u64::from_str_radix(epoch, 16).map_err(|_| malformed())?)
    }
}

pub(crate) fn check(
    what: &'static str,
    value: &str,
    longest: usize,
    forbidden: impl Fn(char) -> bool,
) -> Result<(), Error> {
    let problem = if value.is_empty() {
        "it is empty"
    } else if value.len() > longest {
        "it is too long: labels have at most 64 bytes, other names 128"
    } else if value.chars().any(forbidden) {
        "leave out control characters, braces and (in a worker's name) the number sign"
    } else {
        return Ok(());
    };
    Err(Error::InvalidName { what, value: shortened(value), problem })
}

/// The beginning of a value that may be of any length, for an error message.
fn shortened(value: &str) -> String {
    let mut short: String = value.chars().take(40).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        let longest = "x".repeat(128);
        assert!(TaskId::new(&longest).is_ok() && QueueName::new(&longest).is_ok());
        let too_long = "x".repeat(129);
        for bad in ["", too_long.as_str()] {
            assert!(TaskId::new(bad).is_err());
            assert!(QueueName::new(bad).is_err());
            assert!(WorkerId::new(bad).is_err());
        }
        assert!(QueueName::new("a{b}").is_err() && QueueName::new("a\nb").is_err());
        assert!(WorkerId::new("a#b").is_err());
        assert!(TaskId::new("{any} #text\n").is_ok());
    }

    #[test]
    fn an_identity_survives_the_round_trip_and_two_lives_differ() {
        let life = WorkerId::new("node-1").unwrap();
        assert_eq!(life.to_string().parse::<WorkerId>().unwrap(), life);
        assert_ne!(life, WorkerId::new("node-1").unwrap());
        for bad in ["node-1", "node-1#12", "#0123456789abcdef", "node-1#+123456789abcdef"] {
            assert!(bad.parse::<WorkerId>().is_err(), "{bad}");
        }
    }
}
