//! Sets up an estimate of the probability of backtest overfitting.

use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use super::contest::choices;
use super::halves::Halves;
use super::{OverfittingReport, null, summary};
use crate::inference::columns::Candidates;
use crate::{Error, ReturnMatrix};

/// With twenty blocks there are 184,756 halves; two more blocks would be four times as many, and tell little more.
const MAX_BLOCKS: usize = 20;
/// Enough for the 5th and 95th percentile of the null.
const DEFAULT_NULL: usize = 100;
const MAX_NULL: usize = 10_000;

/// What makes a column the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Criterion {
    /// The highest ratio of mean to sample standard deviation (divisor n − 1), per bar.
    Sharpe,
    /// The highest mean return.
    Mean,
}

/// An estimate of the probability of backtest overfitting (PBO): how often the parameter set that looks best on one half of
/// a history lies below the middle on the other half.
///
/// Bailey, Borwein, López de Prado & Zhu, "The Probability of Backtest Overfitting", Journal of Computational Finance 20
/// (2017), section 2: the history is cut into S blocks; on each of the C(S, S/2) ways to take half of them (combinatorially
/// symmetric cross-validation) the best column n* is chosen, and its rank r among the N columns on the other half gives the
/// logit λ = ln(ω/(1 − ω)) with ω = r/(N + 1). The probability is the share of λ ≤ 0. Equal scores share the mean of
/// their ranks.
///
/// A single figure says little: of pure noise it is anything between 0.2 and 0.8. So it comes with its **null spread**, the
/// same figure for bootstrapped histories in which no column is better than another.
///
/// ```
/// use cofferdam_optimize::{Overfitting, ReturnMatrix};
/// # let noise = |t: usize, k: usize| ((t * 7919 + k * 104_729) % 1009) as f64 / 1e5 - 0.005;
/// # let returns = ndarray::Array2::from_shape_fn((240, 10), |(t, k)| noise(t, k) + if k == 3 { 0.002 } else { 0.0 });
///
/// // Bars in rows, parameter sets in columns; set 3 is better than the rest.
/// let matrix = ReturnMatrix::new(returns.view(), 0)?;
/// let report = Overfitting::of_blocks(8).build()?.run(&matrix)?;
/// assert_eq!(report.halves, 70);
/// assert_eq!(report.most_chosen, 3);
/// assert!(report.probability < 0.1);
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Overfitting {
    settings: OverfittingSettings,
}

/// The settings, as the report shows them. They are made by [`OverfittingBuilder`], whose methods explain them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OverfittingSettings {
    /// How many blocks.
    pub blocks: usize,
    /// What makes a column the best.
    pub criterion: Criterion,
    /// How many histories of the null are drawn.
    pub null_replicates: usize,
    /// The seed of the null.
    pub seed: u64,
}

impl Overfitting {
    /// An estimate with this many blocks: even, from 2 to 20. Sixteen are usual, and give 12,870 halves.
    pub const fn of_blocks(blocks: usize) -> OverfittingBuilder {
        let criterion = Criterion::Sharpe;
        OverfittingBuilder {
            settings: OverfittingSettings { blocks, criterion, null_replicates: DEFAULT_NULL, seed: 0 },
        }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &OverfittingSettings {
        &self.settings
    }

    /// Estimates it for these parameter sets. Failed ones cannot be chosen and are no competitors. It works on all cores of
    /// the current rayon pool and **blocks the calling thread** until it is done.
    ///
    /// # Errors
    /// When fewer than two parameter sets could be evaluated, a block would have fewer than two bars, no parameter set
    /// varies, or a sum leaves the range of a float.
    pub fn run(&self, matrix: &ReturnMatrix) -> Result<OverfittingReport, Error> {
        let settings = &self.settings;
        let candidates = Candidates::of(matrix, 2)?;
        let bars = candidates.bars();
        if bars < 2 * settings.blocks {
            let what = "the history, with two bars for each block,";
            return Err(Error::TooShort { what, needed: 2 * settings.blocks, found: bars });
        }
        let blocks = Blocks::of(candidates.columns(), bars, settings.blocks)
            .ok_or(Error::Overflow { what: "the sum of squared returns" })?;
        let halves = Halves::of(blocks, settings.criterion);
        let choices = choices(&halves, settings.blocks);
        drop(halves);
        let report = summary::report(settings, &candidates, &choices)?;
        let null = null::spread(settings, &candidates, report.probability)?;
        Ok(OverfittingReport { null, ..report })
    }
}

/// Sets up an [`Overfitting`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct OverfittingBuilder {
    settings: OverfittingSettings,
}

impl OverfittingBuilder {
    /// What makes a column the best. By default the Sharpe ratio.
    pub const fn criterion(mut self, criterion: Criterion) -> Self {
        self.settings.criterion = criterion;
        self
    }

    /// How many histories of the null are drawn, at most 10,000; each costs as much as the estimate itself. By default 100,
    /// and with 0 the report has no null spread.
    pub const fn null_replicates(mut self, replicates: usize) -> Self {
        self.settings.null_replicates = replicates;
        self
    }

    /// The seed of the null. By default 0.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// When a setting is outside of its range; the error names it.
    pub fn build(self) -> Result<Overfitting, Error> {
        let OverfittingSettings { blocks, null_replicates, .. } = self.settings;
        if !(2..=MAX_BLOCKS).contains(&blocks) || blocks % 2 != 0 {
            return Err(Error::invalid_setting("the number of blocks", blocks, "even and between 2 and 20"));
        }
        if null_replicates > MAX_NULL {
            return Err(Error::invalid_setting("null_replicates", null_replicates, "at most 10000"));
        }
        Ok(Overfitting { settings: self.settings })
    }
}
