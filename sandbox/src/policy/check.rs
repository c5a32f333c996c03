//! The check from text to verdict.

use std::collections::BTreeSet;
use std::thread;

use super::code::Code;
use super::parse;
use super::rejection::Rejection;
use super::settings::Policy;
use super::source::Source;
use super::text;
use super::violation::Draft;
use super::walk;
use crate::Program;

/// The stack of the thread that parses, walks and drops the syntax tree, whose depth the limits bound. It is
/// reserved address space: only what is used costs memory.
const STACK: usize = 64 * 1024 * 1024;

/// What a walk over the program found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) violations: Vec<Draft>,
    pub(super) modules: BTreeSet<String>,
    /// Those of `modules` that are imported where an ImportError is not caught.
    pub(super) required: BTreeSet<String>,
    pub(super) series: BTreeSet<String>,
}

impl Findings {
    pub(super) fn refused(violations: Vec<Draft>) -> Self {
        Self { violations, ..Self::default() }
    }
}

pub(super) fn run(policy: &Policy, source: &str) -> Result<Program, Rejection> {
    let text = source.strip_prefix(text::MARK).unwrap_or(source);
    let source = Source::new(text);
    let findings = examine(policy, &source);
    match Rejection::new(findings.violations, policy.limits().violations, &source) {
        Some(rejection) => Err(rejection),
        None => {
            Ok(Program::checked(text, findings.modules, findings.required, findings.series, policy.carried()))
        }
    }
}

/// Runs the stages, each of which makes the next one safe.
fn examine(policy: &Policy, source: &Source<'_>) -> Findings {
    let violations = text::check(source, &policy.limits());
    if !violations.is_empty() {
        return Findings::refused(violations);
    }
    // The tree is built, walked and dropped on the large stack; only plain findings come back. A panic of the
    // parser ends that thread alone and counts as a refusal.
    let verdict = thread::scope(|scope| {
        thread::Builder::new()
            .name("cofferdam-check".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || parse_and_walk(policy, source))
            .map(thread::ScopedJoinHandle::join)
    });
    match verdict {
        Ok(Ok(findings)) => findings,
        Ok(Err(_)) => failed("the checker gave up on this program"),
        Err(_) => failed("the system gave the checker no thread"),
    }
}

fn parse_and_walk(policy: &Policy, source: &Source<'_>) -> Findings {
    match parse::parse(source, &policy.limits()) {
        Ok(body) => walk::walk(policy, source, &body),
        Err(violation) => Findings::refused(vec![violation]),
    }
}

fn failed(message: &str) -> Findings {
    let help = "try again; if this program fails every time, report it";
    Findings::refused(vec![Draft::new(Code::CheckFailed, (0, 0), message.to_owned(), help)])
}
