//! Sets up a Monte Carlo simulation.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::simulate::Tables;
use super::summary::{self, Drawn};
use super::{MonteCarloReport, Resampling};
use crate::progress::Running;
use crate::statistics::check_returns;
use crate::{Error, Method, Observer};

/// Enough that a probability is known to a third of a percentage point.
const DEFAULT_PATHS: usize = 10_000;

/// Paths that are walked before a simulation first asks whether it may stop: whole groups, however often they are doubled.
const FIRST: usize = 2_000;

/// What the paths come to is kept to be sorted, 64 bytes a path with its sorted copies; this many take half a gigabyte,
/// and their Monte Carlo error is far below any other error of such a study.
const MAX_PATHS: usize = 10_000_000;

/// A Monte Carlo simulation of compounded returns. Cheap to clone.
///
/// The same seed and settings give the same result **to the bit**, on any number of threads and on any processor.
///
/// ```
/// use cofferdam_optimize::{MonteCarlo, Resampling};
///
/// let trades = [0.04, -0.02, 0.01, 0.03, -0.03, 0.02, -0.01];
/// let simulation = MonteCarlo::new(Resampling::Bootstrap).paths(2_000).seed(7).ruin_drawdown(0.10).build()?;
/// let report = simulation.run(&trades)?;
/// let profit = report.probability_of_profit;
/// assert!(profit.value > 0.5 && profit.error < 0.02);
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Clone)]
pub struct MonteCarlo {
    settings: MonteCarloSettings,
    observer: Arc<dyn Observer>,
}

/// The settings of a simulation, as its report shows them. They are made by [`MonteCarloBuilder`], whose methods explain
/// them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MonteCarloSettings {
    /// How a path is drawn.
    pub resampling: Resampling,
    /// How many paths.
    pub paths: usize,
    /// Steps in a path; `None` for as many as there are returns.
    pub horizon: Option<usize>,
    /// The seed.
    pub seed: u64,
    /// The percentiles that are reported, between 0 and 100, rising.
    pub percentiles: Vec<f64>,
    /// The share of the worst paths whose mean loss is reported.
    pub tail: f64,
    /// The drawdown that counts as ruin, as a share of the peak.
    pub ruin_drawdown: Option<f64>,
    /// The equity that counts as ruin when a path touches it; a path starts at 1.
    pub ruin_floor: Option<f64>,
    /// Whether the Ulcer index is reported.
    pub ulcer_index: bool,
    /// Whether what each path came to is reported.
    pub keep_outcomes: bool,
    /// The Monte Carlo error, as a part of the figure, at which no more paths are walked.
    pub precision: Option<f64>,
}

impl MonteCarlo {
    /// A simulation whose paths are drawn in this way.
    #[expect(clippy::new_ret_no_self, reason = "the settings are checked before there is a simulation")]
    pub fn new(resampling: Resampling) -> MonteCarloBuilder {
        MonteCarloBuilder {
            settings: MonteCarloSettings {
                resampling,
                paths: DEFAULT_PATHS,
                horizon: None,
                seed: 0,
                percentiles: vec![5.0, 50.0, 95.0],
                tail: 0.05,
                ruin_drawdown: None,
                ruin_floor: None,
                ulcer_index: false,
                keep_outcomes: false,
                precision: None,
            },
            observer: Arc::new(()),
        }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &MonteCarloSettings {
        &self.settings
    }

    /// Simulates with these simple returns: of bars or of trades, oldest first. It works on all cores of the current rayon
    /// pool and **blocks the calling thread** until it is done.
    ///
    /// # Errors
    /// When there are fewer than two returns, one is not finite or below -1, a shuffle is to draw more returns than there
    /// are, or the equity of a path leaves the range of a float.
    pub fn run(&self, returns: &[f64]) -> Result<MonteCarloReport, Error> {
        let _running = Running::begin(&*self.observer, Method::MonteCarlo);
        if returns.len() < 2 {
            return Err(Error::TooShort { what: "the series", needed: 2, found: returns.len() });
        }
        check_returns(returns, 0, || "the series".to_owned())?;
        let horizon = self.settings.horizon.unwrap_or(returns.len());
        let plan = self.settings.resampling.plan(returns)?;
        if plan.is_bounded() && horizon > returns.len() {
            return Err(Error::invalid_setting(
                "horizon",
                horizon,
                "at most the number of returns, since this resampling uses each once",
            ));
        }
        let settings = &self.settings;
        let tables = Tables::of(settings, plan, returns, horizon)?;
        let drawn = Drawn { observations: returns.len(), block_length: plan.block_length(), horizon };
        let mut paths = Vec::new();
        let mut number =
            if settings.precision.is_some() { FIRST.min(settings.paths) } else { settings.paths };
        loop {
            tables.walk(&mut paths, number);
            let report = summary::report(settings, drawn, &paths)?;
            if number == settings.paths || settings.precision.is_some_and(|part| report.is_precise(part)) {
                return Ok(report);
            }
            number = number.saturating_mul(2).min(settings.paths);
        }
    }
}

impl fmt::Debug for MonteCarlo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MonteCarlo").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Sets up a [`MonteCarlo`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct MonteCarloBuilder {
    settings: MonteCarloSettings,
    observer: Arc<dyn Observer>,
}

impl MonteCarloBuilder {
    /// How many paths are walked, at most ten million. By default 10,000.
    pub fn paths(mut self, paths: usize) -> Self {
        self.settings.paths = paths;
        self
    }

    /// How many steps a path has. By default as many as there are returns.
    pub fn horizon(mut self, steps: usize) -> Self {
        self.settings.horizon = Some(steps);
        self
    }

    /// The seed. By default 0; there is no hidden randomness.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// The percentiles to report, each between 0 and 100, in any order. By default 5, 50 and 95.
    pub fn percentiles(mut self, percentiles: impl IntoIterator<Item = f64>) -> Self {
        self.settings.percentiles = percentiles.into_iter().collect();
        self
    }

    /// The share of the worst paths whose mean loss is reported: 0.05 for the worst 5 percent, which is the default.
    pub fn tail(mut self, share: f64) -> Self {
        self.settings.tail = share;
        self
    }

    /// Reports the probability that the equity falls this far below its peak: 0.5 for half.
    pub fn ruin_drawdown(mut self, share: f64) -> Self {
        self.settings.ruin_drawdown = Some(share);
        self
    }

    /// Reports the probability that the equity, which starts at 1, falls to this floor at any step: 0.5 for half of the
    /// start.
    pub fn ruin_floor(mut self, equity: f64) -> Self {
        self.settings.ruin_floor = Some(equity);
        self
    }

    /// Reports the Ulcer index as well, which makes the walk longer.
    pub const fn ulcer_index(mut self, reported: bool) -> Self {
        self.settings.ulcer_index = reported;
        self
    }

    /// Reports what each path came to, 40 bytes a path and more as JSON.
    pub const fn keep_outcomes(mut self, kept: bool) -> Self {
        self.settings.keep_outcomes = kept;
        self
    }

    /// Stops before all [`paths`](Self::paths) are walked, once the mean and each percentile of the final equity and of the
    /// maximum drawdown have an error of at most this part of themselves: 0.01 for one percent. It is looked at after 2,000
    /// paths, and each time their number has doubled, so the result does not depend on the machine.
    pub const fn precision(mut self, part: f64) -> Self {
        self.settings.precision = Some(part);
        self
    }

    /// Tells this observer of the simulation's start and end.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// When a setting is outside of its range; the error names it.
    pub fn build(mut self) -> Result<MonteCarlo, Error> {
        let settings = &mut self.settings;
        if settings.paths == 0 || settings.paths > MAX_PATHS {
            return Err(Error::invalid_setting("paths", settings.paths, "between 1 and 10000000"));
        }
        if settings.horizon == Some(0) {
            return Err(Error::invalid_setting("horizon", 0, "at least 1"));
        }
        settings.resampling.check()?;
        for percentile in &settings.percentiles {
            if !(*percentile > 0.0 && *percentile < 100.0) {
                return Err(Error::invalid_setting(
                    "a percentile",
                    percentile,
                    "between 0 and 100, both excluded",
                ));
            }
        }
        settings.percentiles.sort_by(f64::total_cmp);
        settings.percentiles.dedup();
        if !(settings.tail > 0.0 && settings.tail <= 1.0) {
            return Err(Error::invalid_setting("tail", settings.tail, "above 0 and at most 1"));
        }
        if let Some(share) = settings.ruin_drawdown
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(Error::invalid_setting("ruin_drawdown", share, "above 0 and at most 1"));
        }
        if let Some(floor) = settings.ruin_floor
            && !(0.0..1.0).contains(&floor)
        {
            return Err(Error::invalid_setting("ruin_floor", floor, "at least 0 and below 1, the start"));
        }
        if let Some(part) = settings.precision
            && !(part > 0.0 && part.is_finite())
        {
            return Err(Error::invalid_setting("precision", part, "above 0"));
        }
        Ok(MonteCarlo { settings: self.settings, observer: self.observer })
    }
}

impl fmt::Debug for MonteCarloBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MonteCarloBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
