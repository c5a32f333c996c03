//! One reason to refuse a program.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::code::Code;
use super::source::Source;

/// One reason to refuse a program: what, where, and what to write instead.
///
/// Serialises as `code`, `title` of the rule, `line`, `column`, `end_line`, `end_column`, `message`, `help` and
/// `documentation`, the rule's page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The rule, which is stable over releases.
    pub code: Code,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The line on which the marked place ends.
    pub end_line: u32,
    /// The column behind its last character.
    pub end_column: u32,
    /// What is wrong, in lowercase and without a full stop. Words of the program are shortened and stripped of
    /// control characters.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// The line of the program, or the part of a long line that holds the place.
    pub snippet: String,
    /// Characters of the snippet before the marked place.
    pub(super) indent: usize,
    /// Characters of the marked place.
    pub(super) width: usize,
}

/// A violation before anyone counted its line and column.
///
/// Counting takes time in proportion to the line, and a text may break a rule in every second byte of one long
/// line; so only the violations that are kept are counted.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) code: Code,
    /// Byte offset of the first marked character.
    pub(super) start: usize,
    /// Byte offset after the last one.
    pub(super) end: usize,
    pub(super) message: String,
    pub(super) help: String,
}

impl Draft {
    pub(super) fn new(
        code: Code,
        (start, end): (usize, usize),
        message: String,
        help: impl Into<String>,
    ) -> Self {
        Self { code, start, end, message, help: help.into() }
    }

    pub(super) fn place(self, source: &Source<'_>) -> Violation {
        let place = source.place(self.start, self.end);
        Violation {
            code: self.code,
            line: place.line,
            column: place.column,
            end_line: place.end.0,
            end_column: place.end.1,
            message: self.message,
            help: self.help,
            snippet: place.snippet,
            indent: place.indent,
            width: place.width,
        }
    }
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Violation", 9)?;
        fields.serialize_field("code", &self.code)?;
        fields.serialize_field("title", self.code.explain().title)?;
        fields.serialize_field("line", &self.line)?;
        fields.serialize_field("column", &self.column)?;
        fields.serialize_field("end_line", &self.end_line)?;
        fields.serialize_field("end_column", &self.end_column)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("help", &self.help)?;
        fields.serialize_field("documentation", &self.code.documentation())?;
        fields.end()
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
