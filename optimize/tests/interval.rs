//! Intervals: what must hold for any returns, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cofferdam_optimize::{Interval, IntervalBuilder, IntervalReport, Resampling};
use proptest::prelude::*;

fn returns() -> Vec<f64> {
    (0..120).map(|k| f64::from(k * k * 29 % 113 - 52) / 2000.0).collect()
}

fn study(resampling: Resampling) -> Interval {
    Interval::new(resampling).replicates(999).seed(7).build().unwrap()
}

fn sharpe(sample: &[f64]) -> Option<f64> {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let squares: f64 = sample.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares > 1e-18).then(|| mean / (squares / (n - 1.0)).sqrt())
}

/// The quick way by sums and the way by whole resamples see the same draws.
#[test]
fn a_figure_of_sums_is_the_figure_of_the_resamples() {
    for resampling in [Resampling::Bootstrap, Resampling::StationaryBlock(6.0), Resampling::CircularAutomatic]
    {
        let (by_sums, plain) = (
            study(resampling).of_sharpe(&returns()).unwrap(),
            study(resampling).of(&returns(), sharpe).unwrap(),
        );
        let figures = |report: &IntervalReport| {
            let bounds = report.accelerated.unwrap();
            [
                report.estimate,
                report.standard_error,
                report.bias,
                report.acceleration,
                bounds.low,
                bounds.high,
            ]
        };
        for (found, expected) in figures(&by_sums).into_iter().zip(figures(&plain)) {
            assert!((found - expected).abs() < 1e-10, "{resampling}: {found} instead of {expected}");
        }
        let mean = |sample: &[f64]| Some(sample.iter().sum::<f64>() / sample.len() as f64);
        let (by_sums, plain) =
            (study(resampling).of_mean(&returns()).unwrap(), study(resampling).of(&returns(), mean).unwrap());
        for (found, expected) in figures(&by_sums).into_iter().zip(figures(&plain)) {
            assert!((found - expected).abs() < 1e-10, "{resampling}: {found} instead of {expected}");
        }
    }
}

/// Independent normal returns: the mean has the standard error σ/√n, and nothing to correct.
#[test]
fn the_mean_has_its_textbook_error() {
    let returns = returns();
    let report = study(Resampling::Bootstrap).of_mean(&returns).unwrap();
    let n = returns.len() as f64;
    let variance = returns.iter().map(|value| (value - report.estimate).powi(2)).sum::<f64>() / n;
    // The error of a deviation over 999 resamples is one part in 45.
    assert!((report.standard_error / (variance / n).sqrt() - 1.0).abs() < 0.1, "{report}");
    assert!(report.bias.abs() < 5.0 * report.standard_error / 999_f64.sqrt());
    assert_eq!(report.replicates, 999);
    assert_eq!(report.block_length, 1.0);
}

/// A trend over many bars is dependence; independent draws would promise too much.
#[test]
fn blocks_widen_the_interval_of_dependent_returns() {
    let wave: Vec<f64> =
        (0..600).map(|t| 0.01 * (f64::from(t) * 0.07).sin() + f64::from(t * 37 % 11) / 1e4).collect();
    let width = |resampling| study(resampling).of_mean(&wave).unwrap().standard_error;
    assert!(width(Resampling::StationaryAutomatic) > 1.5 * width(Resampling::Bootstrap));
}

/// A figure with a long tail to the right: the corrected interval lies further right than the plain one.
#[test]
fn acceleration_moves_the_interval_to_the_longer_tail() {
    let skewed: Vec<f64> = (0..80).map(|k| (f64::from(k) / 12.0).exp() / 1000.0).collect();
    let report = study(Resampling::Bootstrap).of_mean(&skewed).unwrap();
    let bounds = report.accelerated.unwrap();
    assert!(report.acceleration > 0.01, "{report:?}");
    assert!(bounds.low > report.percentile.low && bounds.high > report.percentile.high, "{report}");
    assert!(report.basic.high < report.percentile.high);
}

#[test]
fn a_figure_at_the_edge_of_its_resamples_has_no_corrected_interval() {
    let highest = |sample: &[f64]| sample.iter().copied().reduce(f64::max);
    let shifted =
        |sample: &[f64]| highest(sample).map(|value| if sample == returns() { value + 1.0 } else { value });
    let report = study(Resampling::Bootstrap).of(&returns(), shifted).unwrap();
    assert_eq!((report.accelerated, report.bias_correction), (None, None));
    assert!(report.to_string().contains("BCa                     -"), "{report}");
}

#[test]
fn resamples_without_the_figure_are_left_out_and_counted() {
    let some = |sample: &[f64]| (sample[0] > 0.0).then_some(sample[1]);
    let mut returns = returns();
    returns[0] = 0.01;
    let report = study(Resampling::Bootstrap).of(&returns, some).unwrap();
    assert!(report.replicates > 350 && report.replicates < 650, "{}", report.replicates);
    let nan = study(Resampling::Bootstrap).of(&returns, |_| Some(f64::NAN)).unwrap_err();
    assert!(nan.to_string().contains("do not vary"));
}

#[test]
fn what_has_no_interval_is_refused_with_a_reason() {
    let error = |builder: IntervalBuilder| builder.build().unwrap_err().to_string();
    let new = || Interval::new(Resampling::Bootstrap);
    assert!(error(new().replicates(0)).starts_with("replicates is 0"));
    assert!(error(new().replicates(usize::MAX)).starts_with("replicates is"));
    for confidence in [0.0, 1.0, f64::NAN] {
        assert!(error(new().confidence(confidence)).starts_with("confidence is"));
    }
    for resampling in [Resampling::Shuffle, Resampling::SkipTrades(0.1), Resampling::CostStress(0.1)] {
        assert!(error(Interval::new(resampling)).starts_with("the resampling is"));
    }
    assert!(error(Interval::new(Resampling::CircularBlock(0))).starts_with("the block length is 0"));
    let of = |resampling, returns: &[f64]| study(resampling).of_sharpe(returns).unwrap_err().to_string();
    assert!(of(Resampling::Bootstrap, &[]).contains("has 0 values, but at least 2"));
    assert!(of(Resampling::StationaryAutomatic, &[0.1; 7]).contains("has 7 values, but at least 8"));
    assert!(
        of(Resampling::Bootstrap, &[0.1, f64::NAN]).starts_with("the return of bar 1 of the series is NaN")
    );
    assert!(of(Resampling::Bootstrap, &[0.0; 20]).contains("do not vary"));
    assert!(of(Resampling::Bootstrap, &[0.001; 20]).contains("do not vary"));
}

fn any_resampling() -> impl Strategy<Value = Resampling> {
    prop_oneof![
        Just(Resampling::Bootstrap),
        (1.0_f64..30.0).prop_map(Resampling::StationaryBlock),
        Just(Resampling::StationaryBlock(f64::MAX)),
        Just(Resampling::StationaryAutomatic),
        (1_usize..30).prop_map(Resampling::CircularBlock),
        Just(Resampling::CircularBlock(usize::MAX)),
        Just(Resampling::CircularAutomatic),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// In another unit and from another zero the interval of a mean is the same.
    #[test]
    fn the_interval_of_a_mean_moves_with_its_returns(
        returns in proptest::collection::vec(-0.1_f64..0.1, 8..40),
        resampling in any_resampling(),
        unit in 0.1_f64..2.0,
        zero in -0.1_f64..0.1,
    ) {
        let study = Interval::new(resampling).replicates(99).build().unwrap();
        let moved: Vec<f64> = returns.iter().map(|value| unit * value + zero).collect();
        let (found, expected) = (study.of_mean(&moved).unwrap(), study.of_mean(&returns).unwrap());
        let (Some(corrected), Some(before)) = (found.accelerated, expected.accelerated) else { return Ok(()) };
        // An automatic length may be rounded to another one, and then the draws are others.
        prop_assume!(found.block_length == expected.block_length && before.high - before.low > 1e-6);
        for (found, expected) in [(corrected.low, before.low), (corrected.high, before.high)] {
            prop_assert!((found - (unit * expected + zero)).abs() < 1e-6, "{found} for {expected}");
        }
    }

    /// Any floats at all: a report whose figures are numbers, or an error; never a panic.
    #[test]
    fn any_returns_give_a_report_or_an_error(
        returns in proptest::collection::vec(
            prop_oneof![6 => -1.0_f64..1.0, 2 => Just(0.0), 1 => -1.0..f64::MAX, 1 => any::<f64>()], 0..40),
        resampling in any_resampling(),
    ) {
        let study = Interval::new(resampling).replicates(20).build().unwrap();
        for report in [study.of_mean(&returns), study.of_sharpe(&returns), study.of(&returns, |sample| sample.last().copied())] {
            let Ok(report) = report else { continue };
            let text = serde_json::to_string(&report).unwrap();
            prop_assert_eq!(serde_json::from_str::<IntervalReport>(&text).unwrap(), report);
        }
    }
}
