//! The answer of the check inside the guest, which reads the program with CPython's own parser.

use serde::Deserialize;

use super::code::Code;
use super::rejection::Rejection;
use super::source::{Source, quoted_line};
use super::violation::Draft;
use crate::Program;

/// The most violations that are taken from a guest, whatever its policy says.
const MOST: u32 = 1_000;

/// What `cofferdam_policy.answer` returns.
#[derive(Deserialize)]
struct Answer {
    violations: Vec<Found>,
    omitted: usize,
}

/// Code, line, column, end line, end column, message.
#[derive(Deserialize)]
struct Found(String, u32, u32, u32, u32, String);

impl Rejection {
    /// The rejection that the check inside the guest answered with: the JSON that `cofferdam_policy.answer` returns for
    /// a program which it refuses. For those who write a backend of their own.
    ///
    /// `None` where the answer is no such JSON, names no known rule or holds no violation, which is the guest's
    /// fault and not the program's. Places outside the program's text are moved into it.
    #[must_use]
    pub fn from_guest(program: &Program, answer: &[u8]) -> Option<Self> {
        let answer: Answer = serde_json::from_slice(answer).ok()?;
        let source = Source::new(program.source());
        let mut drafts = Vec::new();
        for Found(code, line, column, end_line, end_column, message) in answer.violations {
            let code = Code::parse(&code)?;
            let start = source.offset(line, column);
            let end = source.offset(end_line, end_column).max(start);
            drafts.push(Draft::new(code, (start, end), quoted_line(&message), code.explain().instead));
        }
        let rejection = Self::new(drafts, MOST, &source)?;
        Some(rejection.with_omitted(answer.omitted))
    }
}
