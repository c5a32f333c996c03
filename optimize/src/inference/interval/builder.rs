//! Sets up an interval.

use serde::{Deserialize, Serialize};

use super::IntervalReport;
use super::accelerated::Intervals;
use super::jackknife::acceleration;
use super::resample::{Figure, Function, Sums, resamples};
use crate::draws::Plan;
use crate::statistics::{check_returns, count, mean, sum_of, variance};
use crate::{Error, Resampling};

/// One less than a round number, so that the usual percentiles are resamples themselves.
const DEFAULT_REPLICATES: usize = 9_999;
const MAX_REPLICATES: usize = 10_000_000;

/// A confidence interval of a figure about returns: what else it may be, if other returns of the same kind had come.
///
/// The bias-corrected and accelerated interval (BCa) of Efron, "Better Bootstrap Confidence Intervals", JASA 82 (1987),
/// with the simpler ones beside it. Returns that depend on those before them need blocks:
/// [`Resampling::StationaryAutomatic`]; independent draws would make the interval too narrow.
///
/// ```
/// use cofferdam_optimize::{Interval, Resampling};
///
/// let returns: Vec<f64> = (0..250).map(|t| 0.01 * (f64::from(t * t) * 0.7).sin() + 0.001).collect();
/// let study = Interval::new(Resampling::Bootstrap).confidence(0.9).seed(1).build()?;
///
/// // The Sharpe ratio per bar, and any other figure: here the share of gains.
/// let sharpe = study.of_sharpe(&returns)?;
/// let bounds = sharpe.accelerated.unwrap();
/// assert!(bounds.low < sharpe.estimate && sharpe.estimate < bounds.high);
/// let gains = |sample: &[f64]| Some(sample.iter().filter(|value| **value > 0.0).count() as f64 / sample.len() as f64);
/// assert!(study.of(&returns, gains)?.standard_error < 0.04);
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Interval {
    settings: IntervalSettings,
}

/// The settings, as the report shows them. They are made by [`IntervalBuilder`], whose methods explain them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IntervalSettings {
    /// How the returns are drawn.
    pub resampling: Resampling,
    /// How many resamples.
    pub replicates: usize,
    /// How often such an interval is to contain the truth.
    pub confidence: f64,
    /// The seed.
    pub seed: u64,
}

impl Interval {
    /// An interval by this resampling, which draws with replacement: independently or in blocks.
    #[expect(clippy::new_ret_no_self, reason = "the settings are checked before there is an interval")]
    pub const fn new(resampling: Resampling) -> IntervalBuilder {
        let (replicates, confidence) = (DEFAULT_REPLICATES, 0.95);
        IntervalBuilder { settings: IntervalSettings { resampling, replicates, confidence, seed: 0 } }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &IntervalSettings {
        &self.settings
    }

    /// The interval of the mean return. Like its siblings it works on all cores of the current rayon pool and **blocks the
    /// calling thread** until it is done.
    ///
    /// # Errors
    /// When there are fewer than two returns (eight for blocks of automatic length), one is not finite or below -1, or a
    /// sum leaves the range of a float.
    pub fn of_mean(&self, returns: &[f64]) -> Result<IntervalReport, Error> {
        let plan = self.plan(returns)?;
        self.run(plan, returns.len(), &Sums::of(returns, false)?)
    }

    /// The interval of the Sharpe ratio per bar: mean over sample standard deviation (divisor n − 1).
    ///
    /// # Errors
    /// As [`of_mean`](Self::of_mean), and when the returns do not vary.
    pub fn of_sharpe(&self, returns: &[f64]) -> Result<IntervalReport, Error> {
        let plan = self.plan(returns)?;
        self.run(plan, returns.len(), &Sums::of(returns, true)?)
    }

    /// The interval of any figure, which is given resamples of the returns and says `None` where it does not exist. It is
    /// called once for each resample and each return (or block of them), on all cores.
    ///
    /// # Errors
    /// As [`of_mean`](Self::of_mean), and when the figure of the returns themselves, or of all resamples, does not exist.
    pub fn of(
        &self,
        returns: &[f64],
        figure: impl Fn(&[f64]) -> Option<f64> + Sync,
    ) -> Result<IntervalReport, Error> {
        let plan = self.plan(returns)?;
        self.run(plan, returns.len(), &Function { returns, function: figure })
    }

    fn plan(&self, returns: &[f64]) -> Result<Plan, Error> {
        if returns.len() < 2 {
            return Err(Error::TooShort { what: "the series", needed: 2, found: returns.len() });
        }
        check_returns(returns, 0, || "the series".to_owned())?;
        self.settings.resampling.plan(returns)
    }

    fn run(&self, plan: Plan, observations: usize, figure: &impl Figure) -> Result<IntervalReport, Error> {
        let settings = &self.settings;
        let nothing = Error::NothingVaries { what: "the returns, or their resamples," };
        let Some(estimate) = figure.whole() else { return Err(nothing) };
        let mut figures = resamples(settings, plan, observations, figure)?;
        let block_length = plan.block_length();
        let acceleration = acceleration(&figure.without(block_length));
        figures.sort_unstable_by(f64::total_cmp);
        let Some(intervals) = Intervals::of(&figures, estimate, acceleration, settings.confidence) else {
            return Err(nothing);
        };
        let overflow = || Error::Overflow { what: "the spread of the resamples" };
        let report = IntervalReport {
            settings: settings.clone(),
            observations,
            block_length,
            replicates: figures.len(),
            estimate,
            standard_error: variance(&figures).map_or(0.0, f64::sqrt),
            bias: mean(&figures).ok_or_else(overflow)? - estimate,
            accelerated: intervals.accelerated,
            percentile: intervals.percentile,
            basic: intervals.basic,
            bias_correction: intervals.bias_correction,
            acceleration,
        };
        let ends = [report.basic.low, report.basic.high, report.bias];
        // The sum of squares overflows before a single figure does.
        let squares =
            sum_of(&figures, |value| (value - estimate) * (value - estimate)) / count(figures.len());
        if ends.iter().all(|end| end.is_finite()) && squares.is_finite() {
            Ok(report)
        } else {
            Err(overflow())
        }
    }
}

/// Sets up an [`Interval`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct IntervalBuilder {
    settings: IntervalSettings,
}

impl IntervalBuilder {
    /// How many resamples are drawn, from 1 to ten million. By default 9,999.
    pub const fn replicates(mut self, replicates: usize) -> Self {
        self.settings.replicates = replicates;
        self
    }

    /// How often such an interval is to contain the truth, between 0 and 1. By default 0.95.
    pub const fn confidence(mut self, confidence: f64) -> Self {
        self.settings.confidence = confidence;
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
    pub fn build(self) -> Result<Interval, Error> {
        let IntervalSettings { resampling, replicates, confidence, .. } = self.settings;
        resampling.check()?;
        if !resampling.is_bootstrap() {
            let expected = "a bootstrap, independent or of blocks, since only these draw other samples";
            return Err(Error::invalid_setting("the resampling", resampling, expected));
        }
        if !(1..=MAX_REPLICATES).contains(&replicates) {
            return Err(Error::invalid_setting("replicates", replicates, "between 1 and 10000000"));
        }
        if !(confidence > 0.0 && confidence < 1.0) {
            return Err(Error::invalid_setting("confidence", confidence, "between 0 and 1, both excluded"));
        }
        Ok(Interval { settings: self.settings })
    }
}
