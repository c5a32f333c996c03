//! What can go wrong with a queue, as sentences about the world.

use std::path::PathBuf;
use std::time::Duration;

use crate::TaskId;

/// The error of a backend, whose type stays out of this crate's signatures.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a call to a queue, a broker or a worker failed.
///
/// A failed call changed nothing, with one exception that every queue has: when the answer could not be read
/// ([`ErrorKind::Unavailable`]), the call may have taken effect. Repeating it is safe for tasks with an id that the
/// caller chose and for settlements, since both are recognised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name or an id cannot be used; the caller's to mend.
    #[error("the {what} {value:?} cannot be used: {problem}")]
    InvalidName {
        /// What was to be named.
        what: &'static str,
        /// The name, cut to a readable length.
        value: String,
        /// What is wrong and what would be right.
        problem: &'static str,
    },

    /// A setting is outside its range; the caller's to mend.
    #[error("{setting} is {value}, but {problem}")]
    InvalidSetting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// Which values are allowed.
        problem: &'static str,
    },

    /// A payload or a result is too large for a queue; keep the bulk elsewhere and queue a reference to it.
    #[error("{what} has {bytes} bytes, the limit is {limit}: keep the bulk elsewhere and queue a reference")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },

    /// A batch holds too many items for one trip; send it in parts.
    #[error("a batch of {count} {what} is over the limit of {limit}: send it in parts")]
    BatchTooLarge {
        /// What the batch is made of.
        what: &'static str,
        /// How many of them it holds.
        count: usize,
        /// How many it may hold.
        limit: usize,
    },

    /// The queue knows no task of that id: it was never enqueued here, or its record was forgotten.
    #[error("the queue holds no task {id}: it was never enqueued, or its record was forgotten")]
    UnknownTask {
        /// The id that was asked for.
        id: TaskId,
    },

    /// The queue holds as much as the caller's bound allows. Nothing was added.
    #[error(
        "the queue is full: {what} is {found}, the bound is {bound}: add workers, or try again in {retry_after:?}"
    )]
    QueueFull {
        /// What reached the bound.
        what: &'static str,
        /// Where it stands.
        found: String,
        /// The bound.
        bound: String,
        /// When it is worth trying again.
        retry_after: Duration,
    },

    /// The queue is being drained and takes no tasks. Nothing was added.
    #[error("the queue {queue} is being drained and takes no tasks: set it running again, or use another")]
    Draining {
        /// The queue's name.
        queue: String,
    },

    /// A task waits for one that the queue does not know in its group. Nothing was added.
    #[error(
        "task {task} waits for {dependency}, which its group does not hold: enqueue that one before it, or in the \
         same call"
    )]
    UnknownDependency {
        /// The task.
        task: TaskId,
        /// What it waits for.
        dependency: TaskId,
    },

    /// The file exists and is not an SQLite database. It was left as it is.
    #[error("{} is not an SQLite database and was left as it is: choose another path", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },

    /// The file is shorter than its own header says. It was left as it is.
    #[error(
        "{} is cut short, {found} of {expected} bytes, and was left as it is: restore it from a copy",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The bytes that its header promises.
        expected: u64,
        /// The bytes that are there.
        found: u64,
    },

    /// The database belongs to another application. It was left as it is.
    #[error(
        "{} belongs to another application (application_id {application_id:#010x}) and was left as it is: \
         choose another path",
        path.display()
    )]
    ForeignDatabase {
        /// The file.
        path: PathBuf,
        /// The id that the other application wrote.
        application_id: u32,
    },

    /// The queue in the file was written by a later version of this crate. It was left as it is.
    #[error(
        "the queue in {} has schema {found}, this program knows up to {supported}, and it was left as it is: \
         upgrade the program",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The latest version that this program knows.
        supported: i64,
    },

    /// The file cannot be opened at all; the source tells why.
    #[error("could not open {}: check that its folder exists and may be written", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Source,
    },

    /// The disk or the size allowed to the file is exhausted. Nothing of the call was written.
    #[error("the storage is full and nothing was written: free space, raise the limit or forget old results")]
    StorageFull {
        /// What the backend said.
        #[source]
        source: Source,
    },

    /// Another process held the file for longer than we wait. Nothing of the call was written.
    #[error("another process kept the file locked for more than {waited:?}: keep its transactions short")]
    Busy {
        /// How long we waited.
        waited: Duration,
        /// What the backend said.
        #[source]
        source: Source,
    },

    /// The storage failed; the source tells how.
    #[error("could not {action}")]
    Storage {
        /// What was being done.
        action: &'static str,
        /// What the backend said.
        #[source]
        source: Source,
    },

    /// The storage holds a value that this crate never writes; something else changed it.
    #[error("the storage holds an impossible {what}, so something else has written to the queue's tables")]
    Corrupt {
        /// Which value it is.
        what: &'static str,
    },

    /// A schedule cannot be read; the caller's to mend.
    #[error("the schedule {expression:?} cannot be used: {problem}")]
    InvalidSchedule {
        /// Its expression, cut to a readable length.
        expression: String,
        /// What is wrong and what would be right.
        problem: String,
    },

    /// A record was written by a later version of this crate.
    #[error("the record has version {found}, this program knows up to {supported}: upgrade the program")]
    NewerRecord {
        /// The version of the record.
        found: u8,
        /// The latest version that this program knows.
        supported: u8,
    },

    /// A record is not as this crate wrote it.
    #[error("the record is damaged, {problem}: restore it from a copy, or make it anew")]
    DamagedRecord {
        /// What is wrong with it.
        problem: &'static str,
    },

    /// The task was taken away from the run that asked: its lease ran out, or somebody cancelled the task.
    #[error("the lease of task {task} was taken back: end the run, its result would be dropped")]
    LeaseLost {
        /// The task.
        task: TaskId,
    },

    /// A worker stopped before the broker had taken all its settlements.
    #[error(
        "the broker did not take the endings of {tasks} tasks before the worker stopped: they will run again"
    )]
    Unsettled {
        /// How many tasks it concerns.
        tasks: usize,
    },

    /// The address of a server cannot be used; the caller's to mend.
    #[error("{url:?} is no address of a Redis: {problem}")]
    InvalidUrl {
        /// The address, without its password.
        url: String,
        /// What is wrong and what would be right.
        problem: String,
    },

    /// The server refused the user, its password or a command.
    #[error("{server} refused: {problem}; check user, password and ACL rules")]
    Refused {
        /// The server's address, without the password.
        server: String,
        /// What the server said.
        problem: String,
    },

    /// The server answers but cannot serve as a queue.
    #[error("{server} cannot hold a queue: {problem}")]
    Unfit {
        /// The server's address, without the password.
        server: String,
        /// What is wrong with it, and what to set.
        problem: String,
    },

    /// The server did not answer, or not well, until the deadline. The call may have taken effect.
    #[error("could not {action} within {waited:?}: {problem}")]
    Unanswered {
        /// What was being done.
        action: &'static str,
        /// How long it was tried.
        waited: Duration,
        /// What happened last.
        problem: String,
    },

    /// The call took effect, but fewer replicas than asked for confirmed it in time. Repeat it, by the same ids, until
    /// it is confirmed.
    #[error(
        "{confirmed} of {wanted} replicas confirmed within {waited:?}: repeat the call, or check the replicas"
    )]
    NotReplicated {
        /// How many replicas were to confirm.
        wanted: usize,
        /// How many did.
        confirmed: usize,
        /// How long was waited.
        waited: Duration,
    },

    /// The broker was closed, or its thread has ended.
    #[error("the broker is closed: open it again")]
    Closed,
}

/// The kinds of [`Error`], a closed list for metrics and for decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller's input cannot be accepted; repeating the call does not help.
    InvalidInput,
    /// What was asked for is not there.
    NotFound,
    /// The file cannot serve as a queue and was left as it is.
    UnusableFile,
    /// The server cannot serve as a queue, or not for this user.
    UnusableServer,
    /// The storage has no room, or the queue no place.
    Full,
    /// Others hold the storage; the call may be repeated.
    Busy,
    /// The storage failed; the call may be repeated, and may have taken effect.
    Unavailable,
    /// The broker was closed.
    Closed,
}

impl ErrorKind {
    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::NotFound => "not_found",
            Self::UnusableFile => "unusable_file",
            Self::UnusableServer => "unusable_server",
            Self::Full => "full",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::Closed => "closed",
        }
    }
}

impl Error {
    /// The kind of this error.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidName { .. }
            | Self::InvalidSetting { .. }
            | Self::TooLarge { .. }
            | Self::BatchTooLarge { .. }
            | Self::InvalidSchedule { .. }
            | Self::NewerRecord { .. }
            | Self::DamagedRecord { .. }
            | Self::InvalidUrl { .. } => ErrorKind::InvalidInput,
            Self::UnknownTask { .. } | Self::UnknownDependency { .. } | Self::LeaseLost { .. } => {
                ErrorKind::NotFound
            }
            Self::QueueFull { .. } => ErrorKind::Full,
            Self::Draining { .. } => ErrorKind::Closed,
            Self::NotADatabase { .. }
            | Self::CannotOpen { .. }
            | Self::Truncated { .. }
            | Self::ForeignDatabase { .. }
            | Self::NewerSchema { .. } => ErrorKind::UnusableFile,
            Self::StorageFull { .. } => ErrorKind::Full,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::Refused { .. } | Self::Unfit { .. } => ErrorKind::UnusableServer,
            Self::Storage { .. }
            | Self::Corrupt { .. }
            | Self::Unsettled { .. }
            | Self::Unanswered { .. }
            | Self::NotReplicated { .. } => ErrorKind::Unavailable,
            Self::Closed => ErrorKind::Closed,
        }
    }

    /// Whether the same call may succeed later without anybody changing it.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind(), ErrorKind::Full | ErrorKind::Busy | ErrorKind::Unavailable)
    }
}
