//! Makes the report out of the counts.

use super::contest::{Contest, Tally};
use super::{StepWise, SuperiorityReport, SuperioritySettings, Verdict};
use crate::Estimate;
use crate::inference::columns::Candidates;
use crate::statistics::count;

pub(super) fn report(
    settings: &SuperioritySettings,
    candidates: &Candidates<'_>,
    block_length: f64,
    contest: &Contest,
    tally: &Tally,
) -> SuperiorityReport {
    let step_wise = step_wise(settings.replicates, candidates, contest, tally);
    SuperiorityReport {
        settings: settings.clone(),
        observations: candidates.bars(),
        trials: candidates.trials(),
        candidates: step_wise.len(),
        block_length,
        best: step_wise.first().map_or(0, |best| best.parameter_set),
        superiority: verdict(contest.superiority, tally.superiority, settings.replicates),
        reality_check: verdict(contest.reality, tally.reality, settings.replicates),
        step_wise,
    }
}

fn verdict(statistic: f64, exceeded: [usize; 3], replicates: usize) -> Verdict {
    let [lower, consistent, upper] = exceeded.map(|times| Estimate::share(times, replicates));
    Verdict { statistic, lower, consistent, upper }
}

fn step_wise(
    replicates: usize,
    candidates: &Candidates<'_>,
    contest: &Contest,
    tally: &Tally,
) -> Vec<StepWise> {
    let mut highest = 0.0_f64;
    let step = |((place, statistic), times): (&(usize, f64), &usize)| {
        highest = highest.max((1.0 + count(*times)) / (1.0 + count(replicates)));
        StepWise {
            parameter_set: candidates.place(*place),
            mean: contest.columns.get(*place).map_or(0.0, |column| column.mean),
            statistic: *statistic,
            p_value: highest,
        }
    };
    contest.ranking.iter().zip(&tally.steps).map(step).collect()
}
