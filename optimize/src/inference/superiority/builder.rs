//! Sets up the tests.

use std::borrow::Cow;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::contest::{Contest, Tally};
use super::prefix::{Run, runs};
use super::{SuperiorityReport, summary};
use crate::draws::{Draw, LANES, Plan, Source, fill};
use crate::inference::columns::{Candidates, block_length};
use crate::statistics::check_returns;
use crate::{Error, ReturnMatrix};

/// A p-value of 0.05 is then known to half a percentage point.
const DEFAULT_REPLICATES: usize = 2_000;
const MAX_REPLICATES: usize = 1_000_000;

/// Whether the best of many parameter sets is better than a benchmark, although it was searched for: three tests out of one
/// bootstrap.
///
/// - **Reality Check**: White, "A Reality Check for Data Snooping", Econometrica 68 (2000). It compares means.
/// - **SPA**: Hansen, "A Test for Superior Predictive Ability", Journal of Business & Economic Statistics 23 (2005). It
///   compares means over their long-run deviation, so that one noisy set does not drown the others, and recentres sets in
///   three ways (section 3): the consistent p-value is the one to quote, the other two are its bounds.
/// - **Step-wise p-values**: Romano & Wolf, "Stepwise Multiple Testing as Formalized Data Snooping", Econometrica 73 (2005),
///   computed as in Statistics & Probability Letters 113 (2016). They say *which* sets are better; the chance that even
///   one of those with p ≤ α is not, is at most α.
///
/// Bars are drawn in stationary blocks, for all sets together, so that what they have in common stays.
///
/// ```
/// use cofferdam_optimize::{ReturnMatrix, Superiority};
/// # let noise = |t: usize, k: usize| ((t * 7919 + k * 104_729) % 1009) as f64 / 1e5 - 0.005;
/// # let returns = ndarray::Array2::from_shape_fn((240, 10), |(t, k)| noise(t, k) + if k == 3 { 0.002 } else { 0.0 });
///
/// // Bars in rows, parameter sets in columns; set 3 is better than the rest. The benchmark is cash.
/// let matrix = ReturnMatrix::new(returns.view(), 0)?;
/// let report = Superiority::new().replicates(500).build()?.run(&matrix)?;
/// assert_eq!(report.best, 3);
/// assert!(report.superiority.consistent.value < 0.05);
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Superiority {
    settings: SuperioritySettings,
}

/// The settings, as the report shows them. They are made by [`SuperiorityBuilder`], whose methods explain them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SuperioritySettings {
    /// How many bootstraps.
    pub replicates: usize,
    /// The mean length of the blocks; `None` for the one that the returns ask for.
    pub block_length: Option<f64>,
    /// The seed.
    pub seed: u64,
}

impl Superiority {
    /// The tests.
    #[expect(clippy::new_ret_no_self, reason = "the settings are checked before there is a test")]
    pub const fn new() -> SuperiorityBuilder {
        let replicates = DEFAULT_REPLICATES;
        SuperiorityBuilder { settings: SuperioritySettings { replicates, block_length: None, seed: 0 } }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &SuperioritySettings {
        &self.settings
    }

    /// Tests whether a parameter set earns more than cash: a mean return above 0. It works on all cores of the current rayon
    /// pool and **blocks the calling thread** until it is done.
    ///
    /// # Errors
    /// When no parameter set could be evaluated or none varies, there are fewer than two bars, or a sum leaves the range of
    /// a float.
    pub fn run(&self, matrix: &ReturnMatrix) -> Result<SuperiorityReport, Error> {
        let candidates = Candidates::of(matrix, 1)?;
        let columns: Vec<Cow<'_, [f64]>> =
            candidates.columns().iter().map(|column| Cow::Borrowed(*column)).collect();
        self.test(&candidates, &columns)
    }

    /// Tests whether a parameter set earns more than this benchmark: its simple returns over the same bars.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when the benchmark has another length than the matrix or a return that is not finite or
    /// below -1.
    pub fn run_against(&self, matrix: &ReturnMatrix, benchmark: &[f64]) -> Result<SuperiorityReport, Error> {
        check_returns(benchmark, matrix.first_bar(), || "the benchmark".to_owned())?;
        let candidates = Candidates::of(matrix, 1)?;
        if benchmark.len() != candidates.bars() {
            let expected = "as many as the matrix has rows";
            return Err(Error::invalid_setting(
                "the number of the benchmark's returns",
                benchmark.len(),
                expected,
            ));
        }
        let excess = |column: &&[f64]| {
            Cow::Owned(column.iter().zip(benchmark).map(|(value, benchmark)| value - benchmark).collect())
        };
        let columns: Vec<Cow<'_, [f64]>> = candidates.columns().iter().map(excess).collect();
        self.test(&candidates, &columns)
    }

    fn test(
        &self,
        candidates: &Candidates<'_>,
        columns: &[Cow<'_, [f64]>],
    ) -> Result<SuperiorityReport, Error> {
        let settings = &self.settings;
        let bars = candidates.bars();
        if bars < 2 {
            return Err(Error::TooShort { what: "the history", needed: 2, found: bars });
        }
        let size = Plan::size(bars)?;
        let length = settings.block_length.unwrap_or_else(|| block_length(columns));
        let contest = Contest::of(columns, bars, length)?;
        let tally = (0..settings.replicates.div_ceil(LANES))
            .into_par_iter()
            .map(|group| {
                let mut lists = Plan::Stationary(length).group(settings.seed, group, size, Running(bars));
                lists.truncate(settings.replicates - group * LANES);
                contest.tally(&lists)
            })
            // Whole numbers: their sum has no order.
            .reduce(|| Tally::new(contest.ranking.len()), |left, right| left.add(&right));
        Ok(summary::report(settings, candidates, length, &contest, &tally))
    }
}

/// Keeps the runs that eight bootstraps consist of.
struct Running(usize);

impl Draw for Running {
    type Output = Vec<Vec<Run>>;

    fn draw(self, source: &mut impl Source) -> Vec<Vec<Run>> {
        let mut steps = vec![[0; LANES]; self.0];
        fill(source, &mut steps);
        let list = |lane: usize| {
            let mut list = Vec::new();
            runs(steps.iter().filter_map(|step| step.get(lane).copied()), &mut list);
            list
        };
        (0..LANES).map(list).collect()
    }
}

/// Sets up a [`Superiority`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct SuperiorityBuilder {
    settings: SuperioritySettings,
}

impl SuperiorityBuilder {
    /// How many bootstraps are drawn, from 1 to a million. By default 2,000.
    pub const fn replicates(mut self, replicates: usize) -> Self {
        self.settings.replicates = replicates;
        self
    }

    /// The mean length of the blocks of bars, at least 1. By default the median over the parameter sets of what
    /// [`BlockLength`](crate::BlockLength) finds.
    pub const fn block_length(mut self, mean: f64) -> Self {
        self.settings.block_length = Some(mean);
        self
    }

    /// The seed. By default 0; there is no hidden randomness.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// When a setting is outside of its range; the error names it.
    pub fn build(self) -> Result<Superiority, Error> {
        let SuperioritySettings { replicates, block_length, .. } = self.settings;
        if !(1..=MAX_REPLICATES).contains(&replicates) {
            return Err(Error::invalid_setting("replicates", replicates, "between 1 and 1000000"));
        }
        if let Some(mean) = block_length
            && !(mean.is_finite() && mean >= 1.0)
        {
            return Err(Error::invalid_setting("block_length", mean, "at least 1"));
        }
        Ok(Superiority { settings: self.settings })
    }
}
