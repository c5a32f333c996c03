//! Carries a walk-forward analysis out: asks the objective for what is missing, then reports.

use std::ops::Range;

use super::evidence::{Evidence, Record, Records};
use super::{WalkForward, WalkForwardReport, Warmup, Window, assemble, score};
use crate::objective::block_on;
use crate::progress::Running;
use crate::{Error, Method, Objective, ParameterSet, ReturnMatrix, TrialEvent};

impl WalkForward {
    /// Evaluates the parameter sets on a history of `bars` bars and reports.
    ///
    /// With [`Warmup::FullHistory`] the objective is asked once, for all sets on all bars. Otherwise it is asked for all
    /// sets on each training window, and for the winner on each test window.
    ///
    /// Scoring is done on all cores and blocks the thread for milliseconds to seconds, depending on the size; an
    /// asynchronous program with other work to do should spawn the study.
    ///
    /// # Errors
    /// When the history is too short, the objective cannot work, a return is not a number or does not fit, or every
    /// trial failed.
    ///
    /// # Cancellation safety
    /// A study that is dropped forgets the trials it has gathered. An objective that records its trials makes it
    /// resumable: started again, the study asks for the same trials in the same order.
    pub async fn run<O: Objective>(
        &self,
        parameters: &[ParameterSet],
        bars: usize,
        objective: &O,
    ) -> Result<WalkForwardReport, Error> {
        let _running = Running::begin(&*self.observer, Method::WalkForward);
        let windows = self.checked_windows(parameters, bars, objective.lead())?;
        let mut records = Records::new(bars, objective.lead(), self.settings.warmup);
        for window in &windows {
            self.evaluate(parameters, None, &window.train, objective, &mut records).await?;
            if self.settings.all_out_of_sample {
                self.evaluate(parameters, None, &window.test, objective, &mut records).await?;
            } else if self.settings.warmup != Warmup::FullHistory {
                let scores = score::scores(&self.settings, parameters, &records, &window.train)?;
                if let Some((winner, _)) = score::winner(&scores) {
                    self.evaluate(parameters, Some(winner), &window.test, objective, &mut records).await?;
                }
            }
        }
        assemble::report(&self.settings, parameters, bars, &windows, &records)
    }

    /// Does what [`run`](Self::run) does, on the calling thread and without an asynchronous runtime. For an objective
    /// that needs a runtime of its own, call it from outside of that runtime's threads.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_blocking<O: Objective>(
        &self,
        parameters: &[ParameterSet],
        bars: usize,
        objective: &O,
    ) -> Result<WalkForwardReport, Error> {
        block_on(self.run(parameters, bars, objective))
    }

    /// Reports on returns that are known already, with [`Warmup::FullHistory`]. The columns of the matrix belong to the
    /// parameter sets, in order.
    ///
    /// # Errors
    /// When the matrix does not fit the parameter sets, the history is too short, the settings ask for another warm-up
    /// or for trades (which a matrix does not have), or every column failed.
    pub fn analyse(
        &self,
        parameters: &[ParameterSet],
        matrix: &ReturnMatrix,
    ) -> Result<WalkForwardReport, Error> {
        if self.settings.warmup != Warmup::FullHistory {
            return Err(Error::invalid_setting(
                "warmup",
                self.settings.warmup,
                "the full history, since a return matrix holds nothing else",
            ));
        }
        if parameters.len() != matrix.parameter_sets() {
            return Err(Error::WrongBatch { expected: parameters.len(), found: matrix.parameter_sets() });
        }
        let windows = self.checked_windows(parameters, matrix.bars(), matrix.first_bar())?;
        assemble::report(&self.settings, parameters, matrix.bars(), &windows, matrix)
    }

    /// Reports on the records of a study that was carried out before, without an objective. `lead` is what
    /// [`Objective::lead`] said.
    ///
    /// # Errors
    /// When a record that the report needs is missing, two records of one trial differ, or a record is not valid.
    pub fn report(
        &self,
        parameters: &[ParameterSet],
        bars: usize,
        lead: usize,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<WalkForwardReport, Error> {
        let windows = self.checked_windows(parameters, bars, lead)?;
        let mut known = Records::new(bars, lead, self.settings.warmup);
        for record in records {
            known.insert(parameters, record.parameter_set, &record.bars, record.trial.outcome)?;
        }
        assemble::report(&self.settings, parameters, bars, &windows, &known)
    }

    fn checked_windows(
        &self,
        parameters: &[ParameterSet],
        bars: usize,
        lead: usize,
    ) -> Result<Vec<Window>, Error> {
        if parameters.is_empty() {
            return Err(Error::NoParameterSets);
        }
        let needed = lead.saturating_add(2);
        if self.settings.train < needed {
            return Err(Error::TooShort {
                what: "a training window, with the objective's lead",
                needed,
                found: self.settings.train,
            });
        }
        self.windows(bars)
    }

    /// Asks for the trials of one set, or of all sets, that this window needs and that are not known yet.
    async fn evaluate<O: Objective>(
        &self,
        parameters: &[ParameterSet],
        only: Option<usize>,
        window: &Range<usize>,
        objective: &O,
        records: &mut Records,
    ) -> Result<(), Error> {
        let bars = records.evaluated(window);
        let wanted = |index: &usize| only.is_none_or(|only| only == *index);
        let missing: Vec<usize> =
            (0..parameters.len()).filter(wanted).filter(|index| !records.contains(*index, &bars)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let batch: Vec<ParameterSet> =
            missing.iter().filter_map(|index| parameters.get(*index).cloned()).collect();
        let trials = objective.evaluate(&batch, bars.clone()).await?;
        if trials.len() != batch.len() {
            return Err(Error::WrongBatch { expected: batch.len(), found: trials.len() });
        }
        for (index, trial) in missing.into_iter().zip(trials) {
            self.observer.trial(&TrialEvent {
                method: Method::WalkForward,
                duration: trial.duration,
                failure: trial.failure().map(crate::FailureReason::as_str),
            });
            records.insert(parameters, index, &bars, trial.outcome)?;
        }
        Ok(())
    }
}
