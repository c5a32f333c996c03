//! Walks all paths, on all cores.

use rayon::prelude::*;

use super::walk::{Path, Walking};
use super::{MonteCarloSettings, Resampling};
use crate::Error;
use crate::draws::{LANES, LEVELS, Plan};

/// A thread takes at least this many groups of paths at a time: half a millisecond of work at a thousand steps, against
/// some microseconds to hand it over.
const GROUPS: usize = 16;

/// What paths are walked through.
pub(super) struct Tables {
    plan: Plan,
    seed: u64,
    horizon: usize,
    size: u32,
    logarithms: Vec<f64>,
    /// 1 + r of the same, if the Ulcer index is asked for.
    factors: Vec<f64>,
}

impl Tables {
    pub(super) fn of(
        settings: &MonteCarloSettings,
        plan: Plan,
        returns: &[f64],
        horizon: usize,
    ) -> Result<Self, Error> {
        let size = Plan::size(returns.len())?;
        let logarithms = logarithms(settings.resampling, returns);
        let asked = if settings.ulcer_index { logarithms.as_slice() } else { &[] };
        let factors = asked.iter().map(|value| libm::exp(*value)).collect();
        Ok(Self { plan, seed: settings.seed, horizon, size, logarithms, factors })
    }

    /// Walks on until there are `number` paths; those that are there already must be whole groups. A path depends on its
    /// number alone, so the threads' number and speed do not show, nor in how many steps the paths were walked.
    pub(super) fn walk(&self, paths: &mut Vec<Path>, number: usize) {
        let (known, first) = (paths.len(), paths.len() / LANES);
        paths.resize(number, Path::default());
        let (_, new) = paths.split_at_mut(known);
        new.par_chunks_mut(LANES).enumerate().with_min_len(GROUPS).for_each(|(group, out)| {
            let Self { logarithms, factors, horizon, .. } = self;
            let walking = Walking { logarithms, factors, horizon: *horizon };
            for (out, path) in
                out.iter_mut().zip(self.plan.group(self.seed, first + group, self.size, walking))
            {
                *out = path;
            }
        });
    }
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
