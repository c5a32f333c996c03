//! What is known about parameter sets, and how the returns of a window are cut out of it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{FailedTrial, Warmup};
use crate::statistics::check_returns;
use crate::{Error, Outcome, ParameterSet, ReturnMatrix, Trial};

/// One trial of a study: what a parameter set did on a range of bars. A study's report is a function of the **set** of its
/// records; their order has no influence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// The place of the parameter set in the study's list.
    pub parameter_set: usize,
    /// The bars that were evaluated.
    pub bars: Range<usize>,
    /// What came of it.
    pub trial: Trial,
}

impl Record {
    /// A record of this trial.
    #[must_use]
    pub const fn new(parameter_set: usize, bars: Range<usize>, trial: Trial) -> Self {
        Self { parameter_set, bars, trial }
    }
}

/// The returns of one parameter set in one window.
pub(super) enum Slice<'a> {
    Evaluated {
        returns: &'a [f64],
        /// How many trades were opened in the window, where the program tells.
        trades: Option<usize>,
    },
    Failed,
    /// It was not evaluated on the bars that this window needs.
    Absent,
}

/// A source of returns for windows.
pub(super) trait Evidence: Sync {
    fn slice(&self, parameter_set: usize, window: &Range<usize>) -> Slice<'_>;

    /// The bars on which a set must be evaluated so that its returns in the window are known.
    fn evaluated(&self, window: &Range<usize>) -> Range<usize>;

    /// The first bar of the window that has a return.
    fn first_return(&self, window: &Range<usize>) -> usize;

    /// Trials that failed, by parameter set and then by bars.
    fn failures(&self, parameters: &[ParameterSet]) -> Vec<FailedTrial>;
}

/// Cuts a window out of returns whose first belongs to `first_bar`.
fn cut<'a>(returns: &'a [f64], first_bar: usize, window: &Range<usize>) -> &'a [f64] {
    let start = window.start.saturating_sub(first_bar);
    let end = window.end.saturating_sub(first_bar);
    returns.get(start..end).unwrap_or_default()
}

/// The records of a study, checked, by parameter set and range.
pub(super) struct Records {
    bars: usize,
    lead: usize,
    warmup: Warmup,
    trials: BTreeMap<(usize, usize, usize), Outcome>,
}

impl Records {
    pub(super) const fn new(bars: usize, lead: usize, warmup: Warmup) -> Self {
        Self { bars, lead, warmup, trials: BTreeMap::new() }
    }

    /// Adds a trial. A trial that is known already may come again, as it does from a queue that delivers at least
    /// once; one that contradicts it may not.
    pub(super) fn insert(
        &mut self,
        parameters: &[ParameterSet],
        index: usize,
        bars: &Range<usize>,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let name = || parameters.get(index).map(ToString::to_string).unwrap_or_default();
        if index >= parameters.len() {
            return Err(Error::WrongBatch { expected: parameters.len(), found: index + 1 });
        }
        self.check(&outcome, bars, &name)?;
        match self.trials.get(&(index, bars.start, bars.end)) {
            Some(known) if *known != outcome => {
                Err(Error::ConflictingRecords { parameter_set: name(), bars: bars.clone() })
            }
            Some(_) => Ok(()),
            None => {
                self.trials.insert((index, bars.start, bars.end), outcome);
                Ok(())
            }
        }
    }

    pub(super) fn contains(&self, index: usize, bars: &Range<usize>) -> bool {
        self.trials.contains_key(&(index, bars.start, bars.end))
    }

    fn check(&self, outcome: &Outcome, bars: &Range<usize>, name: &impl Fn() -> String) -> Result<(), Error> {
        let Outcome::Evaluated { returns, trades } = outcome else { return Ok(()) };
        let expected = bars.len().saturating_sub(self.lead);
        if returns.len() != expected {
            return Err(Error::WrongLength {
                parameter_set: name(),
                bars: bars.clone(),
                expected,
                found: returns.len(),
            });
        }
        if let Some(bar) = trades.iter().flatten().find(|bar| **bar >= bars.len()) {
            return Err(Error::TradeOutOfRange { parameter_set: name(), bar: *bar, length: bars.len() });
        }
        check_returns(returns, bars.start + self.lead, || format!("parameter set {}", name()))
    }
}

impl Evidence for Records {
    fn slice(&self, parameter_set: usize, window: &Range<usize>) -> Slice<'_> {
        let bars = self.evaluated(window);
        match self.trials.get(&(parameter_set, bars.start, bars.end)) {
            None => Slice::Absent,
            Some(Outcome::Failed { .. }) => Slice::Failed,
            Some(Outcome::Evaluated { returns, trades }) => {
                let inside = |bar: &&usize| window.contains(&(bars.start + **bar));
                let trades = trades.as_ref().map(|trades| trades.iter().filter(inside).count());
                Slice::Evaluated { returns: cut(returns, bars.start + self.lead, window), trades }
            }
        }
    }

    fn evaluated(&self, window: &Range<usize>) -> Range<usize> {
        self.warmup.evaluated(window, self.bars)
    }

    fn first_return(&self, window: &Range<usize>) -> usize {
        window.start.max(self.evaluated(window).start + self.lead)
    }

    fn failures(&self, parameters: &[ParameterSet]) -> Vec<FailedTrial> {
        let failed = |(key, outcome): (&(usize, usize, usize), &Outcome)| match outcome {
            Outcome::Evaluated { .. } => None,
            Outcome::Failed { reason, detail } => Some(FailedTrial {
                parameters: parameters.get(key.0)?.clone(),
                bars: key.1..key.2,
                reason: *reason,
                detail: detail.clone(),
            }),
        };
        self.trials.iter().filter_map(failed).collect()
    }
}

impl Evidence for ReturnMatrix {
    fn slice(&self, parameter_set: usize, window: &Range<usize>) -> Slice<'_> {
        if self.failure(parameter_set).is_some() {
            return Slice::Failed;
        }
        Slice::Evaluated { returns: cut(self.column(parameter_set), self.first_bar(), window), trades: None }
    }

    fn evaluated(&self, _window: &Range<usize>) -> Range<usize> {
        0..self.bars()
    }

    fn first_return(&self, window: &Range<usize>) -> usize {
        window.start.max(self.first_bar())
    }

    fn failures(&self, parameters: &[ParameterSet]) -> Vec<FailedTrial> {
        let failed = |(index, set): (usize, &ParameterSet)| {
            let (reason, detail) = self.failure(index)?;
            Some(FailedTrial {
                parameters: set.clone(),
                bars: 0..self.bars(),
                reason,
                detail: detail.to_owned(),
            })
        };
        parameters.iter().enumerate().filter_map(failed).collect()
    }
}
