//! A walk-forward analysis of a moving-average crossover on the S&P 500 agrees with the reference, window by window.

use crate::support::{assert_close, column, crossover, crossover_grid, reference};
use cofferdam_optimize::{
    Alignment, Objective, ReturnMatrix, WalkForward, WalkForwardBuilder, WalkForwardReport, Warmup, Window,
};
use serde_json::Value;

const BARS: usize = 5000;
const TOLERANCE: f64 = 1e-8;

fn prices() -> Vec<f64> {
    column("sp500_1999_2018.csv", "close")[..BARS].to_vec()
}

fn study(analysis: WalkForwardBuilder) -> WalkForwardReport {
    let analysis = analysis.bars_per_year(252.0).all_out_of_sample(true).build().unwrap();
    analysis.run_blocking(&crossover_grid(), BARS, &crossover(prices())).unwrap()
}

fn assert_agrees(report: &WalkForwardReport, expected: &Value) {
    let windows = expected["windows"].as_array().unwrap();
    assert_eq!(report.windows.len(), windows.len());
    for (number, (window, expected)) in report.windows.iter().zip(windows).enumerate() {
        let winner = window.winner.as_ref().unwrap();
        let after = winner.out_of_sample.unwrap();
        assert_eq!(winner.parameters.integer("fast"), expected["fast"].as_i64(), "window {number}");
        assert_eq!(winner.parameters.integer("slow"), expected["slow"].as_i64(), "window {number}");
        assert_eq!(winner.rank.map(|rank| rank as u64), expected["oos_rank_of_winner_1best"].as_u64());
        let figures = [
            ("is_sharpe_ann", winner.in_sample.sharpe.unwrap()),
            // The reference says 0 where there were no trades; we say that there is no such ratio.
            ("oos_sharpe_ann", after.sharpe.unwrap_or(0.0)),
            ("is_total_return", winner.in_sample.total_return),
            ("oos_total_return", after.total_return),
            ("is_ann_return", winner.in_sample.annualised_return),
            ("oos_ann_return", after.annualised_return),
            ("spearman_is_oos", window.rank_correlation.unwrap()),
        ];
        for (figure, found) in figures {
            assert_close(found, &expected[figure], TOLERANCE, &format!("window {number}, {figure}"));
        }
    }
    let aggregate = &expected["aggregate"];
    let stitched = report.out_of_sample.unwrap();
    let [fast, slow] = &report.stability.parameters[..] else { panic!("two parameters") };
    assert_eq!(Some(stitched.observations as u64), aggregate["stitched_oos"]["n"].as_u64());
    let figures = [
        (stitched.sharpe, &aggregate["stitched_oos"]["sharpe_ann"]),
        (Some(stitched.total_return), &aggregate["stitched_oos"]["total_return"]),
        (Some(stitched.annualised_return), &aggregate["stitched_oos"]["ann_return"]),
        (Some(stitched.drawdown.maximum), &aggregate["stitched_oos"]["max_drawdown"]),
        (report.efficiency.ratio_of_mean_returns, &aggregate["wfe_ratio_of_mean_annualised"]),
        (report.efficiency.mean_of_return_ratios, &aggregate["wfe_mean_of_ratios"]),
        (report.efficiency.ratio_of_mean_sharpes, &aggregate["wfe_sharpe_ratio_of_means"]),
        (report.degradation, &aggregate["degradation_sharpe"]),
        (report.profitable_windows, &aggregate["consistency_profitable_windows"]),
        (report.largest_window_share, &aggregate["max_window_share_of_total_profit"]),
        (fast.coefficient_of_variation, &aggregate["param_cv_fast"]),
        (slow.coefficient_of_variation, &aggregate["param_cv_slow"]),
        (fast.mean_step, &aggregate["param_mean_abs_step_normalised_fast"]),
        (slow.mean_step, &aggregate["param_mean_abs_step_normalised_slow"]),
        (report.stability.unchanged, &aggregate["unchanged_selection_fraction"]),
    ];
    for (found, expected) in figures {
        assert_close(found.unwrap(), expected, TOLERANCE, "aggregate");
    }
}

#[test]
fn sliced_windows_agree_with_the_reference() {
    let report = study(WalkForward::rolling(1500, 350, Warmup::None));
    assert_agrees(&report, &reference()["sma_walk_forward"]["isolated_rolling"]);
    // Window 2 chose a slow average that never crossed in the test window: no ratio, not an infinite one.
    let idle = report.windows[2].winner.as_ref().unwrap().out_of_sample.unwrap();
    assert_eq!((idle.sharpe, idle.score, idle.total_return, idle.trades), (None, None, 0.0, Some(0)));
}

#[test]
fn full_history_agrees_with_the_reference() {
    let report = study(WalkForward::rolling(1500, 350, Warmup::FullHistory));
    assert_agrees(&report, &reference()["sma_walk_forward"]["continuous_rolling"]);
}

#[test]
fn plateaus_agree_with_the_reference() {
    let reference = reference();
    let plateaus = reference["parameter_plateau"]["windows"].as_array().unwrap();
    for (radius, key) in [(1, "plateau_ratio_r1"), (2, "plateau_ratio_r2")] {
        let report = study(WalkForward::rolling(1500, 350, Warmup::FullHistory).plateau_radius(radius));
        for (window, expected) in report.windows.iter().zip(plateaus) {
            let ratio = window.winner.as_ref().unwrap().plateau_ratio.unwrap();
            assert_close(ratio, &expected[key], TOLERANCE, key);
        }
    }
}

/// A warm-up that reaches back as far as the slowest indicator gives what the full history gives; positions are the same,
/// so the returns are, but for the bars before any indicator exists.
#[test]
fn enough_warm_up_is_as_good_as_the_full_history() {
    let full = study(WalkForward::rolling(1500, 350, Warmup::FullHistory));
    let warmed = study(WalkForward::rolling(1500, 350, Warmup::Bars(400)));
    assert_eq!(full.windows.len(), warmed.windows.len());
    for (left, right) in full.returns.iter().zip(&warmed.returns) {
        assert!((left - right).abs() < 1e-12);
    }
    assert_eq!(full.luck.trials, warmed.luck.trials);
}

/// The reference has no anchored run, so each step is made again here in the plainest way.
#[test]
fn anchored_windows_agree_with_a_plain_computation() {
    let grid = crossover_grid();
    let objective = crossover(prices());
    let report = study(WalkForward::anchored(1500, 350, Warmup::FullHistory));
    let matrix = whole_history(&objective);
    for (number, window) in report.windows.iter().enumerate() {
        let end = 1500 + 350 * number;
        assert_eq!((window.train.clone(), window.test.clone()), (0..end, end..end + 350));
        let sharpe = |set: usize| {
            let column = matrix.returns();
            let values: Vec<f64> = column.column(set).iter().take(end - 1).copied().collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            mean / (squares / (values.len() - 1) as f64).sqrt() * 252.0_f64.sqrt()
        };
        let best = (0..grid.len()).fold(0, |best, set| if sharpe(set) > sharpe(best) { set } else { best });
        let winner = window.winner.as_ref().unwrap();
        assert_eq!(winner.parameter_set, best, "window {number}");
        assert!((winner.in_sample.sharpe.unwrap() / sharpe(best) - 1.0).abs() < TOLERANCE);
    }
}

fn whole_history(objective: &impl Objective) -> ReturnMatrix {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let grid = crossover_grid();
    let mut future = std::pin::pin!(objective.evaluate(&grid, 0..BARS));
    let std::task::Poll::Ready(trials) = future.as_mut().poll(&mut context) else {
        panic!("a function never waits")
    };
    ReturnMatrix::from_trials(&grid, BARS, objective.lead(), trials.unwrap()).unwrap()
}

#[test]
fn a_return_matrix_gives_the_report_of_its_objective() {
    let analysis = WalkForward::rolling(1500, 350, Warmup::FullHistory).bars_per_year(252.0).build().unwrap();
    let objective = crossover(prices());
    let mut from_objective = analysis.run_blocking(&crossover_grid(), BARS, &objective).unwrap();
    let from_matrix = analysis.analyse(&crossover_grid(), &whole_history(&objective)).unwrap();
    // A matrix does not know of trades; all else is the same.
    for window in &mut from_objective.windows {
        let winner = window.winner.as_mut().unwrap();
        winner.in_sample.trades = None;
        winner.out_of_sample.as_mut().unwrap().trades = None;
    }
    assert_eq!(from_objective, from_matrix);
}

fn assert_splits(analysis: WalkForwardBuilder, bars: usize, key: &str) {
    let windows = analysis.bars_per_year(252.0).build().unwrap().windows(bars).unwrap();
    let reference = reference();
    let expected = reference["splits"][key].as_array().unwrap();
    let found: Vec<Value> = windows.iter().map(|Window { train, test, .. }| {
        serde_json::json!({ "train": [[train.start, train.end]], "test": [[test.start, test.end]] })
    }).collect();
    assert_eq!(&found, expected, "{key}");
}

#[test]
fn windows_agree_with_skfolio_and_scikit_learn() {
    let rolling = |train, test| WalkForward::rolling(train, test, Warmup::None);
    let skfolio = |rest: &str| format!("skfolio.WalkForward {rest}");
    let keep = cofferdam_optimize::PartialWindow::Keep;
    assert_splits(
        rolling(40, 10),
        100,
        &skfolio("n=100 train=40 test=10 purged=0 anchored=False reduce_test=False"),
    );
    assert_splits(
        rolling(40, 15),
        100,
        &skfolio("n=100 train=40 test=15 purged=0 anchored=False reduce_test=False"),
    );
    assert_splits(
        rolling(40, 10).gap(5),
        100,
        &skfolio("n=100 train=40 test=10 purged=5 anchored=False reduce_test=False"),
    );
    assert_splits(
        rolling(1500, 350),
        5030,
        &skfolio("n=5030 train=1500 test=350 purged=0 anchored=False reduce_test=False"),
    );
    assert_splits(
        rolling(40, 15).partial_window(keep),
        107,
        &skfolio("n=107 train=40 test=15 purged=0 anchored=False reduce_test=True"),
    );
    assert_splits(
        rolling(30, 10).gap(3).alignment(Alignment::End).maximum_windows(5),
        100,
        "sklearn.TimeSeriesSplit n=100 n_splits=5 gap=3 max_train_size=30 test_size=10",
    );
}
