//! The corpus of programs, and what is asked of every backend that runs the hostile ones.
#![allow(dead_code, reason = "each test binary uses what it needs")]

use cofferdam_sandbox::{Fault, Input, Limits, Program, Sandbox};

/// A corpus file's rows.
pub(crate) fn rows(file: &str) -> Vec<serde_json::Value> {
    let path = format!("{}/tests/corpus/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs every hostile program with no policy in front of it: none may be the platform's fault, hold more than it was
/// given, or say what rewrites a terminal.
pub(crate) async fn attack(sandbox: &impl Sandbox, limits: &Limits) {
    let rows = rows("attacks.jsonl");
    assert!(rows.len() >= 79);
    for row in rows {
        let (id, code) = (row["id"].as_str().unwrap(), row["code"].as_str().unwrap());
        let outcome = match sandbox.run(&Program::unchecked(code), &Input::new(), limits).await {
            Ok(outcome) => outcome,
            // What the interpreter cannot even load never runs.
            Err(error) => {
                assert_eq!(error.fault(), Fault::User, "{id}: {error}");
                continue;
            }
        };
        if let Err(error) = &outcome.result {
            assert_eq!(error.fault(), Fault::User, "{id}: {error}");
            assert_ne!(error.to_string(), "", "{id}");
        }
        assert!(outcome.usage.peak_memory <= limits.memory, "{id}");
        assert!(!outcome.stdout.contains('\u{1b}'), "{id}");
    }
}
