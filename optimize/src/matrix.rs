//! The returns of many parameter sets over one history.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, ShapeBuilder};

use crate::statistics::check_returns;
use crate::{Error, FailureReason, Outcome, ParameterSet, Trial};

/// The returns of N parameter sets over one history: a row for each bar, a column for each parameter set.
///
/// A column may be *failed*: its parameter set was tried and could not be evaluated. It holds zeros, wins nothing, and
/// counts as a trial.
///
/// Everything that compares parameter sets over windows of one history follows from this matrix, so a strategy whose
/// parameters are fixed needs to run only once for each set. That holds for **causal** strategies: the return of a bar
/// must not depend on later bars.
#[derive(Debug, Clone, PartialEq)]
pub struct ReturnMatrix {
    /// Columns lie contiguously, since every statistic reads along the bars.
    returns: Array2<f64>,
    /// The bar of the history to which the first row belongs.
    first_bar: usize,
    failures: Vec<Option<(FailureReason, String)>>,
}

impl ReturnMatrix {
    /// A matrix of simple returns, bars in rows and parameter sets in columns. The first row belongs to bar `first_bar`
    /// of the history: 1 when the returns were made of prices, whose first has no return.
    ///
    /// # Errors
    /// When a return is not finite or below -1; the error names bar and column.
    pub fn new(returns: ArrayView2<'_, f64>, first_bar: usize) -> Result<Self, Error> {
        let mut columns = Array2::zeros(returns.dim().f());
        columns.assign(&returns);
        for (index, column) in columns.axis_iter(Axis(1)).enumerate() {
            check_returns(contiguous(&column), first_bar, || format!("column {index}"))?;
        }
        let failures = vec![None; columns.ncols()];
        Ok(Self { returns: columns, first_bar, failures })
    }

    /// The matrix of the trials of these parameter sets over the whole history of `bars` bars, of which the first `lead`
    /// have no return.
    ///
    /// # Errors
    /// When the number of trials or of returns does not fit, or a return is not finite or below -1; the error names bar
    /// and parameter set.
    pub fn from_trials(
        parameters: &[ParameterSet],
        bars: usize,
        lead: usize,
        trials: Vec<Trial>,
    ) -> Result<Self, Error> {
        if trials.len() != parameters.len() {
            return Err(Error::WrongBatch { expected: parameters.len(), found: trials.len() });
        }
        let rows = bars.saturating_sub(lead);
        let mut returns = Array2::zeros((rows, parameters.len()).f());
        let mut failures = Vec::with_capacity(parameters.len());
        let columns = returns.axis_iter_mut(Axis(1));
        for ((trial, set), mut column) in trials.into_iter().zip(parameters).zip(columns) {
            match trial.outcome {
                Outcome::Failed { reason, detail } => failures.push(Some((reason, detail))),
                Outcome::Evaluated { returns, .. } => {
                    if returns.len() != rows {
                        return Err(Error::WrongLength {
                            parameter_set: set.to_string(),
                            bars: 0..bars,
                            expected: rows,
                            found: returns.len(),
                        });
                    }
                    check_returns(&returns, lead, || format!("parameter set {set}"))?;
                    column.assign(&ArrayView1::from(&returns));
                    failures.push(None);
                }
            }
        }
        Ok(Self { returns, first_bar: lead, failures })
    }

    /// How many bars the history has, those without a return included.
    #[must_use]
    pub fn bars(&self) -> usize {
        self.first_bar + self.returns.nrows()
    }

    /// The bar of the history to which the first row belongs.
    #[must_use]
    pub const fn first_bar(&self) -> usize {
        self.first_bar
    }

    /// How many parameter sets there are, failed ones included.
    #[must_use]
    pub fn parameter_sets(&self) -> usize {
        self.returns.ncols()
    }

    /// The returns: a row for each bar from [`first_bar`](Self::first_bar) on, a column for each parameter set.
    #[must_use]
    pub fn returns(&self) -> ArrayView2<'_, f64> {
        self.returns.view()
    }

    /// Why a parameter set could not be evaluated; `None` when it could, or there is no such column.
    #[must_use]
    pub fn failure(&self, parameter_set: usize) -> Option<(FailureReason, &str)> {
        let (reason, detail) = self.failures.get(parameter_set)?.as_ref()?;
        Some((*reason, detail))
    }

    /// The returns of one parameter set, oldest first.
    pub(crate) fn column(&self, parameter_set: usize) -> &[f64] {
        if parameter_set >= self.parameter_sets() {
            return &[];
        }
        contiguous(&self.returns.index_axis(Axis(1), parameter_set))
    }
}

/// Columns are contiguous by construction, so this never gives the empty slice of a strided view.
fn contiguous<'a>(column: &ArrayView1<'a, f64>) -> &'a [f64] {
    column.to_slice().unwrap_or_default()
}
