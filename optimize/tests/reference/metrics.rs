//! The figures about a series agree with numpy, scipy and the papers.

use crate::support::{assert_close, column, reference, simple_returns};
use cofferdam_optimize::{Metrics, SharpeEstimate, expected_maximum_sharpe};
use serde_json::Value;

fn series(name: &str) -> Vec<f64> {
    match name {
        "sp500" => simple_returns(&column("sp500_1999_2018.csv", "close")),
        "wti" => simple_returns(&column("wti_1986_2019.csv", "close")),
        _ => column("trades_1000.csv", "trade_return"),
    }
}

#[test]
fn metrics_agree_with_the_reference() {
    let reference = reference();
    for (name, expected) in reference["metrics"].as_object().unwrap() {
        let metrics = Metrics::of(&series(name), 252.0).unwrap();
        let drawdown = metrics.drawdown;
        let figures = [
            ("mean", metrics.mean),
            ("std_ddof1", metrics.deviation),
            ("sharpe_ann", metrics.sharpe.unwrap()),
            ("sortino_ann", metrics.sortino.unwrap()),
            ("total_return", metrics.total_return),
            ("cagr", metrics.annualised_return),
            ("max_drawdown", drawdown.maximum),
            ("calmar", metrics.calmar.unwrap()),
            ("var95", metrics.value_at_risk),
            ("cvar95_exact_fractional", metrics.conditional_value_at_risk),
            ("ulcer_index_over_n", drawdown.ulcer_index),
            ("pain_index", drawdown.mean),
            ("time_under_water_fraction", drawdown.time_under_water),
            ("skew_population", metrics.skewness.unwrap()),
            ("kurtosis_population_nonexcess", metrics.kurtosis.unwrap()),
            ("win_rate", metrics.win_rate),
            ("profit_factor", metrics.profit_factor.unwrap()),
        ];
        for (figure, found) in figures {
            assert_close(found, &expected[figure], 1e-9, &format!("{name}, {figure}"));
        }
        let counts = [
            ("n", metrics.observations),
            ("mdd_peak_index_in_wealth", drawdown.peak),
            ("mdd_trough_index_in_wealth", drawdown.trough),
            ("longest_under_water_periods", drawdown.longest_under_water),
        ];
        for (figure, found) in counts {
            assert_eq!(found as u64, expected[figure].as_u64().unwrap(), "{name}, {figure}");
        }
        assert_eq!(drawdown.recovered, expected["recovered"].as_bool().unwrap());
    }
}

/// quantstats averages the returns up to the quantile, which on the S&P 500 is another figure: ours must not be that one.
#[test]
fn conditional_value_at_risk_counts_the_observation_at_the_edge_by_its_part() {
    let metrics = Metrics::of(&series("sp500"), 252.0).unwrap();
    let other = reference()["metrics"]["sp500"]["cvar95_tail_mean_le_quantile"].as_f64().unwrap();
    assert!((metrics.conditional_value_at_risk / other - 1.0).abs() > 1e-4);
}

#[test]
fn sharpe_inference_agrees_with_the_reference() {
    let reference = &reference()["sharpe_inference"];
    for (name, expected) in reference["series"].as_object().unwrap() {
        let estimate = SharpeEstimate::of(&series(name)).unwrap().unwrap();
        let close = |found: Option<f64>, key: &str| assert_near(found.unwrap(), &expected[key], 1e-9, key);
        close(estimate.probabilistic(0.0), "psr0");
        close(estimate.probabilistic(0.5 / 252.0_f64.sqrt()), "psr_half_ann");
        close(Some(expected_maximum_sharpe(900, 1e-4)), "sr0_N900_V1e_4");
        close(estimate.deflated(900, 1e-4), "dsr_N900_V1e_4");
        let length = estimate.minimum_track_record(0.0, 0.95).unwrap();
        assert_close(length, &expected["mintrl_vs0_95"], 1e-9, "minimum track record");
    }
    for (trials, expected) in reference["expected_max_normal_approx"].as_object().unwrap() {
        assert_near(expected_maximum_sharpe(trials.parse().unwrap(), 1.0), expected, 1e-9, trials);
    }
}

#[test]
fn sharpe_inference_agrees_with_the_papers() {
    let deflated = &reference()["sharpe_inference"]["paper_example_DSR_Bailey_LdP_2014"];
    let estimate = SharpeEstimate::new(deflated["sr"].as_f64().unwrap(), -3.0, 10.0, 1250).unwrap();
    assert_near(expected_maximum_sharpe(100, 0.5 / 250.0), &deflated["sr0"], 1e-9, "expected maximum");
    assert_near(estimate.deflated(100, 0.5 / 250.0).unwrap(), &deflated["dsr"], 1e-9, "deflated");

    let record = &reference()["sharpe_inference"]["paper_example_PSR_2012"];
    let normal = SharpeEstimate::new(0.458, 0.0, 3.0, 24).unwrap();
    assert_near(normal.probabilistic(0.0).unwrap(), &record["normal_psr0"], 1e-9, "normal");
    let skewed = SharpeEstimate::new(0.458, -2.448, 10.164, 24).unwrap();
    assert_near(skewed.probabilistic(0.0).unwrap(), &record["psr0"], 1e-9, "skewed");
    let length = skewed.minimum_track_record(0.0, 0.95).unwrap();
    assert_close(length, &record["mintrl_95"], 1e-9, "minimum track record");
}

#[track_caller]
fn assert_near(found: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "{what}: {found} instead of {expected}");
}
