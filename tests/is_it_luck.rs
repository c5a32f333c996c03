//! The example `is_it_luck` as somebody runs it: a matrix in, an answer or a sentence out.
#![cfg(feature = "optimize")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod example;

use std::process::Output;

use example::{code, example, file, lines};

const SKILL: &str = "examples/data/pbo_skill_960x40.csv";

fn run(matrix: &str, more: &[&str]) -> Output {
    example("is_it_luck").args(["--matrix", matrix]).args(more).output().unwrap()
}

/// Figures that numpy computed of the same file: `pbo` of the optimiser's reference values.
#[test]
fn a_column_with_skill_is_found_and_believed() {
    let output = run(SKILL, &["--blocks", "16", "--json", "--null", "2", "--replicates", "400"]);
    assert_eq!(code(&output), 0);
    let answers = lines(&output);
    assert_eq!(answers.len(), 1);
    let answer = &answers[0];
    assert_eq!((answer["bars"].as_u64(), answer["columns"].as_u64()), (Some(960), Some(40)));
    assert_eq!(answer["best"]["column"], "s7");
    assert_eq!(answer["overfitting"]["probability"], 0.022_144_522_144_522_144);
    assert_eq!(answer["overfitting"]["halves"], 12_870);
    assert!(answer["best"]["deflated_sharpe"].as_f64().unwrap() > 0.95);
    assert!(answer["superiority"]["superiority"]["consistent"]["value"].as_f64().unwrap() < 0.01);
    let step = &answer["superiority"]["step_wise"];
    assert_eq!(step[0]["parameter_set"], 7);
    assert!(step[1]["p_value"].as_f64().unwrap() > 0.05);
}

/// Whoever tried five thousand and shows forty must say so.
#[test]
fn trials_that_are_not_in_the_file_deflate() {
    let deflated = |more: &[&str]| {
        let output =
            run(SKILL, &[&["--blocks", "4", "--null", "0", "--replicates", "50", "--json"], more].concat());
        lines(&output)[0]["best"]["deflated_sharpe"].as_f64().unwrap()
    };
    assert!(deflated(&["--trials", "5000"]) < deflated(&[]));
}

#[test]
fn the_table_is_for_people() {
    let output = run(SKILL, &["--blocks", "8", "--null", "8", "--replicates", "100"]);
    assert_eq!(code(&output), 0);
    let table = String::from_utf8(output.stdout).unwrap();
    for part in ["(s7)", "PSR", "DSR", "MinTRL", "probability of backtest overfitting", "SPA (Hansen)"] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
}

/// The first line of what is said, for a file with this text.
fn refused(text: &str) -> String {
    let file = file(text);
    let output = run(file.path().to_str().unwrap(), &["--blocks", "2", "--null", "0", "--json"]);
    assert_eq!(code(&output), 1, "{text}");
    assert!(output.stdout.is_empty(), "{text}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    for (text, expected) in [
        ("a,b\n0.1,0.2\n0.1,x\n", "row 2, column `b`: `x` is no number"),
        ("a,b\n0.1,0.2\n,0.1\n", "row 2, column `a`: `` is no number"),
        ("a,b\n0.1,NaN\n", "row 1, column `b`: NaN is no return"),
        ("a,b\n0.1,0.2\n\n0.1,-inf\n", "row 2, column `b`: -inf is no return"),
        ("a,b\n-1.5,0.2\n", "row 1, column `a`: -1.5 is no return"),
        ("a,b\n0.1,0.2\n0.1\n", "found record with 1 fields"),
        ("0.1,0.2\n0.3,0.1\n", "the first line holds numbers; name the columns there"),
        (
            "date,a,b\n2020-01-02,0,0\n2020-01-01,0,0\n",
            "row 2: `2020-01-01` does not come after `2020-01-02`",
        ),
        ("date,a,b\n2020-01-02,0,0\n2020-01-02,0,0\n", "row 2: `2020-01-02` does not come after"),
        ("a\n0.1\n0.2\n0.3\n0.1\n", "1 parameter sets could be evaluated"),
        ("a,b\n0.1,0.2\n0.2,0.1\n", "has 2 values, but at least 4 are needed"),
        ("a,b\n0,0\n0,0\n0,0\n0,0\n", "do not vary"),
        ("", "0 parameter sets could be evaluated"),
        ("\u{0}", "1 parameter sets could be evaluated"),
    ] {
        let said = refused(text);
        assert!(said.starts_with("error: ") && said.contains(expected), "{text:?}: {said}");
    }
}

#[test]
fn arguments_out_of_range_are_refused_with_a_reason() {
    for (more, expected) in [
        (["--blocks", "7"], "the number of blocks is 7, but must be even and between 2 and 20"),
        (["--replicates", "0"], "replicates is 0"),
        (["--null", "99999"], "null_replicates is 99999"),
        (["--blocks", "two"], "invalid value"),
    ] {
        let output = run(SKILL, &more);
        assert_eq!(code(&output), 1, "{more:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{more:?}: {said}");
    }
    let missing = run("no-such-file.csv", &[]);
    assert_eq!(code(&missing), 1);
    assert!(String::from_utf8(missing.stderr).unwrap().contains("cannot open no-such-file.csv"));
}

#[test]
fn bars_per_year_scale_the_ratio_only() {
    let sharpe = |year: &str| {
        let more = ["--blocks", "2", "--null", "0", "--replicates", "10", "--json", "--bars-per-year", year];
        lines(&run(SKILL, &more))[0]["best"]["sharpe"].as_f64().unwrap()
    };
    assert!((sharpe("400") / sharpe("100") - 2.0).abs() < 1e-12);
}
