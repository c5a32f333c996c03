//! Walk-forward studies of sandboxed programs.

use std::time::Duration;

use cofferdam::optimize::{Dimension, Grid, ParameterSet, WalkForward, Warmup};
use cofferdam::sandbox::Limits;
use cofferdam::{Error, Study};

use super::{SMA, closes, open, prices, work};

fn grid(fast: [i64; 3], slow: [i64; 3]) -> Vec<ParameterSet> {
    let dimension =
        |name: &str, [first, last, step]: [i64; 3]| Dimension::integer(name, first, last, step).unwrap();
    Grid::new(vec![dimension("fast", fast), dimension("slow", slow)]).unwrap().parameter_sets()
}

fn walk_forward(warmup: Warmup) -> WalkForward {
    WalkForward::rolling(1500, 350, warmup).bars_per_year(252.0).build().unwrap()
}

fn limits() -> Limits {
    Limits::default().cpu(1.0)
}

/// The winners and their annualised in-sample Sharpe ratios of `sma_walk_forward.continuous_rolling`, computed by numpy
/// 2.4.6 with a cost of 0.001 over the same prices and the same 900 parameter sets.
const REFERENCE: &str = include_str!("reference.json");

#[tokio::test(flavor = "multi_thread")]
async fn a_sandboxed_strategy_gives_the_figures_of_the_reference() {
    let reference: serde_json::Value = serde_json::from_str(REFERENCE).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cofferdam = open(folder.path()).await;
    let worker = work(&cofferdam);
    let program = cofferdam.check(SMA).unwrap();
    let study = Study::new(
        program,
        closes(prices()),
        grid([5, 34, 1], [40, 185, 5]),
        walk_forward(Warmup::FullHistory),
    )
    .cost(0.001)
    .limits(limits());
    let report = cofferdam.walk_forward(&study).await.unwrap();
    assert_eq!((report.evaluated, report.reused), (900, 0));
    let report = report.walk_forward;
    let close = |left: f64, right: &serde_json::Value| {
        let right = right.as_f64().unwrap();
        assert!((left - right).abs() <= 1e-8 * right.abs(), "{left} {right}");
    };
    let windows = reference["windows"].as_array().unwrap();
    assert_eq!(report.windows.len(), windows.len());
    for (window, reference) in report.windows.iter().zip(windows) {
        let winner = window.winner.as_ref().unwrap();
        assert_eq!(winner.parameters.integer("fast"), reference["fast"].as_i64());
        assert_eq!(winner.parameters.integer("slow"), reference["slow"].as_i64());
        close(winner.in_sample.sharpe.unwrap(), &reference["is_sharpe_ann"]);
        close(winner.out_of_sample.unwrap().sharpe.unwrap(), &reference["oos_sharpe_ann"]);
    }
    close(report.out_of_sample.unwrap().sharpe.unwrap(), &reference["stitched_sharpe_ann"]);
    close(report.efficiency.ratio_of_mean_returns.unwrap(), &reference["wfe_ratio_of_mean_annualised"]);
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_without_warmup_are_run_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let cofferdam = open(folder.path()).await;
    let worker = work(&cofferdam);
    let program = cofferdam.check(SMA).unwrap();
    let sets = grid([5, 20, 5], [40, 100, 20]);
    let study = Study::new(program, closes(prices()), sets, walk_forward(Warmup::None)).limits(limits());
    let report = cofferdam.walk_forward(&study).await.unwrap();
    // Each of 16 sets on each of 10 training windows, and each winner on its test window.
    assert_eq!((report.evaluated, report.walk_forward.windows.len()), (16 * 10 + 10, 10));
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_fails_is_recorded_and_the_study_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let cofferdam = open(folder.path()).await;
    let worker = work(&cofferdam);
    let source = SMA.replace(
        "# No position",
        "if slow == 60:\n    while True: pass\nif slow == 80:\n    raise ValueError(slow)\n# No position",
    );
    let source = format!("{source}\nif fast == 9:\n    result = result[1:]\n");
    let program = cofferdam.check(&source).unwrap();
    let sets = grid([5, 9, 2], [40, 100, 20]);
    let study = Study::new(program, closes(prices()), sets, walk_forward(Warmup::FullHistory))
        .limits(limits().wall(Duration::from_millis(800)));
    let report = cofferdam.walk_forward(&study).await.unwrap();
    let failures = &report.walk_forward.failures;
    // Two of the four slow averages fail for all three fast ones; one fast average gives too few positions for the rest.
    assert_eq!((failures.len(), report.walk_forward.luck.failed_trials), (8, 8));
    for (reason, count) in [("timeout", 3), ("exception", 3), ("invalid_output", 2)] {
        assert_eq!(
            failures.iter().filter(|failure| failure.reason.as_str() == reason).count(),
            count,
            "{reason}"
        );
    }
    assert!(report.walk_forward.windows.iter().all(|window| window.winner.is_some()));

    // Failures are on record too: nothing is run again.
    let again = cofferdam.walk_forward(&study).await.unwrap();
    assert_eq!((again.evaluated, again.reused), (0, 12));
    assert_eq!(again.walk_forward, report.walk_forward);
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_looks_ahead_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cofferdam = open(folder.path()).await;
    let worker = work(&cofferdam);
    for source in [
        // Tomorrow's price.
        "close = data['close']\nresult = [1 if b > a else 0 for a, b in zip(close, close[1:])] + [0]",
        // The mean of all prices, those to come included.
        "close = data['close']\nmean = sum(close) / len(close)\nresult = [1 if p < mean else 0 for p in close]",
    ] {
        let program = cofferdam.check(source).unwrap();
        let study = Study::new(
            program,
            closes(prices()),
            grid([1, 1, 1], [2, 2, 1]),
            walk_forward(Warmup::FullHistory),
        )
        .limits(limits());
        let error = cofferdam.walk_forward(&study).await.map(drop).unwrap_err();
        assert!(matches!(error, Error::LooksAhead { .. }), "{error}");
    }
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_that_cannot_be_run_says_so_before_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let cofferdam = open(folder.path()).await;
    let program = cofferdam.check(SMA).unwrap();
    let study = |prices: Vec<f64>| {
        Study::new(
            program.clone(),
            closes(prices),
            grid([5, 5, 1], [40, 40, 1]),
            walk_forward(Warmup::FullHistory),
        )
    };
    for (study, problem) in [
        (
            study(vec![1.0, 0.0]),
            "the study cannot be run: the price at bar 1 is 0, and prices must be positive numbers",
        ),
        (study(vec![1.0, f64::NAN]), "the study cannot be run: the price at bar 1 is NaN, and"),
        (study(vec![1.0]).price("open"), "the study cannot be run: the data has no series `open`"),
        (study(vec![1.0]).cost(f64::NAN), "the study cannot be run: the cost is NaN, and must be a share"),
    ] {
        let error = cofferdam.walk_forward(&study).await.map(drop).unwrap_err();
        assert!(error.to_string().starts_with(problem), "{error}");
    }
    // Too short for one window: the optimiser says so.
    assert!(matches!(
        cofferdam.walk_forward(&study(vec![1.0; 100])).await.map(drop).unwrap_err(),
        Error::Optimize(_)
    ));
}
