//! What can go wrong, whose fault it is, and what to do about it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, DbErr};

/// Why a row was not taken, a row was refused, or a writer stopped.
///
/// Cloneable, because the failure that stopped a writer is told to everybody who uses it afterwards.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting makes no sense, so no writer was built.
    #[error("{setting}: {reason}")]
    Configuration {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong and what to write instead.
        reason: String,
    },

    /// The database has no road here, or the entity has a column that it cannot hold.
    #[error("{what} cannot be written by this writer; {remedy}")]
    Unsupported {
        /// The backend or the column.
        what: String,
        /// What to use instead.
        remedy: &'static str,
    },

    /// The row was refused before it entered the buffer. The caller's fault; the writer goes on.
    #[error("the row for {table} was not taken: column {column} {reason}")]
    InvalidRow {
        /// The table's name.
        table: &'static str,
        /// The column's name.
        column: &'static str,
        /// What is wrong and what to do.
        reason: &'static str,
    },

    /// The database refused this one row: a constraint, a type, or a size. The row's fault; the writer goes on.
    #[error("{table} refused the row; correct it and add it again")]
    Constraint {
        /// The table's name.
        table: &'static str,
        /// What the database said.
        source: DbErr,
    },

    /// An update found no row with its key. Nothing was written for it; the writer goes on.
    #[error("{table} has no row with this key; insert it first")]
    Missing {
        /// The table's name.
        table: &'static str,
    },

    /// A conditional update found its row, but not as it expected it. Nothing was written for it; the writer goes on.
    #[error("{table} has this row in another state than expected; read it again and decide anew")]
    Stale {
        /// The table's name.
        table: &'static str,
    },

    /// Others held the database, or it was out of reach, for longer than the writer retries. The writer has stopped.
    #[error(
        "{table} stayed locked or out of reach for {waited:?}; see the source: shorten the other transactions, bring \
         the database back, or raise retry_for"
    )]
    Busy {
        /// The table's name.
        table: &'static str,
        /// How long the writer tried.
        waited: Duration,
        /// What the database said last.
        source: DbErr,
    },

    /// The connection broke while a batch was being committed, and writing its rows again could write them twice. The
    /// writer has stopped, and has the rows of that batch for `take_unwritten` although they may be in the database.
    ///
    /// With a [`Spool`](crate::Spool) the writer looks it up and goes on. This then comes only if the database stayed
    /// out of reach, and the next writer with the spool looks it up.
    #[error(
        "the connection broke while rows of {table} were committed, so they may be there or not; look, or use \
         OnConflict::DoNothing with a key that is set, which makes it harmless to write them again"
    )]
    InDoubt {
        /// The table's name.
        table: &'static str,
        /// What the driver said.
        source: DbErr,
    },

    /// The disk, or the limit set on the database's size, is full. The writer has stopped.
    #[error("no space is left for {table}; free some, then write the unwritten rows again")]
    Full {
        /// The table's name.
        table: &'static str,
        /// What the database said.
        source: DbErr,
    },

    /// The table, or a column of it, is not in the database as the entity describes it. The writer has stopped.
    #[error("the database does not know {table} as its entity describes it; run the migrations first")]
    Schema {
        /// The table's name.
        table: &'static str,
        /// What the database said.
        source: DbErr,
    },

    /// The database failed in a way that another try would not mend. The writer has stopped.
    #[error("the database failed while {table} was written; see the source, then build a new writer")]
    Database {
        /// The table's name.
        table: &'static str,
        /// What the database said.
        source: DbErr,
    },

    /// So many refused rows wait to be collected that the writer has stopped.
    #[error("{limit} rejected rows wait to be collected; call flush or take_rejected, or set on_rejected")]
    Backlog {
        /// How many rejected rows a writer keeps.
        limit: usize,
    },

    /// A sink did not take refused rows, or could not be opened or read. Once a writer runs, it goes on, and the rows
    /// are handed back in memory.
    #[error(
        "the dead letters in {sink} cannot be reached; mend that, and collect rejected rows from the writer"
    )]
    DeadLetters {
        /// The file, or the table.
        sink: String,
        /// What the system or the database said.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },

    /// Another writer, of this process or another, has the spool. No writer was built.
    #[error("another writer has the spool in {}; give each writer its own, or close that one first", spool.display())]
    SpoolLocked {
        /// The spool's folder.
        spool: PathBuf,
    },

    /// A file of the spool is damaged in a way that a crash does not explain. Nothing was changed.
    #[error(
        "the spool's file {} is damaged at byte {offset}; put it back from a copy, or set quarantine to go on with          what is whole",
        file.display()
    )]
    SpoolDamaged {
        /// The file.
        file: PathBuf,
        /// Where in it the first damage is.
        offset: u64,
    },

    /// The spool's rows are not those of this writer: of another format, table, operation or columns. Nothing was
    /// changed.
    #[error(
        "the spool's file {} {reason}; write its rows with the program that made it, or move the spool away",
        file.display()
    )]
    SpoolForeign {
        /// The file.
        file: PathBuf,
        /// What does not fit.
        reason: String,
    },

    /// The spool could not be read or written: the disk is full, or worse. A writer that runs has stopped.
    #[error("the spool in {} failed; mend its disk, then build a new writer with it", file.display())]
    SpoolFailed {
        /// The spool's folder, or the file.
        file: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },

    /// A text is not a refused row of the entity.
    #[error("{place} is not a refused row of this entity: {reason}; see to it by hand")]
    Letter {
        /// The file and the line.
        place: String,
        /// What is wrong.
        reason: String,
    },

    /// The writer was closed; it takes no more rows.
    #[error("the writer is closed; build a new one")]
    Closed,

    /// The task that writes ended before its work was done: its runtime shut down, or an observer or callback
    /// panicked.
    #[error("the writing task ended early; close the writer before its runtime, and let no callback panic")]
    Stopped,
}

/// The kinds of [`Error`], for metrics and for `match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// See [`Error::Configuration`].
    Configuration,
    /// See [`Error::Unsupported`].
    Unsupported,
    /// See [`Error::InvalidRow`].
    InvalidRow,
    /// See [`Error::Constraint`].
    Constraint,
    /// See [`Error::Missing`].
    Missing,
    /// See [`Error::Stale`].
    Stale,
    /// See [`Error::Busy`].
    Busy,
    /// See [`Error::InDoubt`].
    InDoubt,
    /// See [`Error::Full`].
    Full,
    /// See [`Error::Schema`].
    Schema,
    /// See [`Error::Database`].
    Database,
    /// See [`Error::Backlog`].
    Backlog,
    /// See [`Error::DeadLetters`].
    DeadLetters,
    /// See [`Error::SpoolLocked`].
    SpoolLocked,
    /// See [`Error::SpoolDamaged`].
    SpoolDamaged,
    /// See [`Error::SpoolForeign`].
    SpoolForeign,
    /// See [`Error::SpoolFailed`].
    SpoolFailed,
    /// See [`Error::Letter`].
    Letter,
    /// See [`Error::Closed`].
    Closed,
    /// See [`Error::Stopped`].
    Stopped,
}

impl Error {
    /// The refusal of a database to which this build has no road.
    pub(crate) fn no_road(connection: &DatabaseConnection) -> Self {
        Self::Unsupported {
            what: format!("a {connection:?}"),
            remedy: "enable the feature of cofferdam-store that is named for its database: sqlite, postgres or mysql",
        }
    }

    /// The error's kind.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Configuration { .. } => ErrorKind::Configuration,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::InvalidRow { .. } => ErrorKind::InvalidRow,
            Self::Constraint { .. } => ErrorKind::Constraint,
            Self::Missing { .. } => ErrorKind::Missing,
            Self::Stale { .. } => ErrorKind::Stale,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::InDoubt { .. } => ErrorKind::InDoubt,
            Self::Full { .. } => ErrorKind::Full,
            Self::Schema { .. } => ErrorKind::Schema,
            Self::Database { .. } => ErrorKind::Database,
            Self::Backlog { .. } => ErrorKind::Backlog,
            Self::DeadLetters { .. } => ErrorKind::DeadLetters,
            Self::SpoolLocked { .. } => ErrorKind::SpoolLocked,
            Self::SpoolDamaged { .. } => ErrorKind::SpoolDamaged,
            Self::SpoolForeign { .. } => ErrorKind::SpoolForeign,
            Self::SpoolFailed { .. } => ErrorKind::SpoolFailed,
            Self::Letter { .. } => ErrorKind::Letter,
            Self::Closed => ErrorKind::Closed,
            Self::Stopped => ErrorKind::Stopped,
        }
    }

    /// Whether only the one row is at fault, so that the writer goes on.
    #[must_use]
    pub const fn is_row(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::InvalidRow | ErrorKind::Constraint | ErrorKind::Missing | ErrorKind::Stale
        )
    }
}

impl ErrorKind {
    /// The kind's name in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Unsupported => "unsupported",
            Self::InvalidRow => "invalid_row",
            Self::Constraint => "constraint",
            Self::Missing => "missing",
            Self::Stale => "stale",
            Self::Busy => "busy",
            Self::InDoubt => "in_doubt",
            Self::Full => "full",
            Self::Schema => "schema",
            Self::Database => "database",
            Self::Backlog => "backlog",
            Self::DeadLetters => "dead_letters",
            Self::SpoolLocked => "spool_locked",
            Self::SpoolDamaged => "spool_damaged",
            Self::SpoolForeign => "spool_foreign",
            Self::SpoolFailed => "spool_failed",
            Self::Letter => "letter",
            Self::Closed => "closed",
            Self::Stopped => "stopped",
        }
    }
}
