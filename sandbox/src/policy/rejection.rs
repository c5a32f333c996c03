//! The answer to a program that is refused.

use std::fmt;

use serde::Serialize;

use super::source::Source;
use super::violation::{Draft, Violation};

/// A program was refused: every reason, in the order of the text.
///
/// `Display` is one line; [`render`](Self::render) shows each place as a compiler would, [`sarif`](Self::sarif) hands
/// them to code-scanning tools, and serialised it is `{"violations": [...], "omitted": n}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// Never empty, sorted by place.
    violations: Vec<Violation>,
    omitted: usize,
}

impl Rejection {
    /// Sorts, drops repetitions, and keeps the first `limit` (at least one). `None` when there is nothing.
    pub(super) fn new(mut drafts: Vec<Draft>, limit: u32, source: &Source<'_>) -> Option<Self> {
        drafts.sort_by(|a, b| (a.start, a.code, &a.message).cmp(&(b.start, b.code, &b.message)));
        drafts.dedup_by(|a, b| (a.start, a.code) == (b.start, b.code));
        let kept = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        let omitted = drafts.len().saturating_sub(kept);
        let violations: Vec<_> = drafts.into_iter().take(kept).map(|draft| draft.place(source)).collect();
        (!violations.is_empty()).then_some(Self { violations, omitted })
    }

    /// Counts reasons that somebody else left out.
    pub(super) fn with_omitted(mut self, omitted: usize) -> Self {
        self.omitted = self.omitted.saturating_add(omitted);
        self
    }

    /// The reasons, in the order of the text; at least one.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How many more reasons there were than [`Bounds::violations`](crate::Bounds::violations) keeps.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.violations.len() + self.omitted;
        if let Some(first) = self.violations.first() {
            write!(
                formatter,
                "program refused: {} ({}, line {}, column {})",
                first.message, first.code, first.line, first.column
            )?;
        }
        if count > 1 { write!(formatter, " and {} more", count - 1) } else { Ok(()) }
    }
}

impl std::error::Error for Rejection {}
