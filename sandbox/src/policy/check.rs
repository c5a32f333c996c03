//! The check from text to verdict.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::sync::mpsc::{self, SyncSender};

use super::code::Code;
use super::parse;
use super::rejection::Rejection;
use super::settings::Policy;
use super::source::Source;
use super::text;
use super::violation::Draft;
use super::walk;
use crate::Program;
use crate::threads::Threads;

/// The stack of a thread that parses, walks and drops the syntax tree, whose depth the limits bound. It is
/// reserved address space: only what is used costs memory, until the thread has had no work for a while.
const STACK: usize = 64 * 1024 * 1024;

/// The threads belong to the process, since policies are plain data. There are as many as checks run at once.
static THREADS: LazyLock<Threads> = LazyLock::new(|| Threads::new("cofferdam-check", STACK));

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
    let (tell, hear) = mpsc::sync_channel(1);
    let (policy, text) = (policy.clone(), source.text().to_owned());
    let begun = THREADS.run(move || parse_and_walk(&policy, &text, &tell));
    match begun.map(|()| hear.recv()) {
        Ok(Ok(findings)) => findings,
        // The parser panicked, which ended its thread.
        Ok(Err(_)) => failed("the checker gave up on this program"),
        Err(_) => failed("the system gave the checker no thread"),
    }
}

/// The tree is built, walked and dropped on the large stack; only plain findings leave it, and they do so before the
/// tree is dropped, for which nobody needs to wait.
fn parse_and_walk(policy: &Policy, text: &str, tell: &SyncSender<Findings>) {
    let source = Source::new(text);
    let (body, findings) = match parse::parse(&source, &policy.limits()) {
        Ok(body) => {
            let findings = walk::walk(policy, &source, &body);
            (body, findings)
        }
        Err(violation) => (Vec::new(), Findings::refused(vec![violation])),
    };
    // The caller waits until it is told, or until this thread panics.
    let _ = tell.send(findings);
    drop(body);
}

fn failed(message: &str) -> Findings {
    let help = "try again; if this program fails every time, report it";
    Findings::refused(vec![Draft::new(Code::CheckFailed, (0, 0), message.to_owned(), help)])
}
