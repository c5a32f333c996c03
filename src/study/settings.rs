//! What a study is made of.

use std::sync::Arc;

use crate::optimize::{ParameterSet, WalkForward, Warmup};
use crate::sandbox::{Limits, Program};
use crate::{Cofferdam, Dataset, Error, StudyReport};

use super::causality;
use super::objective::QueueObjective;

/// A walk-forward study of a program.
///
/// The program answers with a list of one position a bar (1 is fully invested, 0 out, −1 short, fractions between): what
/// it wants to hold after that bar, from the data up to that bar. Its returns are computed by the host.
#[derive(Clone)]
#[must_use = "a study does nothing until `Cofferdam::walk_forward`"]
pub struct Study {
    pub(super) program: Program,
    pub(super) data: Dataset,
    pub(super) price: String,
    pub(super) parameter_sets: Vec<ParameterSet>,
    pub(super) walk_forward: WalkForward,
    pub(super) cost: f64,
    pub(super) limits: Limits,
    pub(super) seed: u64,
    pub(super) progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

/// How far a study is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Trials that are recorded, from earlier runs as well.
    pub done: usize,
    /// Of these, how many failed.
    pub failed: usize,
    /// Trials that the study needs at this stage.
    pub total: usize,
}

impl Study {
    /// A study of `program` with these parameter sets on `data`, whose series `close` are the prices. Without costs, with
    /// the default limits for each call and the seed 0.
    pub fn new(
        program: Program,
        data: Dataset,
        parameter_sets: Vec<ParameterSet>,
        walk_forward: WalkForward,
    ) -> Self {
        Self {
            program,
            data,
            price: "close".to_owned(),
            parameter_sets,
            walk_forward,
            cost: 0.0,
            limits: Limits::default(),
            seed: 0,
            progress: Arc::new(|_| {}),
        }
    }

    /// Names the series of prices at which positions are opened and closed.
    pub fn price(mut self, series: impl Into<String>) -> Self {
        self.price = series.into();
        self
    }

    /// Sets the cost of changing the position by 1, as a share of the equity: 0.001 is ten basis points.
    pub fn cost(mut self, cost: f64) -> Self {
        self.cost = cost;
        self
    }

    /// Sets the limits of each call.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Seeds the program's random numbers.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Tells how far the study is, on the task that runs it; it must not block.
    pub fn progress(mut self, tell: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Arc::new(tell);
        self
    }

    pub(crate) async fn run(&self, cofferdam: &Cofferdam) -> Result<StudyReport, Error> {
        let prices = self.checked_prices()?;
        let bars = prices.len();
        let dataset = cofferdam.keep(&self.program, &self.data).await?;
        let objective = QueueObjective::new(cofferdam, self, prices, &dataset)?;
        // Only a program that sees the whole history could look past the end of a training window.
        let sees_all = self.walk_forward.settings().warmup == Warmup::FullHistory;
        let walked = self.walk_forward.run(&self.parameter_sets, bars, &objective).await;
        // What was recorded is kept, also when the analysis of it fails.
        let counts = objective.close().await?;
        let report = walked?;
        if sees_all {
            causality::check(cofferdam, self, &dataset).await?;
        }
        Ok(StudyReport::new(report, counts))
    }

    fn checked_prices(&self) -> Result<&[f64], Error> {
        let invalid = |problem: String| Err(Error::InvalidStudy { problem });
        let Some(prices) = self.data.get(&self.price) else {
            return invalid(format!(
                "the data has no series `{}` to take prices from; name one with Study::price",
                self.price
            ));
        };
        if let Some(bar) = prices.iter().position(|price| !(price.is_finite() && *price > 0.0)) {
            return invalid(format!(
                "the price at bar {bar} is {}, and prices must be positive numbers",
                prices.get(bar).copied().unwrap_or_default()
            ));
        }
        if !(self.cost.is_finite() && (0.0..1.0).contains(&self.cost)) {
            return invalid(format!("the cost is {}, and must be a share from 0 to below 1", self.cost));
        }
        Ok(prices)
    }
}
