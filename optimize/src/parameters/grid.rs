//! The full grid over several dimensions.

use super::{Dimension, ParameterSet};
use crate::Error;

/// A million points of ten parameters take some hundred megabytes, and a million sandboxed runs take hours: a larger
/// grid is nearly always a typing error in a step.
pub(super) const MAX_POINTS: u64 = 1_000_000;

/// Every combination of the values of several dimensions.
///
/// The order is fixed: the first dimension is the outermost loop, the last the innermost. Ties between equally good
/// parameter sets go to the first, so the order is part of a study's result.
///
/// ```
/// use cofferdam_optimize::{Dimension, Grid};
///
/// let grid = Grid::new([
///     Dimension::integer("fast", 5, 15, 5)?,
///     Dimension::integer("slow", 10, 20, 10)?,
/// ])?;
/// let sets = grid.parameter_sets_where(|set| set.integer("fast") < set.integer("slow"))?;
/// let shown: Vec<String> = sets.iter().map(ToString::to_string).collect();
/// assert_eq!(shown, ["fast=5 slow=10", "fast=5 slow=20", "fast=10 slow=20", "fast=15 slow=20"]);
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    dimensions: Vec<Dimension>,
}

impl Grid {
    /// The grid over these dimensions.
    ///
    /// # Errors
    /// When there is no dimension, two have the same name, or the grid has more than a million points.
    pub fn new(dimensions: impl IntoIterator<Item = Dimension>) -> Result<Self, Error> {
        let dimensions: Vec<Dimension> = dimensions.into_iter().collect();
        if dimensions.is_empty() {
            return Err(Error::NoParameterSets);
        }
        for (position, dimension) in dimensions.iter().enumerate() {
            if dimensions.iter().take(position).any(|earlier| earlier.name == dimension.name) {
                return Err(Error::DuplicateParameter { name: dimension.name.to_string() });
            }
        }
        let grid = Self { dimensions };
        if grid.points() > MAX_POINTS {
            return Err(Error::GridTooLarge { points: grid.points(), limit: MAX_POINTS });
        }
        Ok(grid)
    }

    /// How many points the grid has.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.dimensions
            .iter()
            .fold(1, |points, dimension| points.saturating_mul(dimension.values.len() as u64))
    }

    /// The dimensions, outermost first.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// All points, in order.
    #[must_use]
    pub fn parameter_sets(&self) -> Vec<ParameterSet> {
        self.iter().collect()
    }

    /// The points that meet a constraint, in order.
    ///
    /// # Errors
    /// When no point meets it.
    pub fn parameter_sets_where(
        &self,
        constraint: impl FnMut(&ParameterSet) -> bool,
    ) -> Result<Vec<ParameterSet>, Error> {
        let sets: Vec<ParameterSet> = self.iter().filter(constraint).collect();
        if sets.is_empty() { Err(Error::NoParameterSets) } else { Ok(sets) }
    }

    /// Reads each point's number as the digits of a number whose bases are the dimensions' sizes.
    fn iter(&self) -> impl Iterator<Item = ParameterSet> {
        (0..self.points()).map(|mut number| {
            let mut entries = Vec::with_capacity(self.dimensions.len());
            for dimension in self.dimensions.iter().rev() {
                let base = dimension.values.len() as u64;
                let digit = usize::try_from(number % base).unwrap_or(0);
                number /= base;
                let value = dimension.values.get(digit).cloned();
                entries.extend(value.map(|value| (dimension.name.clone(), value)));
            }
            entries.reverse();
            ParameterSet::from_checked(entries)
        })
    }
}
