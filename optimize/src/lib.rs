//! Walk-forward analysis and Monte Carlo that repeat to the bit and say how much to believe.
//!
//! # What it is
//!
//! - A **parameter space**: [`Dimension`]s span a [`Grid`], whose points are [`ParameterSet`]s.
//! - An **objective** gives the returns of parameter sets on a range of bars: a function on all cores
//!   ([`FunctionObjective`]), or anything else that implements [`Objective`].
//! - **Walk-forward analysis** ([`WalkForward`]) chooses parameters on the past and judges them on what came next.
//! - **Monte Carlo** ([`MonteCarlo`]) draws other paths from the same returns.
//! - **Inference**: how likely a backtest is overfitted ([`Overfitting`]), whether the best of many beats a benchmark
//!   ([`Superiority`]), what else a figure may be ([`Interval`]), and how long blocks must be ([`BlockLength`]).
//! - **Figures** about one series of returns ([`Metrics`], [`Drawdown`]) and about how far a Sharpe ratio may be believed
//!   ([`SharpeEstimate`]).
//!
//! # What it guarantees
//!
//! - The same input gives the same report, to the bit, on any number of threads, and whatever the order in which trials
//!   end. No result depends on the system's mathematical library, nor on the vectors of the processor.
//! - A figure that does not exist is `None`. None is ever infinite or NaN, and a set that did not trade never wins.
//! - Input that is not a number is an error that names bar and parameter set.
//! - Every trial counts, failed ones as well: the deflated Sharpe ratio in each report knows how many were tried.
//!
//! # What it is not
//!
//! It does not backtest: no orders, no fills, no costs, no prices. It takes **simple returns** (0.01 is one percent), made by
//! whoever knows the strategy. It does not read files. It cannot tell whether an objective looks into the future, and no
//! statistic here can: see [`Objective`].
//!
//! # Limits
//!
//! A grid has at most a million points, a study at most a hundred thousand windows, a simulation at most ten million paths.
//! A study keeps all returns of its trials in memory: 8 bytes × bars × parameter sets with
//! [`Warmup::FullHistory`]. Overfitting takes 2^(blocks/2 + 2) rows of 8 bytes × parameter sets beside the matrix, and
//! superiority as much again as the matrix, twice that against a benchmark.
//!
//! # Example
//!
//! ```
//! use cofferdam_optimize::{Dimension, FunctionObjective, Grid, Trial, WalkForward, Warmup};
//!
//! # let prices: Vec<f64> = (0..400).map(|t| 100.0 + (t as f64 * 0.11).sin() * 8.0 + t as f64 * 0.05).collect();
//! # let bars = prices.len();
//! let grid = Grid::new([Dimension::integer("lookback", 2, 12, 2)?])?;
//!
//! // Long after a rise over the last `lookback` bars, out of the market otherwise.
//! let objective = FunctionObjective::new(move |set, bars| {
//!     let lookback = set.integer("lookback").unwrap_or(1) as usize;
//!     let prices = &prices[bars];
//!     let rising = |t: usize| t >= lookback && prices[t] > prices[t - lookback];
//!     let earned = |t: usize| if rising(t - 1) { prices[t] / prices[t - 1] - 1.0 } else { 0.0 };
//!     Trial::evaluated((1..prices.len()).map(earned).collect())
//! })
//! .with_lead(1);
//!
//! let analysis = WalkForward::rolling(120, 40, Warmup::FullHistory).bars_per_year(252.0).build()?;
//! let report = analysis.run_blocking(&grid.parameter_sets(), bars, &objective)?;
//! assert_eq!(report.windows.len(), 7);
//! assert_eq!(report.luck.trials, 6);
//! println!("{report}");
//! # Ok::<(), cofferdam_optimize::Error>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod draws;
mod error;
mod inference;
mod lanes;
mod matrix;
mod monte_carlo;
mod objective;
mod observer;
mod parameters;
mod progress;
mod statistics;
mod text;
mod trial;
mod walk_forward;
mod wide;

pub use error::{Error, ErrorKind};
pub use inference::{
    BlockLength, Bounds, Criterion, Degradation, Interval, IntervalBuilder, IntervalReport, IntervalSettings,
    NullSpread, Overfitting, OverfittingBuilder, OverfittingReport, OverfittingSettings, StepWise,
    Superiority, SuperiorityBuilder, SuperiorityReport, SuperioritySettings, Verdict,
};
pub use matrix::ReturnMatrix;
pub use monte_carlo::{
    Distribution, Estimate, MonteCarlo, MonteCarloBuilder, MonteCarloReport, MonteCarloSettings, PathOutcome,
    Percentile, Resampling,
};
pub use objective::{FunctionObjective, Objective};
pub use observer::{Method, Observer, TrialEvent};
pub use parameters::{Dimension, Grid, ParameterSet, Value};
pub use statistics::{Drawdown, Metrics, SharpeEstimate, expected_maximum_sharpe};
pub use trial::{FailureReason, Outcome, Trial};
pub use walk_forward::{
    Alignment, Efficiency, FailedTrial, Luck, Metric, ParameterStability, PartialWindow, Performance, Record,
    Scheme, Settings, Stability, WalkForward, WalkForwardBuilder, WalkForwardReport, Warmup, Window,
    WindowReport, Winner,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
