//! What a study asks of the outside: the returns of parameter sets on a range of bars.

mod blocking;
mod function;

pub use function::FunctionObjective;

pub(crate) use blocking::block_on;

use std::future::Future;
use std::ops::Range;

use crate::{Error, ParameterSet, Trial};

/// Evaluates parameter sets on ranges of bars.
///
/// An implementation must be a function of its input: the same parameter set on the same bars gives the same returns,
/// on every machine. It must also be causal: the return of a bar must not depend on later bars, or else a study with
/// [`Warmup::FullHistory`](crate::Warmup::FullHistory) shows the future to the past.
pub trait Objective: Send + Sync {
    /// Evaluates each parameter set on the bars of `bars` alone: a program sees no bar outside of the range. Gives one
    /// trial for each set, in the order of the batch.
    ///
    /// A set that cannot be evaluated is a [`Trial::failed`], not an error.
    ///
    /// # Errors
    /// When the objective itself cannot work; [`Error::objective`] wraps its reason. The study ends with that error.
    ///
    /// # Cancellation safety
    /// A study that is dropped drops this future. What the implementation has recorded by then should stay recorded,
    /// so that it need not be evaluated again.
    fn evaluate(
        &self,
        batch: &[ParameterSet],
        bars: Range<usize>,
    ) -> impl Future<Output = Result<Vec<Trial>, Error>> + Send;

    /// How many bars at the start of each range have no return, since a return needs an earlier price: 1 for a program
    /// that gives `close[t] / close[t - 1] - 1` from its second bar on. These bars are left out of every statistic.
    fn lead(&self) -> usize {
        0
    }
}
