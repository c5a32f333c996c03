//! Sets up a walk-forward analysis.

use std::fmt;
use std::sync::Arc;

use super::{Alignment, Metric, PartialWindow, Scheme, Settings, Warmup};
use crate::{Error, Observer};

/// A walk-forward analysis: parameters are chosen on a training window and judged on the test window after it, then both
/// move on. What was earned in the test windows, stitched together, is what the *procedure* would have earned.
///
/// Cheap to clone.
///
/// ```
/// use cofferdam_optimize::{WalkForward, Warmup};
///
/// let analysis = WalkForward::rolling(40, 10, Warmup::FullHistory).bars_per_year(252.0).gap(5).build()?;
/// let windows = analysis.windows(100)?;
/// assert_eq!(windows[0].train, 0..40);
/// assert_eq!(windows[0].test, 45..55);
/// assert_eq!(windows.len(), 5);
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Clone)]
pub struct WalkForward {
    pub(super) settings: Settings,
    pub(super) observer: Arc<dyn Observer>,
}

impl WalkForward {
    /// Training windows of `train` bars that move on, each followed by `test` bars to judge the choice.
    pub fn rolling(train: usize, test: usize, warmup: Warmup) -> WalkForwardBuilder {
        WalkForwardBuilder::new(Scheme::Rolling, train, test, warmup)
    }

    /// Training windows that start at the first bar, the first of `train` bars, each followed by `test` bars to judge
    /// the choice.
    pub fn anchored(train: usize, test: usize, warmup: Warmup) -> WalkForwardBuilder {
        WalkForwardBuilder::new(Scheme::Anchored, train, test, warmup)
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl fmt::Debug for WalkForward {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WalkForward").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Sets up a [`WalkForward`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct WalkForwardBuilder {
    settings: Settings,
    step: Option<usize>,
    bars_per_year: Option<f64>,
    observer: Arc<dyn Observer>,
}

impl WalkForwardBuilder {
    fn new(scheme: Scheme, train: usize, test: usize, warmup: Warmup) -> Self {
        Self {
            settings: Settings {
                scheme,
                train,
                test,
                step: test,
                gap: 0,
                maximum_windows: None,
                partial_window: PartialWindow::default(),
                alignment: Alignment::default(),
                warmup,
                metric: Metric::default(),
                bars_per_year: 0.0,
                minimum_trades: None,
                minimum_active_bars: 0,
                all_out_of_sample: false,
                plateau_radius: 1,
            },
            step: None,
            bars_per_year: None,
            observer: Arc::new(()),
        }
    }

    /// How many bars make a year: 252 for trading days, 365 for days of a market that never closes, 52 for weeks.
    /// Required, because every annualised figure depends on it.
    pub fn bars_per_year(mut self, bars: f64) -> Self {
        self.bars_per_year = Some(bars);
        self
    }

    /// How many bars lie between the starts of consecutive windows. By default as many as a test window has, so that
    /// the test windows touch. With a smaller step they overlap; each bar then counts once in the stitched result, for
    /// the choice that was made last.
    pub fn step(mut self, bars: usize) -> Self {
        self.step = Some(bars);
        self
    }

    /// How many bars are left out between training and test (purge): as many as a return looks ahead of its bar, so that
    /// no training return overlaps the test. By default none.
    pub fn gap(mut self, bars: usize) -> Self {
        self.settings.gap = bars;
        self
    }

    /// At most this many windows; which ones are kept is said at [`Alignment`]. By default all that fit.
    pub fn maximum_windows(mut self, windows: usize) -> Self {
        self.settings.maximum_windows = Some(windows);
        self
    }

    /// What to do with bars at the end that do not fill a test window. By default they are left out.
    pub fn partial_window(mut self, policy: PartialWindow) -> Self {
        self.settings.partial_window = policy;
        self
    }

    /// Which end of the history the windows are laid from. By default the start.
    pub fn alignment(mut self, alignment: Alignment) -> Self {
        self.settings.alignment = alignment;
        self
    }

    /// The figure that chooses the winner of a training window. By default the Sharpe ratio.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.settings.metric = metric;
        self
    }

    /// The fewest trades in the training window with which a parameter set may win it. The objective must report its
    /// trades. By default no minimum.
    pub fn minimum_trades(mut self, trades: usize) -> Self {
        self.settings.minimum_trades = Some(trades);
        self
    }

    /// The fewest bars with a return other than 0 in the training window with which a parameter set may win it. By
    /// default no minimum (but a set whose returns are all 0 never wins).
    pub fn minimum_active_bars(mut self, bars: usize) -> Self {
        self.settings.minimum_active_bars = bars;
        self
    }

    /// Evaluates every parameter set on each test window too, not only the winner, so that the report can tell the
    /// winner's rank and whether ranks persist. With [`Warmup::FullHistory`] these are known anyway, at no cost.
    pub fn all_out_of_sample(mut self, all: bool) -> Self {
        self.settings.all_out_of_sample = all;
        self
    }

    /// How many grid steps away a parameter set may be to count as a neighbour of the winner, in every dimension
    /// (Chebyshev distance). By default 1.
    pub fn plateau_radius(mut self, steps: usize) -> Self {
        self.settings.plateau_radius = steps;
        self
    }

    /// Tells this observer of trials.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// When a setting is missing or outside of its range; the error names it.
    pub fn build(self) -> Result<WalkForward, Error> {
        let mut settings = self.settings;
        settings.step = self.step.unwrap_or(settings.test);
        let Some(bars_per_year) = self.bars_per_year else {
            return Err(Error::invalid_setting(
                "bars_per_year",
                "not set",
                "given, for example 252 for trading days",
            ));
        };
        if !(bars_per_year.is_finite() && bars_per_year > 0.0) {
            return Err(Error::invalid_setting("bars_per_year", bars_per_year, "a positive number"));
        }
        settings.bars_per_year = bars_per_year;
        at_least("train", settings.train, 2, "at least 2, since one return does not vary")?;
        at_least("test", settings.test, 1, "at least 1")?;
        at_least("step", settings.step, 1, "at least 1")?;
        at_least("maximum_windows", settings.maximum_windows.unwrap_or(1), 1, "at least 1")?;
        at_least("plateau_radius", settings.plateau_radius, 1, "at least 1")?;
        let span = settings.train.checked_add(settings.gap).and_then(|sum| sum.checked_add(settings.test));
        if span.is_none() {
            return Err(Error::invalid_setting(
                "train",
                settings.train,
                "such that train, gap and test can be added",
            ));
        }
        Ok(WalkForward { settings, observer: self.observer })
    }
}

impl fmt::Debug for WalkForwardBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WalkForwardBuilder")
            .field("settings", &self.settings)
            .field("step", &self.step)
            .field("bars_per_year", &self.bars_per_year)
            .finish_non_exhaustive()
    }
}

fn at_least(setting: &'static str, value: usize, least: usize, expected: &'static str) -> Result<(), Error> {
    if value < least { Err(Error::invalid_setting(setting, value, expected)) } else { Ok(()) }
}
