//! Walks all paths, on all cores.

use rayon::prelude::*;

use super::walk::{Path, Walking};
use super::{MonteCarloSettings, Resampling};
use crate::Error;
use crate::draws::{LANES, LEVELS, Plan};

/// A thread takes at least this many groups of paths at a time: half a millisecond of work at a thousand steps, against
/// some microseconds to hand it over.
const GROUPS: usize = 16;

/// All paths, by number. A path depends on its number alone, so the threads' number and speed do not show.
pub(super) fn paths(
    settings: &MonteCarloSettings,
    plan: Plan,
    returns: &[f64],
    horizon: usize,
) -> Result<Vec<Path>, Error> {
    let size = Plan::size(returns.len())?;
    let logarithms = logarithms(settings.resampling, returns);
    let mut paths = vec![Path::default(); settings.paths];
    paths.par_chunks_mut(LANES).enumerate().with_min_len(GROUPS).for_each(|(group, out)| {
        let walking = Walking { logarithms: &logarithms, factors: &[], horizon };
        for (out, path) in out.iter_mut().zip(plan.group(settings.seed, group, size, walking)) {
            *out = path;
        }
    });
    Ok(paths)
}

/// ln(1 + r) of all that a path may draw, as [`Plan`] numbers it. Not by log1p: 1 + r is what the equity is multiplied by.
fn logarithms(resampling: Resampling, returns: &[f64]) -> Vec<f64> {
    let plain = returns.iter().map(|value| libm::log(1.0 + value));
    match resampling {
        Resampling::SkipTrades(_) => plain.chain([0.0]).collect(),
        Resampling::CostStress(highest) => {
            let step = highest / f64::from(LEVELS - 1);
            let costs: Vec<f64> = (0..LEVELS).map(|level| libm::log(1.0 - step * f64::from(level))).collect();
            let stressed =
                |value: f64| costs.iter().map(move |cost| if value == 0.0 { 0.0 } else { value + cost });
            plain.flat_map(stressed).collect()
        }
        _ => plain.collect(),
    }
}
