//! The check that CPython repeats over its own syntax tree, under the machine's Python.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use cofferdam_sandbox::{Code, Policy, Program, Rejection};
use serde_json::{Value, json};

use crate::corpus;
use crate::rules::CASES;

/// What CPython's check says of one program.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) codes: BTreeSet<String>,
    /// Line and column of every violation.
    places: Vec<(u64, u64)>,
    pub(crate) answer: String,
}

impl Verdict {
    /// Whether this interpreter could not read the text, which may be newer than it.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.codes.len() == 1 && self.codes.contains("CD007")
    }

    fn has(&self, code: Code) -> bool {
        self.codes.contains(code.as_str())
    }
}

/// Checks programs with the guest's `cofferdam_policy` in one process. `COFFERDAM_PYTHON` names another interpreter, as for the
/// build.
pub(crate) fn verdicts<S: AsRef<str>>(sources: &[S], policy: &str) -> Vec<Verdict> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var("COFFERDAM_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(&python)
        .arg("-I")
        .arg(root.join("tests/policy/check_many.py"))
        .arg(root.join("guest/python"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run `{python}`, which these tests need: {error}"));
    // The host drops the mark before anybody else sees the text.
    let text = |source: &S| source.as_ref().strip_prefix('\u{feff}').unwrap_or(source.as_ref()).to_owned();
    let lines: String = sources
        .iter()
        .map(|source| format!("{}\n", json!({"source": text(source), "policy": policy})))
        .collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "cofferdam_policy failed: {}", output.status);
    writer.join().unwrap().unwrap();
    let verdicts: Vec<Verdict> = String::from_utf8(output.stdout).unwrap().lines().map(verdict).collect();
    assert_eq!(verdicts.len(), sources.len());
    verdicts
}

fn verdict(line: &str) -> Verdict {
    let answer: Value = serde_json::from_str(line).unwrap();
    let found = answer["violations"].as_array().cloned().unwrap_or_default();
    Verdict {
        codes: found.iter().map(|violation| violation[0].as_str().unwrap().to_owned()).collect(),
        places: found
            .iter()
            .map(|violation| (violation[1].as_u64().unwrap(), violation[2].as_u64().unwrap()))
            .collect(),
        answer: line.to_owned(),
    }
}

/// Grammar of Python 3.12, which an older interpreter cannot read.
fn is_modern(source: &str) -> bool {
    source.starts_with("type ") || source.contains("def f[") || source.contains("class A[")
}

#[test]
fn every_rule_refuses_and_allows_the_same_in_cpython() {
    let mut wrong = Vec::new();
    for (code, refused, allowed) in CASES {
        for (source, verdict) in refused.iter().zip(verdicts(refused, "{}")) {
            // What only the host's parser cannot read, CPython may.
            let newer = *code == Code::NewerGrammar || (is_modern(source) && verdict.is_unreadable());
            if !newer && !verdict.has(*code) {
                wrong.push(format!("{source:?} must be refused by {code:?}, got {}", verdict.answer));
            }
        }
        for (source, verdict) in allowed.iter().zip(verdicts(allowed, "{}")) {
            let newer = is_modern(source) && verdict.is_unreadable();
            if !newer && !verdict.codes.is_empty() {
                wrong.push(format!("{source:?} must pass, got {}", verdict.answer));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_static_attack_is_refused_for_its_reason() {
    let rows: Vec<_> = corpus::attacks().into_iter().filter(|row| row.layer == "static").collect();
    let sources: Vec<&str> = rows.iter().map(|row| row.code.as_str()).collect();
    let expected = corpus::expected();
    let mut wrong = Vec::new();
    for (row, verdict) in rows.iter().zip(verdicts(&sources, "{}")) {
        let code = expected[row.id.as_str()];
        // `lazy import`, which no released Python reads, and type parameters, which older ones do not.
        let unreadable = matches!(row.id.as_str(), "atk-146" | "atk-148") && verdict.is_unreadable();
        if !verdict.has(code) && !unreadable {
            wrong.push(format!("{}: {} instead of {code:?}", row.id, verdict.answer));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_benign_program_is_accepted() {
    let rows = corpus::benign();
    let sources: Vec<&str> = rows.iter().map(|row| row.code.as_str()).collect();
    for (row, verdict) in rows.iter().zip(verdicts(&sources, "{}")) {
        let modern = matches!(row.id.as_str(), "ben-058" | "ben-060") && verdict.is_unreadable();
        assert!(verdict.codes.is_empty() || modern, "{}: {}", row.id, verdict.answer);
    }
}

#[test]
fn places_are_those_of_the_host() {
    for (source, expected) in [
        ("from statistics import mean, sys", (1, 30)),
        ("\n\nx = 1 + eval('2')", (3, 9)),
        ("naïve = 'é' + eval('2')", (1, 15)),
        ("x = (a\n    .b\n    .__class__)", (3, 6)),
        ("x = 1\r\ny = eval\r\n", (2, 5)),
        ("x = 1\0", (1, 6)),
    ] {
        let found = verdicts(&[source], "{}").remove(0).places;
        assert_eq!(found.last(), Some(&expected), "{source:?}");
    }
}

#[test]
fn what_a_service_configured_holds_in_cpython_too() {
    let policy = Policy::default()
        .allow_names("talib", ["SMA"])
        .allow_module("company.risk")
        .deny_module("asyncio")
        .deny_name("print");
    let accepted = policy.check("import talib, company.risk\nx = talib.SMA").unwrap();
    let carried = accepted.policy().unwrap();
    let sources = [
        "import talib, company.risk\nx = talib.SMA(company.risk.var(1))",
        "import talib\nx = talib.RSI",
        "import talib.stream",
        "import company\nx = company._secrets",
        "import company._secrets",
        "import asyncio",
        "print(1)",
    ];
    for (source, verdict) in sources.iter().zip(verdicts(&sources, carried)) {
        let host: BTreeSet<String> = match policy.check(source) {
            Ok(_) => BTreeSet::new(),
            Err(rejection) => {
                rejection.violations().iter().map(|violation| violation.code.to_string()).collect()
            }
        };
        assert_eq!(verdict.codes, host, "{source}");
    }
}

#[test]
fn its_answer_becomes_a_rejection() {
    let source = "price = 3\nx = 'é' + eval('price')\nd.to_pickle('x')";
    let host = Policy::default().check(source).unwrap_err();
    let answer = verdicts(&[source], "{}").remove(0).answer;
    let guest = Rejection::from_guest(&Program::unchecked(source), answer.as_bytes()).unwrap();
    let seen = |rejection: &Rejection| -> Vec<_> {
        let violations = rejection.violations().iter();
        violations.map(|found| (found.code, found.line, found.column, found.snippet.clone())).collect()
    };
    assert_eq!(seen(&guest), seen(&host));
    assert!(
        guest.render("it").contains("2 | x = 'é' + eval('price')\n  |           ^^^^\n"),
        "{}",
        guest.render("it")
    );
}

#[test]
fn an_answer_that_is_none_is_told_from_a_rejection() {
    let program = Program::unchecked("x = 1");
    for answer in [
        "",
        "null",
        "[]",
        r#"{"violations": [], "omitted": 0}"#,
        r#"{"violations": [["CD999", 1, 1, 1, 1, "x"]], "omitted": 0}"#,
        r#"{"violations": [["CD201", -1, 1, 1, 1, "x"]], "omitted": 0}"#,
    ] {
        assert_eq!(Rejection::from_guest(&program, answer.as_bytes()), None, "{answer}");
    }
    let far = r#"{"violations": [["CD201", 9, 999999999, 0, 0, "\u001b[2J"]], "omitted": 7}"#;
    let rejection = Rejection::from_guest(&program, far.as_bytes()).unwrap();
    let first = &rejection.violations()[0];
    assert_eq!((first.line, first.column, rejection.omitted()), (1, 6, 7));
    assert!(!rejection.render("it").contains('\u{1b}'));
}
