//! What can go wrong, as sentences that say where and what to do.

use std::ops::Range;

/// Why a study could not be set up or carried out.
///
/// A parameter set that fails is not an error of the study: it is a [`Trial`](crate::Trial) with
/// [`Outcome::Failed`](crate::Outcome::Failed), which counts and is reported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting has a value outside its range.
    #[error("{setting} is {value}, but must be {expected}")]
    InvalidSetting {
        /// The name of the builder's method.
        setting: &'static str,
        /// The value that was given.
        value: String,
        /// The range that is allowed.
        expected: &'static str,
    },

    /// A dimension of the parameter space has no usable values.
    #[error("parameter `{name}` has no usable grid: {reason}")]
    InvalidDimension {
        /// The parameter's name.
        name: String,
        /// What is wrong with it and what to write instead.
        reason: &'static str,
    },

    /// Two dimensions, or two entries of a parameter set, have the same name.
    #[error("parameter `{name}` occurs twice; give each parameter its own name")]
    DuplicateParameter {
        /// The name.
        name: String,
    },

    /// A parameter is NaN or infinite, which JSON cannot carry and no grid can order.
    #[error("parameter `{name}` is {value}; use a finite number")]
    NonFiniteParameter {
        /// The parameter's name.
        name: String,
        /// Its value.
        value: f64,
    },

    /// The grid has more points than a study may hold.
    #[error("the grid has {points} points and the limit is {limit}; use larger steps or fewer parameters")]
    GridTooLarge {
        /// How many points the grid has before any constraint (at most `u64::MAX` is reported).
        points: u64,
        /// The limit.
        limit: u64,
    },

    /// No parameter set is left to try.
    #[error("there is no parameter set to try; add dimensions or loosen the constraint")]
    NoParameterSets,

    /// A series or history is shorter than the work needs.
    #[error(
        "{what} has {found} values, but at least {needed} are needed; bring a longer history or shorten the windows"
    )]
    TooShort {
        /// What is too short.
        what: &'static str,
        /// How long it must be.
        needed: usize,
        /// How long it is.
        found: usize,
    },

    /// A return is NaN, infinite or a loss of more than everything.
    #[error(
        "the return of bar {bar} of {series} is {value}; a return must be finite and at least -1 (a total loss), so \
         fix the series or record the trial as failed"
    )]
    InvalidReturn {
        /// The series, for example the parameter set that made it.
        series: String,
        /// The bar, counted from the start of the history (or of the series, where there is no history).
        bar: usize,
        /// The offending value.
        value: f64,
    },

    /// Nothing varies, so that there is no spread to measure anything by.
    #[error("{what} do not vary, so nothing can be said about them; check that the strategy trades at all")]
    NothingVaries {
        /// What does not vary.
        what: &'static str,
    },

    /// A comparison has too few parameter sets that could be evaluated.
    #[error(
        "{found} parameter sets could be evaluated, but a comparison needs at least {needed}; try more of them"
    )]
    TooFewParameterSets {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        found: usize,
    },

    /// A result is too large for a 64-bit float.
    #[error(
        "{what} exceeds the range of a 64-bit float; check the returns for a wrong unit (0.01 means one percent)"
    )]
    Overflow {
        /// The quantity.
        what: &'static str,
    },

    /// An objective gave the wrong number of returns for a parameter set.
    #[error(
        "parameter set {parameter_set} gave {found} returns for the bars {}..{}, but {expected} were expected: one \
         for each bar after the objective's lead", bars.start, bars.end
    )]
    WrongLength {
        /// The parameter set.
        parameter_set: String,
        /// The bars that were evaluated.
        bars: Range<usize>,
        /// How many returns were expected.
        expected: usize,
        /// How many came.
        found: usize,
    },

    /// An objective gave the wrong number of trials for a batch.
    #[error(
        "the objective gave {found} trials for a batch of {expected}; give one for each set, in the same order"
    )]
    WrongBatch {
        /// The size of the batch.
        expected: usize,
        /// How many trials came.
        found: usize,
    },

    /// A trade lies outside the bars that were evaluated.
    #[error("parameter set {parameter_set} reports a trade at bar {bar} of a range of {length} bars")]
    TradeOutOfRange {
        /// The parameter set.
        parameter_set: String,
        /// The trade's bar, counted from the start of the range.
        bar: usize,
        /// How many bars the range has.
        length: usize,
    },

    /// A minimum number of trades is set, but a trial does not say when it traded.
    #[error(
        "parameter set {parameter_set} does not report its trades; report them or drop the minimum of trades"
    )]
    TradesUnknown {
        /// The parameter set.
        parameter_set: String,
    },

    /// No parameter set could be evaluated in any window.
    #[error("all {trials} parameter sets failed, the first with: {first}")]
    EveryTrialFailed {
        /// How many were tried.
        trials: usize,
        /// The first failure.
        first: String,
    },

    /// A report was asked for, but a trial that it needs is not among the records.
    #[error("there is no record of parameter set {parameter_set} on the bars {}..{}; evaluate it first", bars.start, bars.end)]
    MissingRecord {
        /// The parameter set.
        parameter_set: String,
        /// The bars on which it must be evaluated.
        bars: Range<usize>,
    },

    /// Two records of one trial differ, so the objective is not a function of its input.
    #[error(
        "two records of parameter set {parameter_set} on the bars {}..{} differ; make the program deterministic or \
         remove one record", bars.start, bars.end
    )]
    ConflictingRecords {
        /// The parameter set.
        parameter_set: String,
        /// The bars on which it was evaluated.
        bars: Range<usize>,
    },

    /// The objective itself could not work, for example because its queue is out of reach.
    #[error("the objective could not evaluate a batch")]
    Objective {
        /// Its error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Wraps the error of an objective that could not evaluate a batch at all.
    pub fn objective(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Objective { source: source.into() }
    }

    /// What sort of error it is, for a decision or a metric.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidSetting { .. }
            | Self::InvalidDimension { .. }
            | Self::DuplicateParameter { .. }
            | Self::NonFiniteParameter { .. }
            | Self::GridTooLarge { .. }
            | Self::NoParameterSets => ErrorKind::Configuration,
            Self::TooShort { .. }
            | Self::InvalidReturn { .. }
            | Self::NothingVaries { .. }
            | Self::Overflow { .. } => ErrorKind::Data,
            Self::WrongLength { .. }
            | Self::TooFewParameterSets { .. }
            | Self::WrongBatch { .. }
            | Self::TradeOutOfRange { .. }
            | Self::TradesUnknown { .. }
            | Self::EveryTrialFailed { .. }
            | Self::MissingRecord { .. }
            | Self::ConflictingRecords { .. } => ErrorKind::Trial,
            Self::Objective { .. } => ErrorKind::Objective,
        }
    }

    pub(crate) fn invalid_setting(
        setting: &'static str,
        value: impl ToString,
        expected: &'static str,
    ) -> Self {
        Self::InvalidSetting { setting, value: value.to_string(), expected }
    }
}

/// The sorts of [`Error`]: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The study is set up wrongly; nothing was evaluated.
    Configuration,
    /// The data cannot carry the study.
    Data,
    /// The trials do not fit the study, or all of them failed.
    Trial,
    /// The objective could not work; the study may succeed when it is started again.
    Objective,
}

impl ErrorKind {
    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Data => "data",
            Self::Trial => "trial",
            Self::Objective => "objective",
        }
    }
}
