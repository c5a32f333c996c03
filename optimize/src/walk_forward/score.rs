//! Scores parameter sets in one window and chooses the winner.

use std::ops::Range;

use rayon::prelude::*;

use super::evidence::{Evidence, Slice};
use super::settings::{Metric, Settings};
use crate::statistics::sharpe;
use crate::{Error, ParameterSet};

/// How one parameter set did in one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Score {
    /// It was evaluated.
    Known {
        /// The chosen metric; `None` where it does not exist, as without trades.
        metric: Option<f64>,
        /// The Sharpe ratio per bar, which the deflated Sharpe ratio needs whatever the metric.
        sharpe: Option<f64>,
        /// Whether the settings let it win.
        eligible: bool,
    },
    /// It could not be evaluated.
    Failed,
    /// It was not asked for.
    Absent,
}

impl Score {
    /// The figure for averages and ranks: a set that did not trade earned nothing, which is 0. A set that was not
    /// evaluated has none.
    pub(super) fn in_comparison(&self) -> Option<f64> {
        match self {
            Self::Known { metric, .. } => Some(metric.unwrap_or(0.0)),
            Self::Failed | Self::Absent => None,
        }
    }

    pub(super) const fn sharpe(&self) -> Option<f64> {
        match self {
            Self::Known { sharpe, .. } => *sharpe,
            Self::Failed | Self::Absent => None,
        }
    }
}

/// Scores every parameter set, on all cores. The scores stand in the order of the sets.
pub(super) fn scores(
    settings: &Settings,
    parameters: &[ParameterSet],
    evidence: &impl Evidence,
    window: &Range<usize>,
) -> Result<Vec<Score>, Error> {
    let score = |(index, set)| score(settings, set, evidence.slice(index, window));
    let scored: Vec<Result<Score, Error>> = parameters.par_iter().enumerate().map(score).collect();
    // Gathered first and checked in order, so that of several errors always the same one is told.
    scored.into_iter().collect()
}

fn score(settings: &Settings, set: &ParameterSet, slice: Slice<'_>) -> Result<Score, Error> {
    let (returns, trades) = match slice {
        Slice::Evaluated { returns, trades } => (returns, trades),
        Slice::Failed => return Ok(Score::Failed),
        Slice::Absent => return Ok(Score::Absent),
    };
    let metric = settings.metric.of(returns, settings.bars_per_year);
    let sharpe = match settings.metric {
        Metric::Sharpe => metric.map(|annualised| annualised / settings.bars_per_year.sqrt()),
        _ => sharpe(returns),
    };
    let enough_trades = match (settings.minimum_trades, trades) {
        (None, _) => true,
        (Some(minimum), Some(trades)) => trades >= minimum,
        (Some(_), None) => return Err(Error::TradesUnknown { parameter_set: set.to_string() }),
    };
    let enough_bars = settings.minimum_active_bars == 0
        || returns.iter().filter(|value| **value != 0.0).count() >= settings.minimum_active_bars;
    Ok(Score::Known { metric, sharpe, eligible: enough_trades && enough_bars })
}

/// The place and score of the best eligible set; of equals the first.
pub(super) fn winner(scores: &[Score]) -> Option<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for (index, score) in scores.iter().enumerate() {
        if let Score::Known { metric: Some(value), eligible: true, .. } = score
            && best.is_none_or(|(_, highest)| *value > highest)
        {
            best = Some((index, *value));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(metric: Option<f64>, eligible: bool) -> Score {
        Score::Known { metric, sharpe: None, eligible }
    }

    #[test]
    fn ties_go_to_the_first_and_what_has_no_score_never_wins() {
        let scores = [known(None, true), Score::Failed, known(Some(-2.0), true), known(Some(-2.0), true)];
        assert_eq!(winner(&scores), Some((2, -2.0)));
        assert_eq!(winner(&[known(None, true), Score::Absent]), None);
    }

    #[test]
    fn a_set_below_the_minimum_does_not_win() {
        assert_eq!(winner(&[known(Some(9.0), false), known(Some(1.0), true)]), Some((1, 1.0)));
    }
}
