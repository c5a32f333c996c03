//! An objective made of a function.

use std::future::{Future, ready};
use std::ops::Range;
use std::time::Instant;

use rayon::prelude::*;

use super::Objective;
use crate::{Error, ParameterSet, Trial};

/// An objective made of a function, which is called on all cores.
///
/// It **blocks the calling thread** until the whole batch is evaluated, since a function has no point at which it could
/// wait. In an asynchronous program run the study on a thread for blocking work.
///
/// ```
/// use cofferdam_optimize::{FunctionObjective, Trial};
///
/// let prices = vec![100.0, 101.0, 99.0];
/// let objective = FunctionObjective::new(move |set, bars| {
///     let leverage = set.number("leverage").unwrap_or(1.0);
///     let window = prices.get(bars).unwrap_or_default();
///     Trial::evaluated(window.windows(2).map(|pair| leverage * (pair[1] / pair[0] - 1.0)).collect())
/// })
/// .with_lead(1);
/// # let _ = objective;
/// ```
#[derive(Debug, Clone)]
pub struct FunctionObjective<F> {
    function: F,
    lead: usize,
}

impl<F> FunctionObjective<F>
where
    F: Fn(&ParameterSet, Range<usize>) -> Trial + Send + Sync,
{
    /// An objective that calls this function for each parameter set. The function must only look at the given bars.
    pub const fn new(function: F) -> Self {
        Self { function, lead: 0 }
    }

    /// Says how many bars at the start of each range have no return; see [`Objective::lead`].
    #[must_use]
    pub fn with_lead(mut self, bars: usize) -> Self {
        self.lead = bars;
        self
    }
}

impl<F> Objective for FunctionObjective<F>
where
    F: Fn(&ParameterSet, Range<usize>) -> Trial + Send + Sync,
{
    fn evaluate(
        &self,
        batch: &[ParameterSet],
        bars: Range<usize>,
    ) -> impl Future<Output = Result<Vec<Trial>, Error>> + Send {
        let evaluate = |set: &ParameterSet| {
            let start = Instant::now();
            let trial = (self.function)(set, bars.clone());
            trial.with_duration(start.elapsed())
        };
        ready(Ok(batch.par_iter().map(evaluate).collect()))
    }

    fn lead(&self) -> usize {
        self.lead
    }
}
