//! The report as a table in plain text.

use std::fmt::{self, Display, Formatter};

use super::report::{WalkForwardReport, WindowReport};
use crate::text::{number, percent};

impl Display for WalkForwardReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.write_settings(formatter)?;
        let parameters: Vec<String> = self.windows.iter().map(parameters).collect();
        let width = parameters.iter().map(|shown| shown.chars().count()).max().unwrap_or(0).max(10);
        writeln!(
            formatter,
            "\n{:>15} {:>15}  {:<width$} {:>8} {:>8} {:>9} {:>9} {:>9}",
            "train", "test", "parameters", "IS SR", "OOS SR", "IS ret", "OOS ret", "OOS DD"
        )?;
        for (window, parameters) in self.windows.iter().zip(&parameters) {
            write_window(formatter, window, parameters, width)?;
        }
        self.write_result(formatter)
    }
}

impl WalkForwardReport {
    fn write_settings(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        writeln!(
            formatter,
            "walk-forward, {}: train {}, test {}, step {}, gap {}; warm-up: {}; chosen by {}; {} bars a year",
            settings.scheme,
            settings.train,
            settings.test,
            settings.step,
            settings.gap,
            settings.warmup,
            settings.metric,
            settings.bars_per_year
        )?;
        writeln!(
            formatter,
            "{} bars, {} windows, {} parameter sets, {} of them failed",
            self.bars,
            self.windows.len(),
            self.luck.trials,
            self.luck.failed_trials
        )
    }

    fn write_result(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: String| writeln!(formatter, "{name:<52} {value:>10}");
        if let Some(metrics) = &self.out_of_sample {
            line("\nstitched out of sample: Sharpe ratio", number(metrics.sharpe))?;
            line("  total return", percent(Some(metrics.total_return)))?;
            line("  annualised return", percent(Some(metrics.annualised_return)))?;
            line("  maximum drawdown", percent(Some(metrics.drawdown.maximum)))?;
        }
        line("efficiency: ratio of mean annualised returns", number(self.efficiency.ratio_of_mean_returns))?;
        line("  mean of ratios of annualised returns", number(self.efficiency.mean_of_return_ratios))?;
        line("  ratio of mean Sharpe ratios", number(self.efficiency.ratio_of_mean_sharpes))?;
        line("profitable windows", percent(self.profitable_windows))?;
        line("unchanged choices", percent(self.stability.unchanged))?;
        line("probability that the Sharpe ratio is positive (PSR)", number(self.luck.probabilistic_sharpe))?;
        line("best Sharpe ratio by luck alone", number(Some(self.luck.luckiest_sharpe)))?;
        line("probability of more than luck (DSR)", number(self.luck.deflated_sharpe))
    }
}

fn parameters(window: &WindowReport) -> String {
    window.winner.as_ref().map_or_else(|| "no winner".to_owned(), |winner| winner.parameters.to_string())
}

fn write_window(
    formatter: &mut Formatter<'_>,
    window: &WindowReport,
    parameters: &str,
    width: usize,
) -> fmt::Result {
    let before = window.winner.as_ref().map(|winner| winner.in_sample);
    let after = window.winner.as_ref().and_then(|winner| winner.out_of_sample);
    writeln!(
        formatter,
        "{:>15} {:>15}  {:<width$} {:>8} {:>8} {:>9} {:>9} {:>9}",
        format!("{}..{}", window.train.start, window.train.end),
        format!("{}..{}", window.test.start, window.test.end),
        parameters,
        number(before.and_then(|performance| performance.sharpe)),
        number(after.and_then(|performance| performance.sharpe)),
        percent(before.map(|performance| performance.total_return)),
        percent(after.map(|performance| performance.total_return)),
        percent(after.map(|performance| performance.maximum_drawdown)),
    )
}
