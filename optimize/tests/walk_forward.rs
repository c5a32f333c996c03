//! Walk-forward analysis: what wins, what counts, what is refused, and that nothing but the trials shows in a report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cofferdam_optimize::{
    Alignment, Dimension, Error, ErrorKind, FailureReason, FunctionObjective, Grid, Method, Metric,
    Objective, Observer, ParameterSet, PartialWindow, Record, ReturnMatrix, Trial, TrialEvent, WalkForward,
    WalkForwardReport, Warmup,
};
use proptest::prelude::*;

/// Parameter sets `k = 0 … count − 1`.
fn sets(count: i64) -> Vec<ParameterSet> {
    Grid::new([Dimension::integer("k", 0, count - 1, 1).unwrap()]).unwrap().parameter_sets()
}

fn k(set: &ParameterSet) -> usize {
    set.integer("k").unwrap() as usize
}

/// A return that differs from set to set and from bar to bar, up to some percent.
fn noise(set: usize, bar: usize) -> f64 {
    let mixed =
        ((set as u64 + 1) * 0x9e37_79b9 + (bar as u64 + 1) * 0x85eb_ca6b).wrapping_mul(0xc2b2_ae35_27d4_eb4f);
    ((mixed >> 40) as f64 / 16_777_216.0 - 0.48) * 0.04
}

fn noisy() -> impl Objective {
    FunctionObjective::new(|set, bars| Trial::evaluated(bars.map(|bar| noise(k(set), bar)).collect()))
}

fn analysis(warmup: Warmup) -> WalkForward {
    WalkForward::rolling(60, 20, warmup).bars_per_year(252.0).build().unwrap()
}

fn run(objective: &impl Objective, count: i64) -> Result<WalkForwardReport, Error> {
    analysis(Warmup::FullHistory).run_blocking(&sets(count), 200, objective)
}

/// vectorbt gives such a window an infinite Sharpe ratio, so that doing nothing wins.
#[test]
fn a_set_that_never_trades_never_wins() {
    for metric in [Metric::Sharpe, Metric::Sortino, Metric::Calmar, Metric::AnnualisedReturn] {
        let objective = FunctionObjective::new(|set, bars| {
            let losing = |bar: usize| if bar.is_multiple_of(2) { -0.02 } else { 0.01 };
            Trial::evaluated(bars.map(|bar| if k(set) == 0 { 0.0 } else { losing(bar) }).collect())
        });
        let analysis = WalkForward::rolling(60, 20, Warmup::FullHistory).bars_per_year(252.0).metric(metric);
        let report = analysis.build().unwrap().run_blocking(&sets(2), 200, &objective).unwrap();
        for window in &report.windows {
            assert_eq!((window.winner.as_ref().unwrap().parameter_set, window.unscored), (1, 1), "{metric}");
        }
    }
}

#[test]
fn when_nobody_trades_there_is_no_winner_and_no_figure() {
    let objective = FunctionObjective::new(|_, bars| Trial::evaluated(vec![0.0; bars.len()]));
    let report = run(&objective, 3).unwrap();
    assert!(report.windows.iter().all(|window| window.winner.is_none()));
    assert_eq!(report.returns, vec![0.0; 140]);
    assert_eq!(report.out_of_sample.unwrap().sharpe, None);
    assert_eq!(report.efficiency.ratio_of_mean_returns, None);
    assert_eq!(
        (report.profitable_windows, report.stability.entropy, report.luck.deflated_sharpe),
        (None, None, None)
    );
    assert!(report.to_string().contains("no winner"));
}

#[test]
fn ties_go_to_the_first() {
    let objective =
        FunctionObjective::new(|_, bars| Trial::evaluated(bars.map(|bar| noise(0, bar)).collect()));
    let report = run(&objective, 4).unwrap();
    assert!(report.windows.iter().all(|window| window.winner.as_ref().unwrap().parameter_set == 0));
    assert_eq!((report.stability.unchanged, report.stability.entropy), (Some(1.0), Some(0.0)));
}

#[test]
fn failed_trials_count_as_tried_and_are_listed() {
    let objective = FunctionObjective::new(|set, bars| match k(set) {
        3 => Trial::failed(FailureReason::Timeout, "took more than 60 seconds"),
        set => Trial::evaluated(bars.map(|bar| noise(set, bar)).collect()),
    });
    let report = run(&objective, 8).unwrap();
    assert_eq!((report.luck.trials, report.luck.failed_trials), (8, 1));
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].parameters.to_string(), "k=3");
    assert_eq!(
        (report.failures[0].bars.clone(), report.failures[0].reason),
        (0..200, FailureReason::Timeout)
    );
    // Forgetting the failure would make the winner look better than it is.
    let honest = report.windows[0].winner.as_ref().unwrap().deflated_sharpe.unwrap();
    let without: Vec<ParameterSet> = sets(8).into_iter().filter(|set| k(set) != 3).collect();
    let forgetful = analysis(Warmup::FullHistory).run_blocking(&without, 200, &objective).unwrap();
    assert!(honest < forgetful.windows[0].winner.as_ref().unwrap().deflated_sharpe.unwrap());
}

#[test]
fn a_study_in_which_all_trials_fail_says_why() {
    let objective = FunctionObjective::new(|_, _| {
        Trial::failed(FailureReason::Exception, "name 'pricse' is not defined")
    });
    let error = run(&objective, 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Trial);
    assert_eq!(
        error.to_string(),
        "all 3 parameter sets failed, the first with: exception: name 'pricse' is not defined"
    );
}

/// A winner that fails in its test window earned nothing there; it must not vanish from the result.
#[test]
fn a_winner_that_fails_out_of_sample_earns_nothing_on_its_bars() {
    let objective = FunctionObjective::new(|_, bars| match bars.start {
        80 => Trial::failed(FailureReason::Resources, "out of memory"),
        _ => Trial::evaluated(bars.map(|bar| noise(1, bar)).collect()),
    });
    let analysis = WalkForward::rolling(60, 20, Warmup::None).step(40).bars_per_year(252.0).build().unwrap();
    let report = analysis.run_blocking(&sets(1), 180, &objective).unwrap();
    assert!(report.windows[0].winner.as_ref().unwrap().out_of_sample.is_some());
    // The second window trains on 40..100, the third on 80..140 and fails there.
    assert!(report.windows[2].winner.is_none());
    let gap = report.returns[40..60].iter().all(|value| *value == 0.0);
    assert!(gap && report.returns.len() == 60);
    assert_eq!(report.luck.failed_trials, 1);
}

#[test]
fn a_return_that_is_no_number_names_bar_and_parameter_set() {
    for bad in [f64::NAN, f64::INFINITY, -1.5] {
        let objective = FunctionObjective::new(move |set, bars| {
            let value = |bar| if k(set) == 2 && bar == 77 { bad } else { noise(k(set), bar) };
            Trial::evaluated(bars.skip(1).map(value).collect())
        })
        .with_lead(1);
        let error = run(&objective, 4).unwrap_err();
        let Error::InvalidReturn { series, bar, .. } = &error else { panic!("{error}") };
        assert_eq!((series.as_str(), *bar), ("parameter set k=2", 77));
    }
}

#[test]
fn a_wrong_number_of_returns_or_trials_is_refused() {
    let short = FunctionObjective::new(|_, bars| Trial::evaluated(vec![0.01; bars.len() - 1]));
    assert!(matches!(run(&short, 2), Err(Error::WrongLength { expected: 200, found: 199, .. })));

    struct Forgetful;
    impl Objective for Forgetful {
        async fn evaluate(&self, _: &[ParameterSet], _: std::ops::Range<usize>) -> Result<Vec<Trial>, Error> {
            Ok(Vec::new())
        }
    }
    assert!(matches!(run(&Forgetful, 2), Err(Error::WrongBatch { expected: 2, found: 0 })));
}

#[test]
fn minimums_bar_sets_that_hardly_trade() {
    // Set 0 earns on a single bar of each window and reports one trade; set 1 trades all the time.
    let objective = FunctionObjective::new(|set, bars| {
        let value = |bar: usize| match k(set) {
            0 => f64::from(u8::from(bar.is_multiple_of(20))) * 0.05,
            _ => noise(1, bar),
        };
        let trades = if k(set) == 0 { vec![0] } else { (0..bars.len()).step_by(5).collect() };
        Trial::evaluated(bars.map(value).collect()).with_trades(trades)
    });
    let winner = |builder: cofferdam_optimize::WalkForwardBuilder| {
        let report =
            builder.bars_per_year(252.0).build().unwrap().run_blocking(&sets(2), 100, &objective).unwrap();
        report.windows[0].winner.clone().unwrap()
    };
    let rolling = || WalkForward::rolling(60, 20, Warmup::FullHistory);
    assert_eq!(winner(rolling()).parameter_set, 0);
    assert_eq!(winner(rolling().minimum_active_bars(10)).parameter_set, 1);
    let traded = winner(rolling().minimum_trades(2));
    assert_eq!((traded.parameter_set, traded.in_sample.trades), (1, Some(12)));

    let silent = rolling().minimum_trades(2).bars_per_year(252.0).build().unwrap();
    assert!(matches!(silent.run_blocking(&sets(2), 100, &noisy()), Err(Error::TradesUnknown { .. })));
}

#[test]
fn overlapping_test_windows_count_each_bar_once() {
    let analysis =
        WalkForward::rolling(60, 20, Warmup::FullHistory).step(5).bars_per_year(252.0).build().unwrap();
    let report = analysis.run_blocking(&sets(6), 200, &noisy()).unwrap();
    let stitched: Vec<usize> = report.windows.iter().flat_map(|window| window.stitched.clone()).collect();
    assert_eq!(stitched, (60..200).collect::<Vec<_>>());
    let expected: Vec<f64> = report
        .windows
        .iter()
        .flat_map(|window| {
            let winner = window.winner.as_ref().unwrap().parameter_set;
            window.stitched.clone().map(move |bar| noise(winner, bar))
        })
        .collect();
    assert_eq!(report.returns, expected);
}

/// Records every trial, so that a study can be reported again and its questions counted.
struct Recorder<O> {
    inner: O,
    asked: AtomicUsize,
    records: std::sync::Mutex<Vec<Record>>,
}

impl<O: Objective> Objective for Recorder<O> {
    async fn evaluate(
        &self,
        batch: &[ParameterSet],
        bars: std::ops::Range<usize>,
    ) -> Result<Vec<Trial>, Error> {
        self.asked.fetch_add(batch.len(), Ordering::Relaxed);
        let trials = self.inner.evaluate(batch, bars.clone()).await?;
        let records = batch.iter().zip(&trials);
        let records = records.map(|(set, trial)| Record::new(k(set), bars.clone(), trial.clone()));
        self.records.lock().unwrap().extend(records);
        Ok(trials)
    }
}

#[test]
fn a_report_is_a_function_of_the_set_of_records() {
    for (warmup, asked) in
        [(Warmup::FullHistory, 12), (Warmup::None, 12 * 7 + 7), (Warmup::Bars(10), 12 * 7 + 7)]
    {
        let recorder = Recorder { inner: noisy(), asked: AtomicUsize::new(0), records: Default::default() };
        let analysis = analysis(warmup);
        let report = analysis.run_blocking(&sets(12), 200, &recorder).unwrap();
        assert_eq!(recorder.asked.load(Ordering::Relaxed), asked, "{warmup}");

        let mut records = recorder.records.into_inner().unwrap();
        // Out of order, with duplicates, and by way of JSON.
        records.reverse();
        records.extend(records[..5].to_vec());
        let stored: Vec<Record> = serde_json::from_str(&serde_json::to_string(&records).unwrap()).unwrap();
        assert_eq!(analysis.report(&sets(12), 200, 0, stored).unwrap(), report);

        let mut missing = records.clone();
        missing.retain(|record| record.parameter_set != 4);
        assert!(matches!(analysis.report(&sets(12), 200, 0, missing), Err(Error::MissingRecord { .. })));

        let first = records[0].clone();
        records.push(Record::new(
            first.parameter_set,
            first.bars,
            Trial::failed(FailureReason::Platform, "gone"),
        ));
        assert!(matches!(analysis.report(&sets(12), 200, 0, records), Err(Error::ConflictingRecords { .. })));
    }
}

#[test]
fn a_report_is_the_same_on_one_thread_and_on_two() {
    let report = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let report = pool.install(|| run(&noisy(), 30).unwrap());
        serde_json::to_string(&report).unwrap()
    };
    assert_eq!(report(1), report(2));
}

#[test]
fn a_report_survives_json() {
    let report = run(&noisy(), 5).unwrap();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<WalkForwardReport>(&text).unwrap(), report);
}

#[derive(Default)]
struct Counter {
    began: AtomicUsize,
    ended: AtomicUsize,
    trials: AtomicUsize,
    failed: AtomicUsize,
}

struct Shared(Arc<Counter>);

impl Observer for Shared {
    fn began(&self, method: Method) {
        assert_eq!(method, Method::WalkForward);
        self.0.began.fetch_add(1, Ordering::Relaxed);
    }

    fn ended(&self, _: Method) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn trial(&self, event: &TrialEvent) {
        self.0.trials.fetch_add(1, Ordering::Relaxed);
        assert!(event.duration.is_some(), "a function is timed");
        if event.failure == Some("timeout") {
            self.0.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn the_observer_hears_of_each_trial_and_of_the_end_even_of_a_failed_study() {
    let counter = Arc::new(Counter::default());
    let analysis = WalkForward::rolling(60, 20, Warmup::FullHistory).bars_per_year(252.0);
    let analysis = analysis.observer(Shared(counter.clone())).build().unwrap();
    let objective = FunctionObjective::new(|set, bars| match k(set) {
        1 => Trial::failed(FailureReason::Timeout, "slow"),
        set => Trial::evaluated(bars.map(|bar| noise(set, bar)).collect()),
    });
    analysis.run_blocking(&sets(3), 200, &objective).unwrap();
    analysis.run_blocking(&sets(3), 10, &objective).unwrap_err();
    let count = |value: &AtomicUsize| value.load(Ordering::Relaxed);
    assert_eq!([&counter.began, &counter.ended, &counter.trials, &counter.failed].map(count), [2, 2, 3, 1]);
}

#[test]
fn settings_out_of_range_are_named() {
    let build = |builder: cofferdam_optimize::WalkForwardBuilder| builder.build().unwrap_err().to_string();
    let rolling = |train, test| WalkForward::rolling(train, test, Warmup::None).bars_per_year(252.0);
    assert!(build(WalkForward::rolling(60, 20, Warmup::None)).starts_with("bars_per_year is not set"));
    assert!(build(rolling(60, 20).bars_per_year(f64::NAN)).starts_with("bars_per_year is NaN"));
    assert!(build(rolling(1, 20)).starts_with("train is 1"));
    assert!(build(rolling(60, 0)).starts_with("test is 0"));
    assert!(build(rolling(60, 20).step(0)).starts_with("step is 0"));
    assert!(build(rolling(usize::MAX, 20)).starts_with("train is"));
    assert!(build(rolling(60, 20).maximum_windows(0)).starts_with("maximum_windows is 0"));
}

#[test]
fn a_history_that_is_too_short_says_how_long_it_must_be() {
    let error = analysis(Warmup::None).run_blocking(&sets(2), 79, &noisy()).unwrap_err();
    assert!(matches!(error, Error::TooShort { needed: 80, found: 79, .. }));
    assert!(matches!(analysis(Warmup::None).run_blocking(&[], 79, &noisy()), Err(Error::NoParameterSets)));
}

proptest! {
    /// Whatever the settings: tests follow their training, lie in the history, and training never sees its test.
    #[test]
    fn windows_lie_in_the_history(
        (train, test, step, gap, bars) in (2_usize..50, 1_usize..20, 1_usize..30, 0_usize..10, 0_usize..300),
        (anchored, keep, end) in (any::<bool>(), any::<bool>(), any::<bool>()),
        maximum in proptest::option::of(1_usize..6),
    ) {
        let builder = if anchored { WalkForward::anchored(train, test, Warmup::None) } else { WalkForward::rolling(train, test, Warmup::None) };
        let mut builder = builder.step(step).gap(gap).bars_per_year(252.0);
        if keep { builder = builder.partial_window(PartialWindow::Keep); }
        if end { builder = builder.alignment(Alignment::End); }
        if let Some(maximum) = maximum { builder = builder.maximum_windows(maximum); }
        let windows = match builder.build().unwrap().windows(bars) {
            Ok(windows) => windows,
            Err(error) => {
                prop_assert!(bars < train + gap + test, "{error}");
                return Ok(());
            }
        };
        prop_assert!(!windows.is_empty() && windows.len() <= maximum.unwrap_or(usize::MAX));
        for (number, window) in windows.iter().enumerate() {
            prop_assert_eq!(window.train.end + gap, window.test.start);
            prop_assert!(window.test.end <= bars && !window.test.is_empty());
            let trained = if anchored { window.train.start == 0 } else { window.train.len() == train };
            prop_assert!(trained);
            prop_assert!(window.test.len() == test || (keep && number + 1 == windows.len() && window.test.end == bars));
        }
        for pair in windows.windows(2) {
            prop_assert_eq!(pair[0].test.start + step, pair[1].test.start);
        }
        if end { prop_assert_eq!(windows.last().unwrap().test.end, bars); }
    }

    /// Any floats at all: a report whose figures are numbers, or an error that names the place; never a panic.
    #[test]
    fn any_matrix_gives_a_report_or_an_error(values in proptest::collection::vec(any_return(), 30 * 3), first_bar in 0_usize..3) {
        let matrix = ndarray::Array2::from_shape_vec((30, 3), values.clone()).unwrap();
        let usable = values.iter().all(|value| value.is_finite() && *value >= -1.0);
        match ReturnMatrix::new(matrix.view(), first_bar) {
            Err(Error::InvalidReturn { .. }) => prop_assert!(!usable),
            Err(error) => prop_assert!(false, "{error}"),
            Ok(matrix) => {
                prop_assert!(usable);
                let analysis = WalkForward::rolling(8, 4, Warmup::FullHistory).bars_per_year(252.0).build().unwrap();
                match analysis.analyse(&sets(3), &matrix) {
                    Ok(report) => {
                        // JSON writes NaN and infinities as null, so a report that has any does not come back equal.
                        let text = serde_json::to_string(&report).unwrap();
                        prop_assert_eq!(serde_json::from_str::<WalkForwardReport>(&text).unwrap(), report);
                    }
                    Err(error) => prop_assert!(matches!(error, Error::Overflow { .. }), "{}", error),
                }
            }
        }
    }
}

fn any_return() -> impl Strategy<Value = f64> {
    prop_oneof![
        20 => -0.05_f64..0.05,
        4 => Just(0.0),
        1 => Just(-1.0),
        1 => Just(1e-200),
        1 => prop_oneof![Just(1e200), Just(f64::MAX), Just(1e3)],
        1 => prop_oneof![39 => Just(0.01), 1 => any::<f64>()],
    ]
}
