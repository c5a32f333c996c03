//! Makes the report out of the paths, in a fixed order.

use super::MonteCarloSettings;
use super::report::{Distribution, Estimate, MonteCarloReport, PathOutcome, Percentile};
use super::walk::Path;
use crate::Error;
use crate::statistics::{conditional_value_at_risk, count, interpolated, mean, variance};

/// A path that is meant to touch a boundary exactly may miss it by the rounding of its sum of logarithms. After a thousand
/// steps that is some 10⁻¹³; this part of the equity is forgiven.
const TOUCH: f64 = 1e-9;

/// What the paths were drawn from.
#[derive(Clone, Copy)]
pub(super) struct Drawn {
    pub(super) observations: usize,
    pub(super) block_length: f64,
    pub(super) horizon: usize,
}

pub(super) fn report(
    settings: &MonteCarloSettings,
    drawn: Drawn,
    paths: &[Path],
) -> Result<MonteCarloReport, Error> {
    let gather = |figure: &dyn Fn(&Path) -> f64| paths.iter().map(figure).collect::<Vec<f64>>();
    let distribute = |figure: &(dyn Fn(&Path) -> f64 + Sync)| distribution(settings, &mut gather(figure));
    let root = |path: &Path| (path.squares / count(drawn.horizon)).sqrt();
    let ((equity, cvar), (drawdown, (longest, ulcer))) = rayon::join(
        || {
            let mut equities = gather(&|path| libm::exp(path.end));
            (distribution(settings, &mut equities), tail(settings.tail, &equities))
        },
        || {
            let ulcer = || settings.ulcer_index.then(|| distribute(&root));
            (distribute(&drawdown_of), rayon::join(|| distribute(&|path| path.longest), ulcer))
        },
    );
    let share = |condition: &dyn Fn(&Path) -> bool| {
        Estimate::share(paths.iter().filter(|path| condition(path)).count(), paths.len())
    };
    let overflow = |what| move || Error::Overflow { what };
    Ok(MonteCarloReport {
        settings: settings.clone(),
        observations: drawn.observations,
        block_length: drawn.block_length,
        horizon: drawn.horizon,
        paths: paths.len(),
        final_equity: equity.ok_or_else(overflow("the equity of a path"))?,
        maximum_drawdown: drawdown.ok_or_else(overflow("the drawdown of a path"))?,
        longest_under_water: longest.ok_or_else(overflow("the time under water of a path"))?,
        ulcer_index: ulcer
            .map(|ulcer| ulcer.ok_or_else(overflow("the Ulcer index of a path")))
            .transpose()?,
        probability_of_profit: share(&|path| path.end > 0.0),
        probability_of_drawdown: settings.ruin_drawdown.map(|ruin| {
            let reached = -libm::log(1.0 - ruin) - TOUCH;
            share(&|path| path.drawdown >= reached)
        }),
        probability_of_floor: settings.ruin_floor.map(|floor| {
            let touched = libm::log(floor) + TOUCH;
            share(&|path| path.lowest <= touched)
        }),
        conditional_value_at_risk: cvar.ok_or_else(overflow("the loss of a path"))?,
        outcomes: settings.keep_outcomes.then(|| {
            let outcome = |path: &Path| outcome(path, settings.ulcer_index.then(|| root(path)));
            paths.iter().map(outcome).collect()
        }),
    })
}

fn drawdown_of(path: &Path) -> f64 {
    1.0 - libm::exp(-path.drawdown)
}

fn outcome(path: &Path, ulcer_index: Option<f64>) -> PathOutcome {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of steps")]
    let longest_under_water = path.longest as usize;
    PathOutcome {
        final_equity: libm::exp(path.end),
        lowest_equity: libm::exp(path.lowest),
        maximum_drawdown: drawdown_of(path),
        longest_under_water,
        ulcer_index,
    }
}

/// Of values by path, which it leaves sorted. `None` when a value or the sum is not finite.
fn distribution(settings: &MonteCarloSettings, values: &mut [f64]) -> Option<Distribution> {
    let mean = mean(values)?;
    let deviation = if values.len() < 2 { 0.0 } else { variance(values)?.sqrt() };
    let paths = count(values.len());
    values.sort_unstable_by(f64::total_cmp);
    let percentile = |percentile: &f64| {
        let share = percentile / 100.0;
        let spread = (share * (1.0 - share) / paths).sqrt();
        let value = interpolated(values, share)?;
        let width = interpolated(values, share + spread)? - interpolated(values, share - spread)?;
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
fn tail(share: f64, sorted_equities: &[f64]) -> Option<Estimate> {
    let returns: Vec<f64> = sorted_equities.iter().map(|equity| equity - 1.0).collect();
    let value = conditional_value_at_risk(&returns, share)?;
    let edge = interpolated(&returns, share)?;
    let excess: Vec<f64> = returns.iter().map(|value| (edge - value).max(0.0)).collect();
    let error = variance(&excess).unwrap_or(0.0).sqrt() / (share * count(returns.len()).sqrt());
    (value.is_finite() && error.is_finite()).then_some(Estimate { value, error })
}
