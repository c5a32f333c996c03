//! Draws resamples and computes the figure of each.

use std::ops::{Add as _, Mul as _};

use rayon::prelude::*;

use super::IntervalSettings;
use super::jackknife::parts;
use crate::Error;
use crate::draws::{Draw, LANES, Plan, Source, Step, fill};
use crate::lanes::both;
use crate::statistics::{count, mean};
use crate::wide::{Work, wide};

/// Steps whose indices are drawn before they are summed, see the Monte Carlo's walk.
const CHUNK: usize = 128;
/// A thread takes at least this many groups of resamples at a time.
const GROUPS: usize = 16;
/// What remains of the squares when equal values are subtracted from their mean is some 10⁻¹⁵ of them.
const NOISE: f64 = 1e-12;

/// A figure that can be computed of resamples, and of the returns without a part.
pub(super) trait Figure: Sync {
    /// The figures of eight resamples; `None` where it does not exist.
    fn of_resamples(&self, steps: usize, source: &mut impl Source) -> [Option<f64>; LANES];

    /// The figure of the returns.
    fn whole(&self) -> Option<f64>;

    /// The figures without each of the parts.
    fn without(&self, block_length: f64) -> Vec<f64>;
}

/// The figures of all resamples that have one, by number.
pub(super) fn resamples(
    settings: &IntervalSettings,
    plan: Plan,
    observations: usize,
    figure: &impl Figure,
) -> Result<Vec<f64>, Error> {
    let size = Plan::size(observations)?;
    let mut figures = vec![None; settings.replicates];
    figures.par_chunks_mut(LANES).enumerate().with_min_len(GROUPS).for_each(|(group, out)| {
        let drawn = plan.group(settings.seed, group, size, Figuring { figure, observations });
        for (out, drawn) in out.iter_mut().zip(drawn) {
            *out = drawn.filter(|value| value.is_finite());
        }
    });
    Ok(figures.into_iter().flatten().collect())
}

struct Figuring<'a, F> {
    figure: &'a F,
    observations: usize,
}

impl<F: Figure> Draw for Figuring<'_, F> {
    type Output = [Option<f64>; LANES];

    fn draw(self, source: &mut impl Source) -> [Option<f64>; LANES] {
        self.figure.of_resamples(self.observations, source)
    }
}

/// A figure that is made of sums: the mean, or the mean over the sample deviation.
pub(super) struct Sums {
    centre: f64,
    /// The returns less their mean, since differences of large sums lose digits.
    deviations: Vec<f64>,
    sharpe: bool,
}

impl Sums {
    pub(super) fn of(returns: &[f64], sharpe: bool) -> Result<Self, Error> {
        let centre = mean(returns).ok_or(Error::Overflow { what: "the mean return" })?;
        Ok(Self { centre, deviations: returns.iter().map(|value| value - centre).collect(), sharpe })
    }

    fn figure(&self, observations: f64, sum: f64, squares: f64) -> Option<f64> {
        let mean = self.centre + sum / observations;
        if !self.sharpe {
            return Some(mean);
        }
        let spread = squares - sum * sum / observations;
        (spread > NOISE * squares).then(|| mean / (spread / (observations - 1.0)).sqrt())
    }

    /// Sum and sum of squares.
    fn sums(values: &[f64]) -> (f64, f64) {
        values.iter().fold((0.0, 0.0), |(sum, squares), value| (sum + value, squares + value * value))
    }
}

impl Figure for Sums {
    fn of_resamples(&self, steps: usize, source: &mut impl Source) -> [Option<f64>; LANES] {
        let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
        let mut drawn: [Step; CHUNK] = [[0; LANES]; CHUNK];
        let mut left = steps;
        while left > 0 {
            let length = left.min(CHUNK);
            let (chunk, _) = drawn.split_at_mut(length);
            fill(source, chunk);
            (sums, squares) = wide(Adding { deviations: &self.deviations, steps: chunk, sums, squares });
            left -= length;
        }
        let mut figures = [None; LANES];
        for (figure, (sum, square)) in figures.iter_mut().zip(sums.into_iter().zip(squares)) {
            *figure = self.figure(count(steps), sum, square);
        }
        figures
    }

    fn whole(&self) -> Option<f64> {
        let (sum, squares) = Self::sums(&self.deviations);
        self.figure(count(self.deviations.len()), sum, squares)
    }

    fn without(&self, block_length: f64) -> Vec<f64> {
        let whole = Self::sums(&self.deviations);
        let without = |part: &[f64]| {
            let (sum, squares) = Self::sums(part);
            self.figure(count(self.deviations.len() - part.len()), whole.0 - sum, whole.1 - squares)
        };
        let parts = parts(self.deviations.len(), block_length);
        parts.filter_map(|part| without(self.deviations.get(part)?)).collect()
    }
}

/// Adds what eight resamples draw.
struct Adding<'a> {
    deviations: &'a [f64],
    steps: &'a [Step],
    sums: [f64; LANES],
    squares: [f64; LANES],
}

impl Work for Adding<'_> {
    type Output = ([f64; LANES], [f64; LANES]);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { deviations, steps, mut sums, mut squares } = self;
        for step in steps {
            let mut values = [0.0; LANES];
            for (value, index) in values.iter_mut().zip(step) {
                *value = deviations.get(*index as usize).copied().unwrap_or(0.0);
            }
            sums = both(sums, values, f64::add);
            squares = both(squares, both(values, values, f64::mul), f64::add);
        }
        (sums, squares)
    }
}

/// A figure that needs the resample itself.
pub(super) struct Function<'a, F> {
    pub(super) returns: &'a [f64],
    pub(super) function: F,
}

impl<F: Fn(&[f64]) -> Option<f64> + Sync> Figure for Function<'_, F> {
    fn of_resamples(&self, steps: usize, source: &mut impl Source) -> [Option<f64>; LANES] {
        let mut drawn: Vec<Step> = vec![[0; LANES]; steps];
        fill(source, &mut drawn);
        let mut sample = Vec::with_capacity(steps);
        let mut figures = [None; LANES];
        for (lane, figure) in figures.iter_mut().enumerate() {
            let indices = drawn.iter().filter_map(|step| step.get(lane));
            sample.clear();
            sample.extend(indices.filter_map(|index| self.returns.get(*index as usize)));
            *figure = (self.function)(&sample);
        }
        figures
    }

    fn whole(&self) -> Option<f64> {
        (self.function)(self.returns).filter(|value| value.is_finite())
    }

    fn without(&self, block_length: f64) -> Vec<f64> {
        let parts: Vec<_> = parts(self.returns.len(), block_length).collect();
        let without = |part: std::ops::Range<usize>| {
            let (before, after) = (self.returns.get(..part.start)?, self.returns.get(part.end..)?);
            (self.function)(&[before, after].concat()).filter(|value| value.is_finite())
        };
        parts.into_par_iter().filter_map(without).collect()
    }
}
