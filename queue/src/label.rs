//! Short names that tasks carry: their kind, tenant, class, group, limit, code.

use std::fmt;
use std::sync::Arc;

use crate::Error;
use crate::id::check;

/// The longest label in bytes.
pub const MAX_LABEL_BYTES: usize = 64;

/// A short name: 1 to 64 bytes without control characters and braces. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

impl Label {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`Error::InvalidName`] if it is empty, longer than 64 bytes or holds a forbidden character.
    pub fn new(name: &str) -> Result<Self, Error> {
        check("label", name, MAX_LABEL_BYTES, |c| c.is_control() || matches!(c, '{' | '}'))?;
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
