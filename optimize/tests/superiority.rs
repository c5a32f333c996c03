//! Superiority: what the tests tell apart, what is left out, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cofferdam_optimize::{
    Dimension, Error, FailureReason, Grid, ReturnMatrix, Superiority, SuperiorityReport, Trial,
};
use ndarray::Array2;
use proptest::prelude::*;

/// Noise without a mean: uniform, independent, of deviation 0.0058.
fn noise(bars: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut state = seed;
    Array2::from_shape_simple_fn((bars, columns), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1 << 24) as f64 * 0.02 - 0.01
    })
}

fn run(returns: &Array2<f64>) -> Result<SuperiorityReport, Error> {
    let test = Superiority::new().replicates(400).block_length(2.0).seed(3).build()?;
    test.run(&ReturnMatrix::new(returns.view(), 1)?)
}

#[test]
fn reports_are_the_same_on_any_number_of_threads() {
    let matrix = ReturnMatrix::new(noise(150, 70, 1).view(), 0).unwrap();
    let on = |threads: usize, seed: u64| {
        let test = Superiority::new().replicates(203).seed(seed).build().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        // JSON writes the shortest digits that give the same float back, so equal text is equal bits.
        serde_json::to_string(&pool.install(|| test.run(&matrix).unwrap())).unwrap()
    };
    let one = on(1, 5);
    for threads in [2, 3, 8] {
        assert_eq!(on(threads, 5), one, "{threads} threads");
    }
    assert_ne!(on(2, 6), one);
}

/// A steady set beside a wild one: the means cannot tell them apart, and the means over their deviations can. (The arch
/// package has a flag for this that changes nothing.)
#[test]
fn a_wild_column_drowns_a_steady_one_only_where_nothing_is_studentised() {
    let mut returns = noise(400, 2, 2);
    returns.column_mut(0).mapv_inplace(|value| value + 0.0012);
    returns.column_mut(1).mapv_inplace(|value| value * 20.0);
    let report = run(&returns).unwrap();
    assert_eq!(report.best, 0);
    assert!(report.superiority.consistent.value < 0.01, "{report}");
    assert!(report.reality_check.upper.value > 0.1, "{report}");
}

/// Ten sets with skill among forty: the steps find them, and them only.
#[test]
fn step_wise_p_values_say_which_sets_are_better() {
    let mut returns = noise(500, 40, 4);
    for column in 0..10 {
        returns.column_mut(4 * column).mapv_inplace(|value| value + 0.0013);
    }
    let report = run(&returns).unwrap();
    let mut better: Vec<usize> = report.better(0.05).map(|set| set.parameter_set).collect();
    better.sort_unstable();
    assert_eq!(better, (0..10).map(|column| 4 * column).collect::<Vec<_>>());
    let p_values: Vec<f64> = report.step_wise.iter().map(|set| set.p_value).collect();
    assert!(p_values.is_sorted() && p_values[0] == 1.0 / 401.0);
}

/// A test at 10 percent finds something in one of ten histories of noise: 12 of 120, deviation 3.3.
#[test]
fn noise_is_rejected_as_often_as_the_level_says() {
    let rejected = (0..120).filter(|seed| {
        let report = run(&noise(120, 8, 1000 + seed)).unwrap();
        // White's p-value of the studentised statistic decides over the first step.
        assert!((report.step_wise[0].p_value - report.superiority.upper.value).abs() < 1.5 / 400.0);
        report.superiority.consistent.value <= 0.1
    });
    let rejected = rejected.count();
    assert!((2..=26).contains(&rejected), "{rejected} of 120");
}

/// Hansen's point: sets that are clearly worse must not make the test blind, and they do not move the lower p-value.
#[test]
fn sets_that_are_clearly_worse_are_left_out() {
    let mut returns = noise(400, 41, 8);
    returns.column_mut(0).mapv_inplace(|value| value + 0.0006);
    for column in 1..41 {
        returns.column_mut(column).mapv_inplace(|value| value - 0.004);
    }
    let verdict = run(&returns).unwrap().superiority;
    assert!(
        verdict.lower.value <= verdict.consistent.value && verdict.consistent.value < verdict.upper.value
    );
    assert!(verdict.upper.value > 4.0 * verdict.consistent.value, "{verdict:?}");
}

#[test]
fn a_benchmark_is_what_is_to_be_beaten() {
    let returns = noise(200, 5, 9);
    let matrix = ReturnMatrix::new(returns.view(), 0).unwrap();
    let test = Superiority::new().replicates(200).block_length(3.0).build().unwrap();
    let benchmark: Vec<f64> = returns.column(2).to_vec();
    let report = test.run_against(&matrix, &benchmark).unwrap();
    // Against itself nothing varies.
    assert_eq!((report.trials, report.candidates), (5, 4));
    assert!(report.step_wise.iter().all(|set| set.parameter_set != 2));
    // Cash is a benchmark of zeros.
    let cash = test.run_against(&matrix, &[0.0; 200]).unwrap();
    assert_eq!(cash, test.run(&matrix).unwrap());
}

#[test]
fn failed_parameter_sets_are_tried_and_do_not_compete() {
    let returns = noise(80, 2, 10);
    let sets = Grid::new([Dimension::integer("k", 1, 3, 1).unwrap()]).unwrap().parameter_sets();
    let trials = vec![
        Trial::failed(FailureReason::Timeout, "slow"),
        Trial::evaluated(returns.column(0).to_vec()),
        Trial::evaluated(returns.column(1).to_vec()),
    ];
    let matrix = ReturnMatrix::from_trials(&sets, 80, 0, trials).unwrap();
    let test = Superiority::new().replicates(100).build().unwrap();
    let with = test.run(&matrix).unwrap();
    let without = test.run(&ReturnMatrix::new(returns.view(), 0).unwrap()).unwrap();
    assert_eq!((with.trials, with.candidates), (3, 2));
    assert_eq!(with.superiority, without.superiority);
    assert_eq!(with.best, without.best + 1);
}

#[test]
fn what_cannot_be_tested_is_refused_with_a_reason() {
    let error = |returns: Array2<f64>| run(&returns).unwrap_err().to_string();
    assert!(error(noise(40, 0, 1)).starts_with("0 parameter sets could be evaluated"));
    assert!(error(noise(1, 3, 1)).contains("the history has 1 values, but at least 2 are needed"));
    assert!(error(Array2::zeros((40, 3))).starts_with("the returns of the parameter sets do not vary"));
    assert!(error(Array2::from_elem((40, 1), 0.001)).contains("do not vary"));
    assert!(
        error(Array2::from_shape_fn((40, 2), |(t, _)| if t == 3 { 1e300 } else { 0.0 }))
            .contains("exceeds the range")
    );
    let setting = |builder: cofferdam_optimize::SuperiorityBuilder| builder.build().unwrap_err().to_string();
    assert!(setting(Superiority::new().replicates(0)).starts_with("replicates is 0"));
    assert!(setting(Superiority::new().replicates(usize::MAX)).starts_with("replicates is"));
    for length in [0.5, f64::NAN, f64::INFINITY] {
        assert!(setting(Superiority::new().block_length(length)).starts_with("block_length is"));
    }
    let matrix = ReturnMatrix::new(noise(40, 3, 1).view(), 5).unwrap();
    let against = |benchmark: &[f64]| {
        Superiority::new().build().unwrap().run_against(&matrix, benchmark).unwrap_err().to_string()
    };
    assert!(against(&[0.0; 39]).starts_with("the number of the benchmark's returns is 39"));
    let mut broken = [0.0; 40];
    broken[7] = f64::NAN;
    assert!(against(&broken).starts_with("the return of bar 12 of the benchmark is NaN"));
}

#[test]
fn the_table_names_each_test() {
    let table = run(&noise(80, 5, 1)).unwrap().to_string();
    for part in [
        "5 parameter sets of 5 tried, 80 bars in blocks of 2.0, 400 bootstraps",
        "SPA (Hansen)",
        "White",
        "best: column",
    ] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any floats at all: a report whose figures are numbers, or an error; never a panic.
    #[test]
    fn any_matrix_gives_a_report_or_an_error(
        values in proptest::collection::vec(
            prop_oneof![6 => -1.0_f64..1.0, 2 => Just(0.0), 1 => -1.0..1e300, 1 => -1e-160..1e-160], 0..120),
        columns in 1_usize..6,
        length in prop_oneof![1.0_f64..50.0, Just(f64::MAX)],
        automatic in any::<bool>(),
    ) {
        let bars = values.len() / columns;
        let returns = Array2::from_shape_vec((bars, columns), values[..bars * columns].to_vec()).unwrap();
        let matrix = ReturnMatrix::new(returns.view(), 0).unwrap();
        let test = Superiority::new().replicates(20);
        let test = if automatic { test } else { test.block_length(length) }.build().unwrap();
        if let Ok(report) = test.run(&matrix) {
            let text = serde_json::to_string(&report).unwrap();
            prop_assert_eq!(serde_json::from_str::<SuperiorityReport>(&text).unwrap(), report);
        }
    }
}
