//! The example `batch_writer` as somebody runs it.
#![cfg(feature = "store")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod example;

use std::process::Output;

use example::{code, example};
use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    example("batch_writer").args(arguments).output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn it_writes_changes_and_tells() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("rows.sqlite3").display());
    let output = run(&["--url", &url, "--rows", "5000", "--json"]);
    assert_eq!(code(&output), 0, "{}", complaint(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    for phase in ["insert", "update"] {
        let phase = &told[phase];
        assert_eq!(phase["rows"], 5000);
        let batches = phase["batches"].as_f64().unwrap();
        assert!(batches >= 1.0 && phase["rows_per_batch"].as_f64().unwrap() * batches > 4999.0, "{phase}");
        assert!(phase["flush_p50_ms"].as_f64() <= phase["flush_p99_ms"].as_f64(), "{phase}");
    }
    let output = run(&["--url", &url, "--rows", "3"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.starts_with("insert: 3 rows") && text.contains("update: 3 rows"), "{text}");
}

#[test]
fn it_leaves_a_table_alone_that_is_there_already() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("rows.sqlite3").display());
    assert_eq!(code(&run(&["--url", &url, "--rows", "7", "--keep"])), 0);
    let output = run(&["--url", &url, "--rows", "7"]);
    assert_eq!(code(&output), 1);
    assert!(complaint(&output).contains("--replace"), "{}", complaint(&output));
    assert_eq!(code(&run(&["--url", &url, "--rows", "7", "--replace"])), 0);
    assert_eq!(code(&run(&["--url", &url, "--rows", "7"])), 0, "the table was not removed at the end");
}

#[test]
fn it_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("sqlite:{}", folder.path().join("no/such/folder/rows.sqlite3").display());
    for (arguments, expected, says) in [
        (["--url", "oracle://there", "--rows", "5"], 2, "sqlite:, postgres:// or mysql://"),
        (["--url", "sqlite::memory:", "--rows", "0"], 2, "1..=1000000000"),
        (["--url", "sqlite::memory:", "--rows", "many"], 2, "--rows"),
        (["--url", &missing, "--rows", "5"], 1, "does not answer"),
        // Nobody listens on port 1.
        (["--url", "postgres://somebody@127.0.0.1:1/nothing", "--rows", "5"], 1, "is it running"),
        (["--url", "mysql://somebody@127.0.0.1:1/nothing", "--rows", "5"], 1, "is it running"),
    ] {
        let output = run(&arguments);
        assert_eq!(code(&output), expected, "{arguments:?}: {}", complaint(&output));
        assert!(complaint(&output).contains(says), "{arguments:?}: {}", complaint(&output));
        assert!(!complaint(&output).contains("panicked"), "{arguments:?}: {}", complaint(&output));
    }
}
