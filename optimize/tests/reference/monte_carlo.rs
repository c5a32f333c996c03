//! Simulated distributions agree with two million paths of numpy, within the errors of both.

use crate::support::{column, reference};
use cofferdam_optimize::{Distribution, Estimate, MonteCarlo, MonteCarloReport, Resampling};
use serde_json::Value;

/// Few enough for a build without optimisation.
const PATHS: usize = 4_000;

fn simulate(resampling: Resampling, ruin: f64) -> MonteCarloReport {
    let simulation = MonteCarlo::new(resampling).paths(PATHS).seed(2_026).ruin_drawdown(ruin);
    let simulation = simulation.percentiles([1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0]).build().unwrap();
    simulation.run(&column("trades_1000.csv", "trade_return")).unwrap()
}

/// Five standard errors of the reference and of our run together; the reference gives the error of 100,000 paths.
#[track_caller]
fn assert_within_errors(found: Estimate, expected: &Value, what: &str) {
    let figure = |place: usize| expected[place].as_f64().unwrap();
    let ours = figure(2) * (100_000.0 / PATHS as f64).sqrt();
    let allowed = 5.0 * figure(1).hypot(ours);
    let error = (found.value - figure(0)).abs();
    assert!(error <= allowed, "{what}: {} instead of {}, allowed {allowed}", found.value, figure(0));
}

/// What we say about our own error is of the right size. Only for figures without steps: the reference made its errors of
/// batches, whose percentiles of a whole number jump by one.
#[track_caller]
fn assert_error_is_honest(found: Estimate, expected: &Value, what: &str) {
    let error = expected[2].as_f64().unwrap() * (100_000.0 / PATHS as f64).sqrt();
    assert!(
        found.error > 0.4 * error && found.error < 2.5 * error,
        "{what}: error {} for {error}",
        found.error
    );
}

fn assert_distribution(found: &Distribution, expected: &Value, what: &str) {
    assert_within_errors(found.mean, &expected["mean"], &format!("{what}, mean"));
    for percentile in [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0] {
        let name = format!("p{percentile}");
        assert_within_errors(
            found.percentile(percentile).unwrap(),
            &expected[&name],
            &format!("{what}, {name}"),
        );
    }
}

fn assert_agrees(resampling: Resampling, key: &str) {
    let reference = &reference()["monte_carlo"][key];
    let report = simulate(resampling, 0.5);
    for percentile in [5.0, 50.0, 95.0] {
        let name = format!("p{percentile}");
        let equity = report.final_equity.percentile(percentile).unwrap();
        assert_error_is_honest(equity, &reference["final_equity"][&name], &name);
        let drawdown = report.maximum_drawdown.percentile(percentile).unwrap();
        assert_error_is_honest(drawdown, &reference["max_drawdown"][&name], &name);
    }
    assert_error_is_honest(report.final_equity.mean, &reference["final_equity"]["mean"], "mean");
    assert_error_is_honest(report.probability_of_profit, &reference["prob_profit_final_gt_1"], "profit");
    assert_error_is_honest(
        report.conditional_value_at_risk,
        &reference["cvar95_of_final_return_loss"],
        "CVaR",
    );
    assert_distribution(&report.final_equity, &reference["final_equity"], "final equity");
    assert_distribution(&report.maximum_drawdown, &reference["max_drawdown"], "maximum drawdown");
    assert_distribution(&report.longest_under_water, &reference["longest_under_water_trades"], "under water");
    assert_within_errors(report.probability_of_profit, &reference["prob_profit_final_gt_1"], "profit");
    assert_within_errors(report.conditional_value_at_risk, &reference["cvar95_of_final_return_loss"], "CVaR");
    let half = report.probability_of_drawdown.unwrap();
    assert_within_errors(half, &reference["prob_drawdown_ge_0.5"], "half lost");
    let third = simulate(resampling, 0.3).probability_of_drawdown.unwrap();
    assert_within_errors(third, &reference["prob_drawdown_ge_0.3"], "three tenths lost");
}

#[test]
fn bootstrap_agrees_with_the_reference() {
    assert_agrees(Resampling::Bootstrap, "iid_bootstrap");
}

#[test]
fn stationary_blocks_agree_with_the_reference() {
    assert_agrees(Resampling::StationaryBlock(10.0), "stationary_mean_block_10");
}

#[test]
fn the_bootstrap_has_its_analytic_mean() {
    let expected = reference()["monte_carlo"]["analytic"]["iid_E_final_equity"].as_f64().unwrap();
    let mean = simulate(Resampling::Bootstrap, 0.5).final_equity.mean;
    assert!((mean.value - expected).abs() < 5.0 * mean.error);
}

#[test]
fn a_shuffle_keeps_the_final_equity() {
    let expected =
        reference()["monte_carlo"]["analytic"]["permutation_final_equity_constant"].as_f64().unwrap();
    let report = simulate(Resampling::Shuffle, 0.5);
    for percentile in &report.final_equity.percentiles {
        assert!((percentile.value.value / expected - 1.0).abs() < 1e-12);
    }
    assert_eq!(report.probability_of_profit.value, 1.0);
    // The way there varies.
    assert!(report.maximum_drawdown.deviation > 0.01);
}
