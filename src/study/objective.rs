//! The objective that spreads a program's trials over the queue and records each.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value};

use super::positions;
use super::report::TrialCounts;
use super::{Progress, Study};
use crate::cofferdam::task;
use crate::database::trial;
use crate::job::{CallOutcome, Request};
use crate::optimize::{self, FailureReason, Objective, ParameterSet, Trial};
use crate::store::{BatchWriter, OnConflict, Summary};
use crate::{Cofferdam, Error};

/// Parameter sets in one job. It spreads the cost of a session and of a queue's round over several calls, and is small
/// enough that workers end together and that a killed one loses little. It is fixed, so that the jobs of a study are the
/// same whoever runs it and however often it was interrupted.
const CALLS_PER_JOB: usize = 8;

/// Evaluates parameter sets by jobs in the queue.
pub(super) struct QueueObjective<'a> {
    cofferdam: &'a Cofferdam,
    study: &'a Study,
    prices: &'a [f64],
    dataset: &'a str,
    /// Names everything that a trial's positions depend on, but for its parameters and bars.
    id: String,
    writer: BatchWriter<trial::Entity>,
    evaluated: AtomicUsize,
    reused: AtomicUsize,
}

impl<'a> QueueObjective<'a> {
    /// `dataset` is the hash under which the study's data is kept.
    pub(super) fn new(
        cofferdam: &'a Cofferdam,
        study: &'a Study,
        prices: &'a [f64],
        dataset: &'a str,
    ) -> Result<Self, Error> {
        let inner = cofferdam.inner();
        let writer = BatchWriter::<trial::Entity>::builder(inner.database.clone())
            // The same trial may have been recorded by a run that died before it could know.
            .on_conflict(OnConflict::DoNothing)
            .observer(inner.telemetry.store_observer())
            .build()?;
        // Limits decide which trials fail, so they are part of what a trial is.
        let all = request(study, dataset, 0..0);
        let id = hash(&serde_json::to_vec(&all).map_err(|error| Error::damaged("the study", error))?);
        let (evaluated, reused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ok(Self { cofferdam, study, prices, dataset, id, writer, evaluated, reused })
    }

    /// Waits until every trial is in the database.
    pub(super) async fn close(self) -> Result<TrialCounts, Error> {
        written(self.writer.close().await?)?;
        Ok(TrialCounts { evaluated: self.evaluated.into_inner(), reused: self.reused.into_inner() })
    }

    async fn try_evaluate(&self, batch: &[ParameterSet], bars: Range<usize>) -> Result<Vec<Trial>, Error> {
        let mut recorded = self.recorded(&bars).await?;
        let ids: Vec<String> = batch.iter().map(|set| self.trial_id(set, &bars)).collect();
        let mut trials: Vec<Option<Trial>> = Vec::with_capacity(batch.len());
        for id in &ids {
            trials.push(recorded.remove(id).map(|row| self.trial_of(row, &bars)).transpose()?);
        }
        let mut progress = Progress { done: 0, failed: 0, total: batch.len() };
        trials.iter().flatten().for_each(|trial| count(&mut progress, trial));
        self.reused.fetch_add(progress.done, Ordering::Relaxed);
        (self.study.progress)(progress);

        // Whole jobs, also where only a part of one is missing: they are the same jobs in every run.
        let jobs =
            batch.chunks(CALLS_PER_JOB).zip(ids.chunks(CALLS_PER_JOB)).zip(trials.chunks_mut(CALLS_PER_JOB));
        let jobs: Vec<_> = jobs.filter(|(_, trials)| trials.iter().any(Option::is_none)).collect();
        let mut tasks = Vec::with_capacity(jobs.len());
        for ((sets, _), _) in &jobs {
            let calls = sets.iter().map(params).collect::<Result<_, _>>()?;
            tasks.push(task(&Request { calls, ..request(self.study, self.dataset, bars.clone()) })?);
        }
        let queued = self.cofferdam.inner().queue.enqueue(tasks).await?;
        for (((sets, ids), trials), queued) in jobs.into_iter().zip(queued) {
            let outcomes = match self.cofferdam.outcome(&queued.id).await {
                Ok(outcomes) if outcomes.len() == sets.len() => outcomes,
                Ok(outcomes) => {
                    let problem = format!("it has {} outcomes for {} calls", outcomes.len(), sets.len());
                    return Err(Error::damaged(format!("result of job {}", queued.id), problem));
                }
                // A program that brings down its workers must not bring down the study.
                Err(Error::JobDied { reason, .. }) => vec![given_up(reason); sets.len()],
                Err(error) => return Err(error),
            };
            for (((set, id), slot), outcome) in sets.iter().zip(ids).zip(trials).zip(outcomes) {
                if slot.is_some() {
                    continue;
                }
                let answer = self.answer(outcome, &bars);
                self.writer.add(self.row(id, set, &bars, &answer)?).await?;
                let trial = self.trial(answer, &bars);
                count(&mut progress, &trial);
                *slot = Some(trial);
                self.evaluated.fetch_add(1, Ordering::Relaxed);
                (self.study.progress)(progress);
            }
        }
        written(self.writer.flush().await?)?;
        let missing = || Error::damaged("the study", "a trial has no outcome");
        trials.into_iter().map(|trial| trial.ok_or_else(missing)).collect()
    }

    /// What earlier runs recorded for these bars.
    async fn recorded(&self, bars: &Range<usize>) -> Result<HashMap<String, trial::Model>, Error> {
        let rows = trial::Entity::find()
            .filter(trial::Column::Study.eq(&self.id))
            .filter(trial::Column::FirstBar.eq(bars.start as i64))
            .filter(trial::Column::EndBar.eq(bars.end as i64))
            .all(&self.cofferdam.inner().database)
            .await
            .map_err(Error::database("read the recorded trials"))?;
        Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
    }

    fn trial_id(&self, set: &ParameterSet, bars: &Range<usize>) -> String {
        // `Display` of the parameters would not tell a text from a number.
        let parameters = serde_json::to_string(set).unwrap_or_else(|_| set.to_string());
        hash(format!("{}\n{}..{}\n{parameters}", self.id, bars.start, bars.end).as_bytes())
    }

    fn answer(&self, outcome: CallOutcome, bars: &Range<usize>) -> Answer {
        let positions = match (outcome.result, outcome.failure) {
            (Some(result), _) => positions::read(&result, bars.len())
                .map_err(|problem| (FailureReason::InvalidOutput, problem)),
            (None, Some(failure)) => Err((failure.reason, failure.message)),
            (None, None) => {
                Err((FailureReason::Platform, "the call has neither result nor failure".to_owned()))
            }
        };
        Answer { positions, wall: outcome.wall }
    }

    fn row(
        &self,
        id: &str,
        set: &ParameterSet,
        bars: &Range<usize>,
        answer: &Answer,
    ) -> Result<trial::ActiveModel, Error> {
        let json = |what: serde_json::Result<String>| what.map_err(|error| Error::damaged("a trial", error));
        let (positions, failure, detail) = match &answer.positions {
            Ok(held) => (Some(json(serde_json::to_string(&positions::encode(held)))?), None, None),
            Err((reason, detail)) => (None, Some(reason.as_str().to_owned()), Some(detail.clone())),
        };
        Ok(trial::ActiveModel {
            id: Set(id.to_owned()),
            study: Set(self.id.clone()),
            parameters: Set(json(serde_json::to_string(set))?),
            first_bar: Set(bars.start as i64),
            end_bar: Set(bars.end as i64),
            positions: Set(positions),
            failure: Set(failure),
            detail: Set(detail),
            wall_us: Set(i64::try_from(answer.wall.as_micros()).unwrap_or(i64::MAX)),
        })
    }

    fn trial_of(&self, row: trial::Model, bars: &Range<usize>) -> Result<Trial, Error> {
        let damaged = |problem: &str| Error::damaged(format!("trial {}", row.id), problem);
        let positions = match (&row.positions, &row.failure) {
            (Some(runs), _) => {
                let runs: Vec<(f64, u64)> =
                    serde_json::from_str(runs).map_err(|_| damaged("its positions are not run lengths"))?;
                Ok(positions::decode(&runs, bars.len())
                    .ok_or_else(|| damaged("its positions do not fit its bars"))?)
            }
            (None, Some(reason)) => {
                let reason = serde_json::from_value(Value::String(reason.clone()))
                    .map_err(|_| damaged("its failure is of no known sort"))?;
                Err((reason, row.detail.clone().unwrap_or_default()))
            }
            (None, None) => return Err(damaged("it has neither positions nor a failure")),
        };
        let wall = Duration::from_micros(u64::try_from(row.wall_us).unwrap_or_default());
        Ok(self.trial(Answer { positions, wall }, bars))
    }

    fn trial(&self, answer: Answer, bars: &Range<usize>) -> Trial {
        let trial = match answer.positions {
            Ok(held) => {
                let prices = self.prices.get(bars.clone()).unwrap_or_default();
                let (returns, trades) = positions::returns(&held, prices, self.study.cost);
                match returns.iter().position(|value| !value.is_finite()) {
                    None => Trial::evaluated(returns).with_trades(trades),
                    Some(bar) => Trial::failed(
                        FailureReason::InvalidOutput,
                        format!("the position at bar {bar} is so large that its return is not a number"),
                    ),
                }
            }
            Err((reason, detail)) => Trial::failed(reason, detail),
        };
        trial.with_duration(answer.wall)
    }
}

impl Objective for QueueObjective<'_> {
    async fn evaluate(
        &self,
        batch: &[ParameterSet],
        bars: Range<usize>,
    ) -> Result<Vec<Trial>, optimize::Error> {
        self.try_evaluate(batch, bars).await.map_err(optimize::Error::objective)
    }

    /// A return needs the price before it.
    fn lead(&self) -> usize {
        1
    }
}

/// Turns a row that the database refused into an error.
fn written(summary: Summary<trial::Entity>) -> Result<(), Error> {
    summary.rejected.into_iter().next().map_or(Ok(()), |rejected| Err(rejected.error.into()))
}

/// What a program answered: its positions, or why there are none.
struct Answer {
    positions: Result<Vec<f64>, (FailureReason, String)>,
    wall: Duration,
}

/// A request without calls.
pub(super) fn request(study: &Study, dataset: &str, bars: Range<usize>) -> Request {
    Request {
        program: study.program.hash().to_owned(),
        dataset: dataset.to_owned(),
        bars,
        calls: Vec::new(),
        seed: study.seed,
        limits: (&study.limits).into(),
    }
}

/// A parameter set as the program's `params`.
pub(super) fn params(set: &ParameterSet) -> Result<Map<String, Value>, Error> {
    let json = serde_json::to_value(set).and_then(serde_json::from_value);
    json.map_err(|error| Error::damaged(format!("parameter set {set}"), error))
}

fn count(progress: &mut Progress, trial: &Trial) {
    progress.done += 1;
    progress.failed += usize::from(trial.failure().is_some());
}

fn given_up(reason: String) -> CallOutcome {
    CallOutcome {
        result: None,
        failure: Some(crate::CallFailure { reason: FailureReason::Platform, message: reason }),
        stdout: String::new(),
        truncated: false,
        wall: Duration::ZERO,
    }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
