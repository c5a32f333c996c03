//! The corrected interval of a mean agrees with scipy's out of 800,000 resamples.

use cofferdam_optimize::{Interval, Resampling};

use crate::support::{assert_close, column, reference};

/// Fewer than the reference asks for, so that a build without optimisation is quick.
const REPLICATES: usize = 20_000;

#[test]
fn the_accelerated_interval_agrees_with_the_reference() {
    let expected = &reference()["bca"]["mean"];
    let study = Interval::new(Resampling::Bootstrap).replicates(REPLICATES).seed(11).build().unwrap();
    let report = study.of_mean(&column("trades_1000.csv", "trade_return")).unwrap();
    assert_close(report.estimate, &expected["theta_hat"], 1e-9, "estimate");
    assert_close(report.acceleration, &expected["acceleration_jackknife"], 1e-9, "acceleration");
    let tolerance =
        expected["tolerance_for_100k_resamples"].as_f64().unwrap() * (100_000.0 / REPLICATES as f64).sqrt();
    let bounds = report.accelerated.unwrap();
    for (found, key) in [(bounds.low, "low"), (bounds.high, "high")] {
        let expected = expected[key].as_f64().unwrap();
        assert!((found - expected).abs() < tolerance, "{key}: {found} instead of {expected} ± {tolerance}");
    }
}
