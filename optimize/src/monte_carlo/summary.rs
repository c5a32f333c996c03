//! Makes the report out of the paths, in a fixed order.

use super::MonteCarloSettings;
use super::report::{Distribution, Estimate, MonteCarloReport, Percentile};
use super::walk::Path;
use crate::Error;
use crate::statistics::{conditional_value_at_risk, count, interpolated, mean, variance};

/// A path that is meant to touch a boundary exactly may miss it by the rounding of its sum of logarithms. After a thousand
/// steps that is some 10⁻¹³; this part of the equity is forgiven.
const TOUCH: f64 = 1e-9;

pub(super) fn report(
    settings: &MonteCarloSettings,
    observations: usize,
    horizon: usize,
    paths: &[Path],
) -> Result<MonteCarloReport, Error> {
    let gather = |figure: fn(&Path) -> f64| paths.iter().map(figure).collect::<Vec<f64>>();
    let distribute = |figure| distribution(settings, gather(figure));
    let ((equity, cvar), (drawdown, longest)) = rayon::join(
        || {
            let equity = distribution(settings, gather(|path| libm::exp(path.end)));
            let losses = gather(|path| libm::exp(path.end) - 1.0);
            (equity, tail(settings.tail, losses))
        },
        || (distribute(|path| 1.0 - libm::exp(-path.drawdown)), distribute(|path| path.longest)),
    );
    let share = |condition: &dyn Fn(&Path) -> bool| {
        Estimate::share(paths.iter().filter(|path| condition(path)).count(), paths.len())
    };
    let overflow = Error::Overflow { what: "the equity of a path" };
    Ok(MonteCarloReport {
        settings: settings.clone(),
        observations,
        horizon,
        final_equity: equity.ok_or(overflow)?,
        maximum_drawdown: drawdown.ok_or(Error::Overflow { what: "the drawdown of a path" })?,
        longest_under_water: longest.ok_or(Error::Overflow { what: "the time under water of a path" })?,
        probability_of_profit: share(&|path| path.end > 0.0),
        probability_of_drawdown: settings.ruin_drawdown.map(|ruin| {
            let reached = -libm::log(1.0 - ruin) - TOUCH;
            share(&|path| path.drawdown >= reached)
        }),
        probability_of_floor: settings.ruin_floor.map(|floor| {
            let touched = libm::log(floor) + TOUCH;
            share(&|path| path.lowest <= touched)
        }),
        conditional_value_at_risk: cvar.ok_or(Error::Overflow { what: "the loss of a path" })?,
    })
}

/// `None` when a value or the sum is not finite.
fn distribution(settings: &MonteCarloSettings, mut values: Vec<f64>) -> Option<Distribution> {
    let mean = mean(&values)?;
    let deviation = if values.len() < 2 { 0.0 } else { variance(&values)?.sqrt() };
    let paths = count(values.len());
    values.sort_unstable_by(f64::total_cmp);
    let percentile = |percentile: &f64| {
        let share = percentile / 100.0;
        let spread = (share * (1.0 - share) / paths).sqrt();
        let value = interpolated(&values, share)?;
        let width = interpolated(&values, share + spread)? - interpolated(&values, share - spread)?;
        Some(Percentile { percentile: *percentile, value: Estimate { value, error: width / 2.0 } })
    };
    Some(Distribution {
        mean: Estimate { value: mean, error: deviation / paths.sqrt() },
        deviation,
        percentiles: settings.percentiles.iter().map(percentile).collect::<Option<_>>()?,
    })
}

/// The mean of the worst share of the final returns, as a loss. The error is the deviation of the excess over the quantile,
/// by share and root of the number: Trindade, Uryasev, Shapiro & Zrazhevsky, "Financial prediction with constrained tail
/// risk", Journal of Banking & Finance 31 (2007).
fn tail(share: f64, mut returns: Vec<f64>) -> Option<Estimate> {
    returns.sort_unstable_by(f64::total_cmp);
    let value = conditional_value_at_risk(&returns, share)?;
    let edge = interpolated(&returns, share)?;
    let excess: Vec<f64> = returns.iter().map(|value| (edge - value).max(0.0)).collect();
    let error = variance(&excess).unwrap_or(0.0).sqrt() / (share * count(returns.len()).sqrt());
    (value.is_finite() && error.is_finite()).then_some(Estimate { value, error })
}
