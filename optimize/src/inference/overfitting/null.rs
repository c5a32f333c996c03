//! Draws histories in which no column is better than another.

use std::ops::{Add as _, Mul as _};

use rayon::prelude::*;

use super::blocks::{Block, Blocks, bounds};
use super::contest::{Choice, choices};
use super::halves::Halves;
use super::{NullSpread, OverfittingSettings, summary};
use crate::Error;
use crate::draws::{Draw, LANES, Plan, Source, Step, fill};
use crate::inference::columns::{Candidates, block_length};
use crate::lanes::{both, each};
use crate::statistics::{count, interpolated, mean, sum_of, variance};
use crate::wide::{Work, wide};

/// The spread over the histories; `None` if none is asked for, or the returns of no history vary.
pub(super) fn spread(
    settings: &OverfittingSettings,
    candidates: &Candidates<'_>,
    found: f64,
) -> Result<Option<NullSpread>, Error> {
    if settings.null_replicates == 0 {
        return Ok(None);
    }
    let size = Plan::size(candidates.bars())?;
    let block_length = block_length(candidates.columns());
    let plan = Plan::Stationary(block_length);
    let probabilities: Vec<Vec<f64>> = (0..settings.null_replicates.div_ceil(LANES))
        .into_par_iter()
        .map(|group| {
            let steps = plan.group(settings.seed, group, size, Filling(candidates.bars()));
            let wanted = (settings.null_replicates - group * LANES).min(LANES);
            histories(settings, candidates, &steps)
                .into_iter()
                .take(wanted)
                .filter_map(|blocks| {
                    let halves = Halves::of(blocks, settings.criterion);
                    let choices: Vec<Choice> =
                        choices(&halves, settings.blocks).into_iter().flatten().collect();
                    (!choices.is_empty()).then(|| summary::probability(&choices, halves.columns()))
                })
                .collect()
        })
        .collect();
    let mut probabilities: Vec<f64> = probabilities.into_iter().flatten().collect();
    probabilities.sort_unstable_by(f64::total_cmp);
    let replicates = probabilities.len();
    let lower = probabilities.iter().filter(|probability| **probability <= found).count();
    let percentile = |share| interpolated(&probabilities, share);
    let (Some(low), Some(median), Some(high)) = (percentile(0.05), percentile(0.5), percentile(0.95)) else {
        return Ok(None);
    };
    Ok(Some(NullSpread {
        replicates,
        block_length,
        mean: sum_of(&probabilities, |value| value) / count(replicates),
        deviation: variance(&probabilities).unwrap_or(0.0).sqrt(),
        low,
        median,
        high,
        p_value: (1.0 + count(lower)) / (1.0 + count(replicates)),
    }))
}

/// Keeps the draws: a column needs all of them.
struct Filling(usize);

impl Draw for Filling {
    type Output = Vec<Step>;

    fn draw(self, source: &mut impl Source) -> Vec<Step> {
        let mut steps = vec![[0; LANES]; self.0];
        fill(source, &mut steps);
        steps
    }
}

/// Eight histories in blocks.
fn histories(settings: &OverfittingSettings, candidates: &Candidates<'_>, steps: &[Step]) -> Vec<Blocks> {
    let columns = candidates.columns();
    let empty = |bars: f64| Block { bars, sums: Vec::new(), squares: Vec::new() };
    let blank = || Blocks {
        centres: vec![0.0; columns.len()],
        rows: bounds(steps.len(), settings.blocks).map(|range| empty(count(range.len()))).collect(),
    };
    let mut histories: Vec<Blocks> = (0..LANES).map(|_| blank()).collect();
    for column in columns {
        let centre = mean(column).unwrap_or(0.0);
        for (block, range) in bounds(steps.len(), settings.blocks).enumerate() {
            let steps = steps.get(range).unwrap_or_default();
            let (sums, squares) = wide(Summing { column, centre, steps });
            for (history, (sum, square)) in histories.iter_mut().zip(sums.into_iter().zip(squares)) {
                if let Some(row) = history.rows.get_mut(block) {
                    row.sums.push(sum);
                    row.squares.push(square);
                }
            }
        }
    }
    histories
}

struct Summing<'a> {
    column: &'a [f64],
    centre: f64,
    steps: &'a [Step],
}

impl Work for Summing<'_> {
    type Output = ([f64; LANES], [f64; LANES]);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
        for step in self.steps {
            let mut values = [0.0; LANES];
            for (value, index) in values.iter_mut().zip(step) {
                *value = self.column.get(*index as usize).copied().unwrap_or(self.centre);
            }
            let deviations = each(values, |value| value - self.centre);
            sums = both(sums, deviations, f64::add);
            squares = both(squares, both(deviations, deviations, f64::mul), f64::add);
        }
        (sums, squares)
    }
}
