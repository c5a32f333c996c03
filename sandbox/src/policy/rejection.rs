//! The answer to a program that is refused.

use std::fmt::{self, Write as _};

use super::source::Source;
use super::violation::{Draft, Violation};

/// A program was refused: every reason, in the order of the text.
///
/// `Display` is one line; [`render`](Self::render) shows each place as a compiler would.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    /// All reasons as plain text for people, with the program's lines and marks below them. `name` stands for the
    /// program, as in `strategy.py`.
    ///
    /// ```
    /// use cofferdam_sandbox::Policy;
    ///
    /// let rejection = Policy::default().check("import os").unwrap_err();
    /// assert_eq!(
    ///     rejection.render("strategy.py"),
    ///     "error[CD101]: import of `os` is not allowed: it reaches files and processes
    ///  --> strategy.py:1:8
    ///   |
    /// 1 | import os
    ///   |        ^^
    ///   = help: remove the import; ask the service to allow the module if the program needs it
    /// "
    /// );
    /// ```
    #[must_use]
    pub fn render(&self, name: &str) -> String {
        let mut text = String::new();
        for (index, violation) in self.violations.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            // Writing to a String cannot fail.
            let _ = render(&mut text, name, violation);
        }
        if self.omitted > 0 {
            let _ = writeln!(text, "\n… and {} more", self.omitted);
        }
        text
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

fn render(text: &mut String, name: &str, violation: &Violation) -> fmt::Result {
    let line = violation.line.to_string();
    let margin = " ".repeat(line.len());
    writeln!(text, "error[{}]: {}", violation.code, violation.message)?;
    writeln!(text, "{margin}--> {name}:{line}:{}", violation.column)?;
    writeln!(text, "{margin} |")?;
    writeln!(text, "{line} | {}", violation.snippet)?;
    writeln!(text, "{margin} | {}{}", " ".repeat(violation.indent), "^".repeat(violation.width))?;
    writeln!(text, "{margin} = help: {}", violation.help)
}
