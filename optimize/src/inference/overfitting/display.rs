//! The report as a table in plain text.

use std::fmt::{self, Display, Formatter};

use super::OverfittingReport;
use crate::text::{number, percent};

impl Display for OverfittingReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "Backtest overfitting: {} parameter sets of {} tried, {} bars in {} blocks, {} halves",
            self.candidates, self.trials, self.observations, self.settings.blocks, self.halves
        )?;
        let mut line = |name: &str, text: String| writeln!(formatter, "{name:<45} {text:>12}");
        line("probability of backtest overfitting", percent(Some(self.probability)))?;
        if let Some(null) = &self.null {
            let spread = format!("{} … {}", percent(Some(null.low)), percent(Some(null.high)));
            line("the same without any skill, 5 % … 95 %", spread)?;
            line("p-value against no skill", number(Some(null.p_value)))?;
        }
        line("probability that the choice loses", percent(Some(self.probability_of_loss)))?;
        line("median logit", number(Some(self.median_logit)))?;
        line("slope of degradation", number(self.degradation.map(|line| line.slope)))?;
        let chosen = format!("{} ({})", self.most_chosen, percent(Some(self.most_chosen_share)));
        write!(formatter, "{:<45} {chosen:>12}", "chosen most often: column")
    }
}
