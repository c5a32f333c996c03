//! What can go wrong, whose fault it is, and what to do about it.

use std::fmt;
use std::time::Duration;

use crate::Rejection;

/// Why a program gave no result, or why it could not be run.
///
/// The variants are sentences about the world. [`Error::fault`] says who must act: the program's author
/// ([`Fault::User`]) or whoever runs the sandbox ([`Fault::Platform`]).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy refused the program before it ran.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The program was made with [`Program::unchecked`](crate::Program::unchecked), and this sandbox runs checked
    /// programs only.
    #[error(
        "the program was never checked by a policy: use Policy::check, or allow unchecked programs when the sandbox is built"
    )]
    Unchecked,
    /// The program needs a module that this backend's Python does not have.
    #[error(
        "the program imports `{module}`, which the {backend} backend does not have; it offers: {available}"
    )]
    MissingModule {
        /// The module's name.
        module: String,
        /// The backend's name.
        backend: &'static str,
        /// The modules that it has, separated by commas.
        available: String,
    },
    /// The program is not Python, by the interpreter's own judgement.
    #[error("the program is not valid Python{}: {message}", line_suffix(*.line))]
    Syntax {
        /// What the interpreter said.
        message: String,
        /// The line, counted from 1.
        line: Option<u32>,
    },
    /// The program raised an exception and did not catch it.
    #[error("the program raised {kind}{}: {message}", line_suffix(*.line))]
    Exception {
        /// The exception's class, for example `ValueError`.
        kind: String,
        /// The exception's text.
        message: String,
        /// The frames that lie in the program, as Python prints them.
        traceback: String,
        /// The innermost line of the program, counted from 1.
        line: Option<u32>,
    },
    /// The program did not end in the time that it was given.
    #[error("the program did not end within {} s of wall time", .limit.as_secs_f64())]
    Timeout {
        /// The limit on wall time.
        limit: Duration,
    },
    /// The program did not end within its budget of instructions.
    #[error("the program used up its {limit} units of fuel before it ended")]
    Fuel {
        /// The limit on fuel.
        limit: u64,
    },
    /// The program asked for more memory than it was given.
    #[error("the program needs more than its {limit} bytes of memory")]
    Memory {
        /// The limit on memory, in bytes.
        limit: u64,
    },
    /// The program's stack overflowed in a place where Python could not raise RecursionError.
    #[error("the program's stack overflowed: it recurses, or its data is nested, too deeply")]
    StackOverflow,
    /// The program printed and returned more than it may.
    #[error("the program printed and returned more than {limit} bytes")]
    Output {
        /// The limit on output, in bytes.
        limit: u64,
    },
    /// The program ended without a result, or with one that is not plain JSON.
    #[error("{message}")]
    InvalidResult {
        /// What is wrong with the result, where in it, and what to do.
        message: String,
    },
    /// The program broke its interpreter: it reached for the operating system, or made CPython abort.
    #[error("the program broke its interpreter, which was thrown away: {message}")]
    Crashed {
        /// What the interpreter's last act was.
        message: String,
    },
    /// The call was cancelled: its future was dropped, or the session closed while it ran.
    #[error("the call was cancelled")]
    Cancelled,
    /// An earlier call ended the session's interpreter.
    #[error("the session ended with an earlier call; open another")]
    SessionEnded,
    /// The input cannot be handed to a program.
    #[error("the input cannot be handed to the program: {message}")]
    InvalidInput {
        /// What is wrong with it.
        message: String,
    },
    /// A limit lies outside what the backend can enforce.
    #[error("the limit on {limit} cannot be enforced: {message}")]
    InvalidLimit {
        /// The limit's name, as in [`Limits`](crate::Limits).
        limit: &'static str,
        /// Why, and which values are possible.
        message: String,
    },
    /// The backend itself failed.
    #[error("the {backend} backend failed to {action}")]
    Backend {
        /// The backend's name.
        backend: &'static str,
        /// What it tried to do.
        action: &'static str,
        /// Why it could not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Cancelled
            | Self::SessionEnded
            | Self::Unchecked
            | Self::InvalidInput { .. }
            | Self::InvalidLimit { .. }
            | Self::Backend { .. } => Fault::Platform,
            _ => Fault::User,
        }
    }

    /// The reason as one word of a closed list.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Rejected(_) | Self::Unchecked | Self::MissingModule { .. } | Self::Syntax { .. } => {
                Reason::Rejected
            }
            Self::Exception { .. } | Self::StackOverflow | Self::Crashed { .. } => Reason::Exception,
            Self::Timeout { .. } | Self::Fuel { .. } => Reason::Timeout,
            Self::Memory { .. } => Reason::Memory,
            Self::Output { .. } | Self::InvalidResult { .. } => Reason::Output,
            Self::Cancelled => Reason::Cancelled,
            Self::SessionEnded
            | Self::InvalidInput { .. }
            | Self::InvalidLimit { .. }
            | Self::Backend { .. } => Reason::Backend,
        }
    }

    /// Whether the program (not the host) is to blame.
    #[must_use]
    pub fn is_user_fault(&self) -> bool {
        self.fault() == Fault::User
    }

    #[cfg(any(feature = "docker", feature = "wasm"))]
    pub(crate) fn backend(
        backend: &'static str,
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Backend { backend, action, source: source.into() }
    }
}

fn line_suffix(line: Option<u32>) -> String {
    line.map(|line| format!(" in line {line}")).unwrap_or_default()
}

/// Who must act on an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The program's author. Such errors are normal operation.
    User,
    /// Whoever runs the sandbox.
    Platform,
}

impl Fault {
    /// Every value.
    pub const ALL: [Self; 2] = [Self::User, Self::Platform];

    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Platform => "platform",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a program gave no result, as one word of a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The program was refused before it ran.
    Rejected,
    /// The program raised an exception or broke its interpreter.
    Exception,
    /// The program used up its time or its fuel.
    Timeout,
    /// The program used up its memory.
    Memory,
    /// The program printed or returned too much, nothing, or what is not JSON.
    Output,
    /// The call was cancelled.
    Cancelled,
    /// The backend failed.
    Backend,
}

impl Reason {
    /// Every value.
    pub const ALL: [Self; 7] = [
        Self::Rejected,
        Self::Exception,
        Self::Timeout,
        Self::Memory,
        Self::Output,
        Self::Cancelled,
        Self::Backend,
    ];

    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Exception => "exception",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Cancelled => "cancelled",
            Self::Backend => "backend",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
