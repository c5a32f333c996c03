//! A real study.

use cofferdam_optimize::{Dimension, FailureReason, FunctionObjective, Grid, Trial, WalkForward, Warmup};
use cofferdam_telemetry::Telemetry;

use crate::Row;

pub(crate) fn work(telemetry: &Telemetry) -> &'static [Row] {
    let grid = Grid::new([Dimension::integer("shift", 1, 3, 1).unwrap()]).unwrap();
    let objective = FunctionObjective::new(|set, bars: std::ops::Range<usize>| {
        let shift = set.integer("shift").unwrap_or(0);
        if shift == 3 {
            return Trial::failed(FailureReason::Timeout, "the test says so");
        }
        let wave = |t: usize| (t as f64 * 0.1 + shift as f64).sin() * 0.01;
        Trial::evaluated(bars.skip(1).map(wave).collect())
    })
    .with_lead(1);
    let analysis = WalkForward::rolling(60, 20, Warmup::FullHistory)
        .bars_per_year(252.0)
        .observer(telemetry.optimize_observer())
        .build()
        .unwrap();
    analysis.run_blocking(&grid.parameter_sets(), 200, &objective).unwrap();
    &[
        ("cofferdam_optimize_runs_in_progress", "gauge", "", &["method"]),
        ("cofferdam_optimize_trial_duration_seconds", "histogram", "seconds", &["method"]),
        ("cofferdam_optimize_trial_failures", "counter", "", &["method", "reason"]),
        ("cofferdam_optimize_trials", "counter", "", &["method"]),
    ]
}
