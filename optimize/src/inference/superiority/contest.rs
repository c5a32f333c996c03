//! The statistics of the tests, and how often a bootstrap exceeds them.

use rayon::prelude::*;

use super::kernel::long_run_variance;
use super::prefix::{Prefixes, Run};
use crate::Error;
use crate::statistics::{count, mean, mean_and_deviation};

/// A variance below this part of the plain one is the rounding of a series whose blocks all sum to nothing.
const NOISE: f64 = 1e-12;

/// One column, as far as the tests know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) mean: f64,
    /// √T over the long-run deviation ω: by this a mean becomes a statistic. 0 if the column does not vary, which takes it
    /// out of every maximum.
    pub(super) scale: f64,
    /// What is added to a bootstrapped deviation under each recentring, lower, consistent and upper: the mean less g(mean).
    offsets: [f64; 3],
}

impl Column {
    fn of(values: &[f64], block_length: f64) -> Option<Self> {
        let mean = mean(values)?;
        let bars = count(values.len());
        let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
        let plain = mean_and_deviation(values).map_or(0.0, |(_, deviation)| deviation * deviation);
        let variance = long_run_variance(&centred, block_length);
        if !variance.is_finite() {
            return None;
        }
        let varies = plain > 0.0 && variance > NOISE * plain;
        let scale = (bars / variance).sqrt();
        // Of a variance near the smallest float the scale is infinite, and nothing can be said either.
        let scale = if varies && scale.is_finite() { scale } else { 0.0 };
        // Hansen (2005), equation 9. The logarithm of a logarithm is negative below e.
        let threshold = (variance.max(0.0) / bars * 2.0 * libm::log(libm::log(bars)).max(0.0)).sqrt();
        let consistent = if mean >= -threshold { 0.0 } else { mean };
        Some(Self { mean, scale, offsets: [mean.min(0.0), consistent, 0.0] })
    }

    pub(super) fn statistic(&self) -> Option<f64> {
        (self.scale > 0.0).then_some(self.scale * self.mean)
    }
}

/// How many bootstraps exceed the statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) superiority: [usize; 3],
    pub(super) reality: [usize; 3],
    /// For each rank the bootstraps in which the best of this and all lower ranks reaches its statistic.
    pub(super) steps: Vec<usize>,
}

impl Tally {
    pub(super) fn new(ranks: usize) -> Self {
        Self { superiority: [0; 3], reality: [0; 3], steps: vec![0; ranks] }
    }

    pub(super) fn add(mut self, other: &Self) -> Self {
        let ours = self.superiority.iter_mut().chain(&mut self.reality).chain(&mut self.steps);
        let theirs = other.superiority.iter().chain(&other.reality).chain(&other.steps);
        for (ours, theirs) in ours.zip(theirs) {
            *ours += theirs;
        }
        self
    }
}

/// All columns, and what their bootstraps are compared with.
pub(super) struct Contest {
    bars: f64,
    pub(super) columns: Vec<Column>,
    prefixes: Prefixes,
    /// The columns that vary, by falling statistic; of equal ones the first comes first.
    pub(super) ranking: Vec<(usize, f64)>,
    /// The highest statistic, at least 0.
    pub(super) superiority: f64,
    /// The highest √T × mean, at least 0.
    pub(super) reality: f64,
}

impl Contest {
    /// Columns are all of `bars` values, at least 2.
    pub(super) fn of(
        columns: &[impl AsRef<[f64]> + Sync],
        bars: usize,
        block_length: f64,
    ) -> Result<Self, Error> {
        let known: Option<Vec<Column>> =
            columns.par_iter().map(|column| Column::of(column.as_ref(), block_length)).collect();
        let known = known.ok_or(Error::Overflow { what: "the variance of a parameter set" })?;
        let centres: Vec<f64> = known.iter().map(|column| column.mean).collect();
        let statistics = known.iter().enumerate();
        let mut ranking: Vec<(usize, f64)> =
            statistics.filter_map(|(place, column)| Some((place, column.statistic()?))).collect();
        ranking.sort_by(|left, right| right.1.total_cmp(&left.1));
        let Some((_, best)) = ranking.first() else {
            return Err(Error::NothingVaries { what: "the returns of the parameter sets" });
        };
        let root = count(bars).sqrt();
        let highest =
            ranking.iter().filter_map(|(place, _)| known.get(*place)).map(|column| root * column.mean);
        Ok(Self {
            bars: count(bars),
            superiority: best.max(0.0),
            reality: highest.fold(0.0, f64::max),
            prefixes: Prefixes::of(columns, &centres, bars),
            columns: known,
            ranking,
        })
    }

    /// Compares bootstraps, each given by its runs.
    pub(super) fn tally(&self, bootstraps: &[Vec<Run>]) -> Tally {
        let mut tally = Tally::new(self.ranking.len());
        for sums in self.prefixes.sums(bootstraps) {
            let (superiority, reality) = self.highest(&sums);
            let above = |found: [f64; 3], bound: f64| found.map(|value| usize::from(value > bound));
            let exceeded =
                above(superiority, self.superiority).into_iter().chain(above(reality, self.reality));
            let counts = tally.superiority.iter_mut().chain(&mut tally.reality);
            for (count, more) in counts.zip(exceeded) {
                *count += more;
            }
            self.step(&sums, &mut tally.steps);
        }
        tally
    }

    /// The maxima of a bootstrap under each recentring, studentised and not; at least 0.
    fn highest(&self, sums: &[f64]) -> ([f64; 3], [f64; 3]) {
        let (mut studentised, mut plain) = ([0.0_f64; 3], [0.0_f64; 3]);
        for (column, sum) in self.columns.iter().zip(sums).filter(|(column, _)| column.scale > 0.0) {
            let deviation = sum / self.bars;
            let maxima = studentised.iter_mut().zip(&mut plain).zip(column.offsets);
            for ((studentised, plain), offset) in maxima {
                *studentised = studentised.max(column.scale * (deviation + offset));
                *plain = plain.max(deviation + offset);
            }
        }
        let root = self.bars.sqrt();
        (studentised, plain.map(|value| root * value))
    }

    /// From the lowest rank up, so that the maximum over a rank and all lower ones is at hand.
    fn step(&self, sums: &[f64], steps: &mut [usize]) {
        let mut highest = f64::NEG_INFINITY;
        for ((place, statistic), count) in self.ranking.iter().zip(steps).rev() {
            if let (Some(column), Some(sum)) = (self.columns.get(*place), sums.get(*place)) {
                highest = highest.max(column.scale * sum / self.bars);
            }
            *count += usize::from(highest >= *statistic);
        }
    }
}
