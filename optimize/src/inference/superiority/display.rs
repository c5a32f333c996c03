//! The report as a table in plain text.

use std::fmt::{self, Display, Formatter};

use super::{SuperiorityReport, Verdict};

impl Display for SuperiorityReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "Superiority: {} parameter sets of {} tried, {} bars in blocks of {:.1}, {} bootstraps",
            self.candidates, self.trials, self.observations, self.block_length, self.settings.replicates
        )?;
        writeln!(
            formatter,
            "{:<30} {:>10} {:>10} {:>10} {:>10}",
            "", "statistic", "lower p", "p", "upper p"
        )?;
        write_verdict(formatter, "SPA (Hansen)", &self.superiority)?;
        write_verdict(formatter, "Reality Check (White: upper)", &self.reality_check)?;
        writeln!(formatter, "{:<45} {:>8}", "best: column", self.best)?;
        let better = self.better(0.05).count();
        write!(formatter, "{:<45} {better:>8}", "better by step-wise p-values at 5 %: sets")
    }
}

fn write_verdict(formatter: &mut Formatter<'_>, name: &str, verdict: &Verdict) -> fmt::Result {
    let [lower, consistent, upper] = [verdict.lower, verdict.consistent, verdict.upper].map(|p| p.value);
    writeln!(
        formatter,
        "{name:<30} {:>10.4} {lower:>10.4} {consistent:>10.4} {upper:>10.4}",
        verdict.statistic
    )
}
