//! The examples as somebody runs them: arguments in, JSON lines and an exit code out.
#![cfg(feature = "full")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod example;

use example::{code, example, file, lines};
use serde_json::Value;

fn corpus(name: &str) -> String {
    format!("{}/sandbox/tests/corpus/{name}.jsonl", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn check_refuses_every_static_attack_and_no_honest_program_but_one() {
    let output = example("check").args(["--jsonl", &corpus("attacks")]).output().unwrap();
    assert_eq!(code(&output), 0);
    let rows: Vec<Value> = std::fs::read_to_string(corpus("attacks"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let verdicts = lines(&output);
    assert_eq!(verdicts.len(), rows.len());
    for (row, verdict) in rows.iter().zip(&verdicts) {
        assert_eq!(row["id"], verdict["id"]);
        if row["layer"] == "static" {
            assert_eq!(verdict["accepted"], false, "{}", row["id"]);
            assert!(verdict["violations"][0]["code"].as_str().unwrap().starts_with("CD"));
        }
    }
    let output = example("check").args(["--jsonl", &corpus("benign")]).output().unwrap();
    let refused: Vec<Value> =
        lines(&output).into_iter().filter(|verdict| verdict["accepted"] == false).collect();
    // Grammar that the parser does not read, and the message says so.
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (&refused[0]["id"], &refused[0]["violations"][0]["code"]),
        (&"ben-060".into(), &"CD008".into())
    );
}

#[test]
fn check_reports_one_file_for_people_and_for_tools() {
    let program = file("import os\n");
    let path = program.path().to_str().unwrap();
    let human = example("check").args([path, "--human"]).output().unwrap();
    assert_eq!(code(&human), 2);
    let text = String::from_utf8(human.stdout).unwrap();
    assert!(text.starts_with("error[CD101]: import of `os` is not allowed"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
    let sarif = example("check").args([path, "--format", "sarif"]).output().unwrap();
    let log = &lines(&sarif)[0];
    assert_eq!(
        (&log["version"], &log["runs"][0]["results"][0]["ruleId"]),
        (&"2.1.0".into(), &"CD101".into())
    );
    let missing = example("check").arg("no-such-file.py").output().unwrap();
    assert_eq!(code(&missing), 1);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot open no-such-file.py"));
}

#[test]
fn run_contains_every_attack_without_a_policy() {
    let output =
        example("run").args(["--jsonl", &corpus("attacks"), "--unchecked", "--wall", "1"]).output().unwrap();
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let answers = lines(&output);
    assert_eq!(answers.len(), std::fs::read_to_string(corpus("attacks")).unwrap().lines().count());
    for answer in &answers {
        assert_ne!(answer["fault"], "platform", "{answer}");
        assert!(answer["outcome"] == "ok" || answer["message"].is_string(), "{answer}");
    }
}

#[test]
fn run_gives_one_answer_for_each_row_on_either_backend() {
    let rows = file(concat!(
        "{\"id\": 1, \"code\": \"print('hello')\\nresult = params['n'] * 2\"}\n",
        "{\"id\": \"bad\", \"code\": \"result = 1 / 0\"}\n",
        "no json\n",
        "{\"id\": \"import\", \"code\": \"import os\"}\n",
    ));
    for backend in ["wasm", "docker"] {
        let output = example("run")
            .args(["--jsonl", rows.path().to_str().unwrap(), "--backend", backend, "--params", "{\"n\": 21}"])
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{backend}: {}", String::from_utf8_lossy(&output.stderr));
        let answers = lines(&output);
        assert_eq!(answers.len(), 4, "{backend}");
        assert_eq!((&answers[0]["outcome"], &answers[0]["result"]), (&"ok".into(), &42.into()), "{backend}");
        assert_eq!(answers[0]["stdout"], "hello\n", "{backend}");
        assert_eq!((&answers[1]["fault"], &answers[1]["reason"]), (&"user".into(), &"exception".into()));
        assert!(answers[1]["traceback"].as_str().unwrap().contains("ZeroDivisionError"), "{backend}");
        assert!(answers[2]["message"].as_str().unwrap().starts_with("line 3: no JSON"), "{backend}");
        assert_eq!(answers[3]["violations"][0]["code"], "CD101", "{backend}");
    }
}

#[test]
fn run_says_what_is_missing() {
    let program = file("result = 1");
    let path = program.path().to_str().unwrap();
    let output = example("run")
        .args([path, "--backend", "docker", "--image", "no-such-image:at-all"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no-such-image:at-all") && said.contains("cargo xtask image"), "{said}");
    let output = example("run")
        .args([path, "--backend", "docker"])
        .env("DOCKER_HOST", "unix:///no/such/docker.sock")
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/docker.sock"));
}
