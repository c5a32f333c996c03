//! Programs of others: what of HumanEval the policy refuses, by name and reason.

use std::collections::BTreeSet;

use cofferdam_sandbox::{Code, Policy};

use crate::guest::verdicts;
use crate::humaneval::problems;

/// The refused problems, each for one reason that is justified.
const REFUSED: &[(&str, Code)] = &[
    // Its solution writes an expression as text and calls `eval`.
    ("HumanEval/160", Code::DeniedName),
    // Its solution is `hashlib.md5`; strategies hash nothing, and the module also reads files. A service may allow it.
    ("HumanEval/162", Code::ModuleNotAllowed),
];

#[test]
fn all_problems_are_accepted_but_those_with_a_reason() {
    let problems = problems();
    assert_eq!(problems.len(), 164);
    let mut wrong = Vec::new();
    for problem in &problems {
        let expected = REFUSED.iter().filter(|(id, _)| *id == problem.id).map(|(_, code)| *code).collect();
        let found: BTreeSet<Code> = match Policy::default().check(&problem.program) {
            Ok(_) => BTreeSet::new(),
            Err(rejection) => rejection.violations().iter().map(|violation| violation.code).collect(),
        };
        if found != expected {
            let rendered = Policy::default()
                .check(&problem.program)
                .err()
                .map(|rejection| rejection.render(&problem.id));
            wrong.push(format!("{}: {found:?}\n{}", problem.id, rendered.unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cpython_refuses_no_more_of_them() {
    let problems = problems();
    let programs: Vec<&str> = problems.iter().map(|problem| problem.program.as_str()).collect();
    for (problem, verdict) in problems.iter().zip(verdicts(&programs, "{}")) {
        let expected: BTreeSet<String> =
            REFUSED.iter().filter(|(id, _)| *id == problem.id).map(|(_, code)| code.to_string()).collect();
        assert_eq!(verdict.codes, expected, "{}: {}", problem.id, verdict.answer);
    }
}
