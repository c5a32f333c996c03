//! Makes the report out of what is known. Everything here is a pure function.

use std::ops::Range;

use super::evidence::{Evidence, Slice};
use super::report::{FailedTrial, Luck, Performance, WalkForwardReport, WindowReport, Winner};
use super::score::{self, Score};
use super::stability::{Neighbourhood, stability};
use super::{Settings, Window, efficiency};
use crate::statistics::{Drawdown, annualised_return, sharpe, spearman, total_return, variance};
use crate::{Error, Metrics, ParameterSet, SharpeEstimate, expected_maximum_sharpe};

/// The confidence of the minimum track record, as in the paper.
const CONFIDENCE: f64 = 0.95;

/// A study: what every step of the report needs.
struct Study<'a, E> {
    settings: &'a Settings,
    parameters: &'a [ParameterSet],
    evidence: &'a E,
    neighbourhood: Neighbourhood,
}

pub(super) fn report(
    settings: &Settings,
    parameters: &[ParameterSet],
    bars: usize,
    windows: &[Window],
    evidence: &impl Evidence,
) -> Result<WalkForwardReport, Error> {
    let neighbourhood = Neighbourhood::of(parameters, settings.plateau_radius);
    let study = Study { settings, parameters, evidence, neighbourhood };
    let failures = evidence.failures(parameters);
    let mut reports = Vec::with_capacity(windows.len());
    let mut variances = Vec::with_capacity(windows.len());
    let mut returns = Vec::new();
    for (index, window) in windows.iter().enumerate() {
        let next = windows.get(index + 1).map_or(window.test.end, |next| next.test.start);
        let stitched = window.test.start..window.test.end.min(next);
        let (report, variance) = study.window(window, stitched.clone())?;
        study.stitch(&report, &mut returns);
        reports.push(report);
        variances.push(variance);
    }
    if reports.iter().all(|report| report.failed == parameters.len()) {
        return Err(every_trial_failed(parameters.len(), failures.first()));
    }
    let winners: Vec<&Winner> = reports.iter().filter_map(|report| report.winner.as_ref()).collect();
    let profits: Vec<f64> = winners.iter().map(|winner| profit(winner)).collect();
    let efficiency = efficiency::efficiency(&winners);
    Ok(WalkForwardReport {
        bars,
        out_of_sample: match returns.len() {
            0 | 1 => None,
            _ => Some(Metrics::of(&returns, settings.bars_per_year)?),
        },
        degradation: efficiency.ratio_of_mean_sharpes.map(|ratio| 1.0 - ratio),
        efficiency,
        profitable_windows: efficiency::share(&profits, |profit| profit > 0.0),
        largest_window_share: efficiency::largest_share(&profits),
        stability: stability(parameters, &winners),
        luck: study.luck(&returns, &variances, &failures),
        settings: settings.clone(),
        windows: reports,
        returns,
        failures,
    })
}

fn profit(winner: &Winner) -> f64 {
    winner.out_of_sample.map_or(0.0, |performance| performance.total_return)
}

fn every_trial_failed(trials: usize, first: Option<&FailedTrial>) -> Error {
    let first =
        first.map_or_else(String::new, |failed| format!("{}: {}", failed.reason.as_str(), failed.detail));
    Error::EveryTrialFailed { trials, first }
}

impl<E: Evidence> Study<'_, E> {
    /// One window, and the variance of the Sharpe ratios between the parameter sets in its training part.
    fn window(&self, window: &Window, stitched: Range<usize>) -> Result<(WindowReport, f64), Error> {
        let scores = score::scores(self.settings, self.parameters, self.evidence, &window.train)?;
        if let Some(index) = scores.iter().position(|score| *score == Score::Absent) {
            return Err(self.missing(index, &window.train));
        }
        let after = score::scores(self.settings, self.parameters, self.evidence, &window.test)?;
        // With the winner alone there is nothing to compare.
        let compared = !after.contains(&Score::Absent);
        let sharpes: Vec<f64> = scores.iter().filter_map(Score::sharpe).collect();
        let variance = variance(&sharpes).unwrap_or(0.0);
        let winner = match score::winner(&scores) {
            None => None,
            Some((index, _)) => Some(self.winner(index, window, &scores, &after, compared, variance)?),
        };
        let report = WindowReport {
            train: window.train.clone(),
            test: window.test.clone(),
            stitched,
            failed: scores.iter().filter(|score| **score == Score::Failed).count(),
            unscored: scores
                .iter()
                .filter(|score| matches!(score, Score::Known { metric: None, .. }))
                .count(),
            winner,
            rank_correlation: if compared { rank_correlation(&scores, &after) } else { None },
        };
        Ok((report, variance))
    }

    fn winner(
        &self,
        index: usize,
        window: &Window,
        scores: &[Score],
        after: &[Score],
        compared: bool,
        variance: f64,
    ) -> Result<Winner, Error> {
        let Slice::Evaluated { returns, .. } = self.evidence.slice(index, &window.train) else {
            return Err(self.missing(index, &window.train));
        };
        let estimate = SharpeEstimate::of_checked(returns);
        let in_sample = self.performance(index, &window.train)?;
        Ok(Winner {
            parameter_set: index,
            parameters: self.parameters.get(index).cloned().unwrap_or_default(),
            in_sample: in_sample.ok_or_else(|| self.missing(index, &window.train))?,
            out_of_sample: self.performance(index, &window.test)?,
            rank: if compared { rank(index, after) } else { None },
            plateau_ratio: self.neighbourhood.plateau_ratio(index, scores),
            probabilistic_sharpe: estimate.and_then(|estimate| estimate.probabilistic(0.0)),
            deflated_sharpe: estimate.and_then(|estimate| estimate.deflated(self.parameters.len(), variance)),
        })
    }

    /// What a set did in a window; `None` when it failed there.
    fn performance(&self, index: usize, window: &Range<usize>) -> Result<Option<Performance>, Error> {
        let bars_per_year = self.settings.bars_per_year;
        let (returns, trades) = match self.evidence.slice(index, window) {
            Slice::Evaluated { returns, trades } => (returns, trades),
            Slice::Failed => return Ok(None),
            Slice::Absent => return Err(self.missing(index, window)),
        };
        let overflow = |what| move || Error::Overflow { what };
        let annualised =
            if returns.is_empty() { Some(0.0) } else { annualised_return(returns, bars_per_year) };
        Ok(Some(Performance {
            observations: returns.len(),
            score: self.settings.metric.of(returns, bars_per_year),
            sharpe: sharpe(returns).map(|ratio| ratio * bars_per_year.sqrt()),
            total_return: total_return(returns).ok_or_else(overflow("a window's compounded return"))?,
            annualised_return: annualised.ok_or_else(overflow("a window's annualised return"))?,
            maximum_drawdown: Drawdown::of(returns).maximum,
            trades,
        }))
    }

    /// Appends the returns of a window to the stitched ones.
    fn stitch(&self, report: &WindowReport, stitched: &mut Vec<f64>) {
        let first = self.evidence.first_return(&report.test);
        let length = report.stitched.end.saturating_sub(first);
        let slice =
            report.winner.as_ref().map(|winner| self.evidence.slice(winner.parameter_set, &report.test));
        match slice {
            Some(Slice::Evaluated { returns, .. }) => stitched.extend(returns.iter().take(length)),
            // Without a winner, or with one that failed, there is nothing to hold: the bars earned nothing.
            _ => stitched.extend(std::iter::repeat_n(0.0, length)),
        }
    }

    fn luck(&self, returns: &[f64], variances: &[f64], failures: &[FailedTrial]) -> Luck {
        let trials = self.parameters.len();
        let variance = crate::statistics::mean(variances).unwrap_or(0.0);
        let luckiest = expected_maximum_sharpe(trials, variance);
        let estimate = SharpeEstimate::of_checked(returns);
        let mut failed: Vec<&ParameterSet> = failures.iter().map(|failure| &failure.parameters).collect();
        // Failures are sorted by parameter set, so those of one set stand together.
        failed.dedup();
        Luck {
            trials,
            failed_trials: failed.len(),
            probabilistic_sharpe: estimate.and_then(|estimate| estimate.probabilistic(0.0)),
            luckiest_sharpe: luckiest * self.settings.bars_per_year.sqrt(),
            deflated_sharpe: estimate.and_then(|estimate| estimate.probabilistic(luckiest)),
            minimum_track_record: estimate
                .and_then(|estimate| estimate.minimum_track_record(0.0, CONFIDENCE)),
        }
    }

    fn missing(&self, index: usize, window: &Range<usize>) -> Error {
        Error::MissingRecord {
            parameter_set: self.parameters.get(index).map(ToString::to_string).unwrap_or_default(),
            bars: self.evidence.evaluated(window),
        }
    }
}

/// The rank of a set by its score, 1 being the best.
fn rank(index: usize, scores: &[Score]) -> Option<usize> {
    let own = scores.get(index)?.in_comparison()?;
    Some(1 + scores.iter().filter_map(Score::in_comparison).filter(|value| *value > own).count())
}

fn rank_correlation(before: &[Score], after: &[Score]) -> Option<f64> {
    let both = |(left, right): (&Score, &Score)| Some((left.in_comparison()?, right.in_comparison()?));
    let (before, after): (Vec<f64>, Vec<f64>) = before.iter().zip(after).filter_map(both).unzip();
    spearman(&before, &after)
}
