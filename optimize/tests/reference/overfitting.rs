//! The probability of backtest overfitting agrees with numpy on every half.

use cofferdam_optimize::{Criterion, Overfitting, OverfittingReport, ReturnMatrix};
use ndarray::{Array2, Axis};
use serde_json::Value;

use crate::support::{assert_close, matrix, reference};

fn report(returns: &Array2<f64>, blocks: u64, criterion: Criterion, null: usize) -> OverfittingReport {
    let study = Overfitting::of_blocks(blocks as usize).criterion(criterion).null_replicates(null);
    study.build().unwrap().run(&ReturnMatrix::new(returns.view(), 0).unwrap()).unwrap()
}

fn assert_agrees(found: &OverfittingReport, expected: &Value) {
    assert_eq!(found.halves as u64, expected["combinations"].as_u64().unwrap());
    assert_eq!(found.logits.len(), found.halves);
    // Shares of whole numbers: to the bit.
    assert_eq!(found.probability, expected["pbo"].as_f64().unwrap());
    let lost = found.logits.iter().filter(|logit| **logit < 0.0).count();
    assert_eq!(lost as f64 / found.halves as f64, expected["pbo_strict_lt0"].as_f64().unwrap());
    assert_eq!(found.probability_of_loss, expected["prob_oos_loss"].as_f64().unwrap());
    assert_eq!(found.most_chosen as u64, expected["most_selected"].as_u64().unwrap());
    assert_eq!(found.most_chosen_share, expected["most_selected_share"].as_f64().unwrap());
    assert_close(found.mean_logit, &expected["mean_logit"], 1e-9, "mean logit");
    assert_close(found.median_logit, &expected["median_logit"], 1e-9, "median logit");
    let line = found.degradation.unwrap();
    assert_close(line.slope, &expected["degradation_slope"], 1e-9, "slope");
    assert_close(line.determination, &expected["r2"], 1e-9, "R²");
    let intercept = expected["degradation_intercept"].as_f64().unwrap();
    assert!((line.intercept - intercept).abs() < 1e-10, "{} instead of {intercept}", line.intercept);
}

#[test]
fn a_column_with_skill_agrees_with_the_reference() {
    let returns = matrix("pbo_skill_960x40.csv");
    for expected in reference()["pbo"]["pbo_skill_960x40.csv"].as_array().unwrap() {
        assert_agrees(&report(&returns, expected["S"].as_u64().unwrap(), Criterion::Sharpe, 0), expected);
    }
}

/// Without their means, what a column wins on one half it must lose on the other.
#[test]
fn columns_without_a_mean_always_disappoint() {
    let mut returns = noise();
    let means = returns.mean_axis(Axis(0)).unwrap();
    returns -= &means;
    assert_agrees(&report(&returns, 8, Criterion::Mean, 0), &reference()["pbo"]["analytic_check_value"]);
}

/// Noise gives nearly anything, which is what the null is there to say: of 40 columns of 960 bars some 0.21 to 0.81.
#[test]
fn the_null_shows_how_little_a_single_figure_says() {
    let found = report(&noise(), 8, Criterion::Sharpe, 120);
    let null = found.null.unwrap();
    assert_eq!(null.replicates, 120);
    assert!(null.low > 0.05 && null.low < 0.4, "{null:?}");
    assert!(null.high > 0.6 && null.high < 0.95, "{null:?}");
    assert!((null.mean - 0.5).abs() < 0.08, "{null:?}");
    assert!(null.p_value > 0.05, "noise is no exception among noise: {null:?}");
    let skilled = report(&matrix("pbo_skill_960x40.csv"), 8, Criterion::Sharpe, 120).null.unwrap();
    assert!(skilled.p_value < 0.02, "{skilled:?}");
}

/// The same matrix as it was before one column got its skill.
fn noise() -> Array2<f64> {
    let mut returns = matrix("pbo_skill_960x40.csv");
    returns.column_mut(7).mapv_inplace(|value| ((value - 0.0015) * 1e6).round() / 1e6);
    returns
}
