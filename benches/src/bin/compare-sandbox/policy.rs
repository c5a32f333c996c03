//! The policy's check of a strategy, and of a text as long as the default policy takes.

use std::time::Instant;

use cofferdam_benches::Samples;
use cofferdam_sandbox::{Bounds, Policy};

use super::Problem;
use super::report::Report;

/// A strategy of about 200 lines.
const STRATEGY: &str = include_str!("../../../../examples/strategies/trend_portfolio.py");

/// Measures and tells.
pub(super) fn measure(rounds: usize, report: &mut Report) -> Result<(), Problem> {
    let policy = Policy::default();
    let most = usize::try_from(Bounds::default().source_bytes)?;
    let long = STRATEGY.repeat(most / STRATEGY.len());
    // So much code has more parts than the default policy takes, though not more bytes.
    let roomy = Policy::default().bounds(Bounds::default().nodes(u32::MAX).depth(u32::MAX));

    let (mut short_times, mut long_times) = (Samples::new(), Samples::new());
    for round in 0..rounds {
        let start = Instant::now();
        policy.check(STRATEGY)?;
        short_times.add_since(start);
        // One in eight takes as long as all the others together.
        if round % 8 == 0 {
            let start = Instant::now();
            roomy.check(&long)?;
            long_times.add_since(start);
        }
    }
    report.heading("the policy's check");
    report.times(&format!("a strategy of {} lines", STRATEGY.lines().count()), "policy", &short_times);
    report.times(&format!("a text of {} bytes", long.len()), "policy_long", &long_times);
    report.field("policy_us_200_lines", short_times.micros(50));
    // Bytes in a microsecond are megabytes in a second.
    report.figure("throughput", "policy_mb_per_s", long.len() as f64 / long_times.micros(50), "MB/s");
    Ok(())
}
