//! What can go wrong when the members work together.

use std::path::PathBuf;

use crate::{heartbeat, optimize, queue, sandbox, store, telemetry};

/// What can go wrong when the members work together. A program that fails is no error here: its failure is part of
/// its job's outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder cannot be used.
    #[error("the folder {} cannot be used; name one that this process may write to", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The database belongs to somebody else. It was left as it is.
    #[error("{} holds tables of another application and none of Cofferdam's, and was left as it is: name another folder", path.display())]
    ForeignDatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database was written by a later version. It was left as it is.
    #[error(
        "the database has version {found}, and this program knows versions up to {known}: use a later version of cofferdam"
    )]
    NewerDatabase {
        /// The version of the database.
        found: i32,
        /// The latest version that is known here.
        known: i32,
    },
    /// The database failed.
    #[error("the database failed to {action}")]
    Database {
        /// What it was asked to do.
        action: &'static str,
        /// Why it could not.
        source: sea_orm::DbErr,
    },
    /// A record in the database is not what was written there.
    #[error("the record {record} in the database is damaged: {problem}")]
    Damaged {
        /// Which record.
        record: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The policy refused the program.
    #[error(transparent)]
    Rejected(#[from] sandbox::Rejection),
    /// The series of a data set do not fit together.
    #[error("the series `{name}` {problem}")]
    InvalidSeries {
        /// The series.
        name: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The study cannot be carried out as it is set up.
    #[error("the study cannot be run: {problem}")]
    InvalidStudy {
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The program's positions before a bar changed when the prices after it were taken away: it looks ahead.
    #[error(
        "the program looks ahead: with {parameters}, its position at bar {bar} changes when the data after bar {last_bar} \
         is taken away; a position may depend only on data up to its own bar"
    )]
    LooksAhead {
        /// The parameters.
        parameters: String,
        /// The first bar whose position changes, counted from 0.
        bar: usize,
        /// The last bar that was left in the shortened data.
        last_bar: usize,
    },
    /// A job was given up by the queue before it had a result.
    #[error("job {id} was given up: {reason}")]
    JobDied {
        /// The job.
        id: String,
        /// The last error.
        reason: String,
    },
    /// The sandbox could not be set up.
    #[error("the sandbox cannot be set up")]
    Sandbox(#[source] sandbox::Error),
    /// The queue failed.
    #[error("the queue failed")]
    Queue(#[from] queue::Error),
    /// The writer failed.
    #[error("results could not be written")]
    Store(#[from] store::Error),
    /// The optimiser failed.
    #[error("the study failed")]
    Optimize(#[source] optimize::Error),
    /// The heartbeat failed.
    #[error("the heartbeat failed")]
    Heartbeat(#[from] heartbeat::Error),
    /// The metrics could not be served.
    #[error("the metrics cannot be served")]
    Telemetry(#[from] telemetry::Error),
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What the caller gave cannot be used.
    Input,
    /// The file or folder cannot be used.
    Storage,
    /// A part of the system failed while it ran.
    Runtime,
}

impl Error {
    /// Who must act: whoever gave the input, whoever owns the disk, or whoever runs the system.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Rejected(_)
            | Self::InvalidSeries { .. }
            | Self::InvalidStudy { .. }
            | Self::LooksAhead { .. } => ErrorKind::Input,
            Self::Folder { .. }
            | Self::ForeignDatabase { .. }
            | Self::NewerDatabase { .. }
            | Self::Damaged { .. } => ErrorKind::Storage,
            _ => ErrorKind::Runtime,
        }
    }

    pub(crate) fn database(action: &'static str) -> impl FnOnce(sea_orm::DbErr) -> Self {
        move |source| Self::Database { action, source }
    }

    pub(crate) fn damaged(record: impl Into<String>, problem: impl ToString) -> Self {
        Self::Damaged { record: record.into(), problem: problem.to_string() }
    }
}

impl From<optimize::Error> for Error {
    /// Unwraps an error that this crate handed to the optimiser.
    fn from(error: optimize::Error) -> Self {
        match error {
            optimize::Error::Objective { source } => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::Optimize(optimize::Error::objective(source)),
            },
            other => Self::Optimize(other),
        }
    }
}
