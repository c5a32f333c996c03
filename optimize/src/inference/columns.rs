//! The columns of a matrix that compete.

use rayon::prelude::*;

use super::BlockLength;
use crate::statistics::interpolated;
use crate::{Error, ReturnMatrix};

/// The columns that could be evaluated, in their order.
pub(super) struct Candidates<'a> {
    trials: usize,
    bars: usize,
    /// Where each stands in the matrix.
    places: Vec<usize>,
    columns: Vec<&'a [f64]>,
}

impl<'a> Candidates<'a> {
    /// # Errors
    /// When there are fewer than `needed`.
    pub(super) fn of(matrix: &'a ReturnMatrix, needed: usize) -> Result<Self, Error> {
        let trials = matrix.parameter_sets();
        let places: Vec<usize> = (0..trials).filter(|place| matrix.failure(*place).is_none()).collect();
        if places.len() < needed {
            return Err(Error::TooFewParameterSets { needed, found: places.len() });
        }
        let columns = places.iter().map(|place| matrix.column(*place)).collect();
        Ok(Self { trials, bars: matrix.returns().nrows(), places, columns })
    }

    /// How many parameter sets were tried, failed ones included.
    pub(super) const fn trials(&self) -> usize {
        self.trials
    }

    pub(super) const fn bars(&self) -> usize {
        self.bars
    }

    pub(super) fn columns(&self) -> &[&'a [f64]] {
        &self.columns
    }

    /// Where a candidate stands in the matrix.
    pub(super) fn place(&self, candidate: usize) -> usize {
        self.places.get(candidate).copied().unwrap_or(candidate)
    }
}

/// A mean block length for drawing all columns together: the median of what each asks for, at least 1.
pub(super) fn block_length(columns: &[impl AsRef<[f64]> + Sync]) -> f64 {
    let length = |column: &[f64]| {
        if column.len() < BlockLength::FEWEST { 1.0 } else { BlockLength::of_checked(column).stationary }
    };
    let mut lengths: Vec<f64> = columns.par_iter().map(|column| length(column.as_ref())).collect();
    lengths.sort_unstable_by(f64::total_cmp);
    interpolated(&lengths, 0.5).unwrap_or(1.0).max(1.0)
}
