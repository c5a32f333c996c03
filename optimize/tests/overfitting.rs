//! Backtest overfitting: what is left out, what is refused, and how the report reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cofferdam_optimize::{
    Dimension, Error, FailureReason, Grid, Overfitting, OverfittingReport, ParameterSet, ReturnMatrix, Trial,
};
use ndarray::Array2;

fn noise(bars: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((bars, columns), |(bar, column)| {
        ((bar * 7919 + column * 104_729 + bar * column * 31) % 1009) as f64 / 1e5 - 0.005
    })
}

fn run(returns: &Array2<f64>, blocks: usize) -> Result<OverfittingReport, Error> {
    let study = Overfitting::of_blocks(blocks).null_replicates(8).build()?;
    study.run(&ReturnMatrix::new(returns.view(), 1)?)
}

fn sets(number: i64) -> Vec<ParameterSet> {
    Grid::new([Dimension::integer("k", 1, number, 1).unwrap()]).unwrap().parameter_sets()
}

/// A failed set counts as tried, is never chosen, and ranks nowhere; columns keep their numbers.
#[test]
fn failed_parameter_sets_are_tried_and_do_not_compete() {
    let returns = noise(80, 5);
    let column = |k: usize| Trial::evaluated(returns.column(k).to_vec());
    let mut trials: Vec<Trial> = (0..5).map(column).collect();
    trials.insert(0, Trial::failed(FailureReason::Timeout, "slow"));
    let matrix = ReturnMatrix::from_trials(&sets(6), 80, 0, trials).unwrap();
    let study = Overfitting::of_blocks(4).null_replicates(0).build().unwrap();
    let with = study.run(&matrix).unwrap();
    let without = study.run(&ReturnMatrix::new(returns.view(), 0).unwrap()).unwrap();
    assert_eq!((with.trials, with.candidates), (6, 5));
    assert_eq!(with.logits, without.logits);
    assert_eq!(with.most_chosen, without.most_chosen + 1);
}

/// A set that never trades is what cash is: no choice, but a competitor that a loser falls below.
#[test]
fn a_column_that_does_not_trade_is_never_chosen() {
    let mut returns = Array2::zeros((40, 2));
    returns
        .column_mut(1)
        .assign(&ndarray::Array1::from_shape_fn(40, |bar| if bar % 2 == 0 { -0.02 } else { 0.01 }));
    let report = run(&returns, 4).unwrap();
    assert_eq!((report.most_chosen, report.most_chosen_share), (1, 1.0));
    assert_eq!((report.probability, report.probability_of_loss), (1.0, 1.0));
}

/// Columns that are equal share their rank, so that nobody is below the middle and nobody above it.
#[test]
fn equal_columns_stand_in_the_middle() {
    let single = noise(40, 1);
    let returns = Array2::from_shape_fn((40, 3), |(bar, _)| single[(bar, 0)]);
    let report = run(&returns, 4).unwrap();
    assert_eq!(report.most_chosen, 0);
    assert!(report.logits.iter().all(|logit| *logit == 0.0));
    assert_eq!(report.probability, 1.0);
}

#[test]
fn bars_that_do_not_divide_are_all_used() {
    let mut returns = noise(43, 4);
    let before = run(&returns, 4).unwrap();
    for bar in [0, 42] {
        let kept = returns[(bar, 2)];
        returns[(bar, 2)] = 0.9;
        assert_ne!(run(&returns, 4).unwrap().degradation, before.degradation, "bar {bar}");
        returns[(bar, 2)] = kept;
    }
}

#[test]
fn what_cannot_be_estimated_is_refused_with_a_reason() {
    let error = |returns: Array2<f64>, blocks| run(&returns, blocks).unwrap_err().to_string();
    for blocks in [0, 1, 7, 22, usize::MAX] {
        let text = error(noise(40, 3), blocks);
        assert_eq!(text, format!("the number of blocks is {blocks}, but must be even and between 2 and 20"));
    }
    assert!(error(noise(40, 1), 4).starts_with("1 parameter sets could be evaluated"));
    assert!(error(noise(40, 0), 4).starts_with("0 parameter sets could be evaluated"));
    assert!(error(noise(31, 3), 16).contains("has 31 values, but at least 32 are needed"));
    assert!(error(noise(0, 3), 2).contains("has 0 values, but at least 4 are needed"));
    assert!(error(Array2::zeros((40, 3)), 4).starts_with("the returns of the parameter sets do not vary"));
    assert!(error(Array2::from_elem((40, 3), 0.001), 4).contains("do not vary"));
    assert!(error(Array2::from_elem((40, 3), f64::MAX / 4.0), 4).contains("exceeds the range"));
    let mut broken = noise(40, 3);
    broken[(17, 2)] = f64::NAN;
    assert!(error(broken, 4).starts_with("the return of bar 18 of column 2 is NaN"));
    let many = Overfitting::of_blocks(4).null_replicates(10_001).build().unwrap_err();
    assert!(many.to_string().starts_with("null_replicates is 10001"));
}

#[test]
fn the_table_names_each_figure() {
    let table = run(&noise(80, 5), 4).unwrap().to_string();
    for part in [
        "5 parameter sets of 5 tried, 80 bars in 4 blocks, 6 halves",
        "without any skill",
        "chosen most often",
    ] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
}
