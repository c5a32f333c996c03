//! The report as a table in plain text.

use std::fmt::{self, Display, Formatter};

use super::report::{Distribution, Estimate, MonteCarloReport};

impl Display for MonteCarloReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        writeln!(
            formatter,
            "Monte Carlo, {}: {} paths of {} steps out of {} returns, seed {}",
            settings.resampling, self.paths, self.horizon, self.observations, settings.seed
        )?;
        write!(formatter, "\n{:<22} {:>22}", "", "mean")?;
        for percentile in &settings.percentiles {
            write!(formatter, " {:>22}", format!("{percentile} %"))?;
        }
        writeln!(formatter)?;
        write_distribution(formatter, "final equity", &self.final_equity)?;
        write_distribution(formatter, "maximum drawdown", &self.maximum_drawdown)?;
        write_distribution(formatter, "longest under water", &self.longest_under_water)?;
        if let Some(ulcer_index) = &self.ulcer_index {
            write_distribution(formatter, "Ulcer index", ulcer_index)?;
        }
        let mut line =
            |name: String, estimate: Estimate| writeln!(formatter, "{name:<45} {:>22}", shown(estimate));
        line("\nprobability of profit".to_owned(), self.probability_of_profit)?;
        if let (Some(ruin), Some(estimate)) = (settings.ruin_drawdown, self.probability_of_drawdown) {
            line(format!("probability of a drawdown of {ruin}"), estimate)?;
        }
        if let (Some(floor), Some(estimate)) = (settings.ruin_floor, self.probability_of_floor) {
            line(format!("probability of touching an equity of {floor}"), estimate)?;
        }
        line(format!("mean loss of the worst {} of the paths", settings.tail), self.conditional_value_at_risk)
    }
}

fn write_distribution(formatter: &mut Formatter<'_>, name: &str, distribution: &Distribution) -> fmt::Result {
    write!(formatter, "{name:<22} {:>22}", shown(distribution.mean))?;
    for percentile in &distribution.percentiles {
        write!(formatter, " {:>22}", shown(percentile.value))?;
    }
    writeln!(formatter)
}

fn shown(estimate: Estimate) -> String {
    format!("{:.4} ± {:.4}", estimate.value, estimate.error)
}
