//! Tasks of which the queue holds one at a time.

use std::time::Duration;

use crate::Label;

/// Says that of all tasks with the same key the queue holds one at a time. Unlike an id, a key becomes free again.
///
/// ```
/// use std::time::Duration;
/// use cofferdam_queue::{Label, NewTask, Unique};
///
/// // However often prices change within a minute, one task scores them, with the latest payload.
/// let key = Label::new("score-prices")?;
/// let task = NewTask::new("prices of 10:34").unique(Unique::until_started(key).replacing()).delay(Duration::from_secs(60));
/// # let _ = task;
/// # Ok::<(), cofferdam_queue::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    pub(crate) key: Label,
    pub(crate) span: UniqueSpan,
    pub(crate) replace: bool,
}

/// For how long a task holds its unique key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UniqueSpan {
    Done,
    Started,
    For(Duration),
}

impl Unique {
    /// The task holds the key until it is done or dead.
    #[must_use]
    pub const fn until_done(key: Label) -> Self {
        Self { key, span: UniqueSpan::Done, replace: false }
    }

    /// The task holds the key until a worker first claims it.
    #[must_use]
    pub const fn until_started(key: Label) -> Self {
        Self { key, span: UniqueSpan::Started, replace: false }
    }

    /// The task holds the key for so long after its enqueue, at millisecond resolution, whatever becomes of it.
    #[must_use]
    pub const fn for_duration(key: Label, duration: Duration) -> Self {
        Self { key, span: UniqueSpan::For(duration), replace: false }
    }

    /// Whether a task, or a marker, which ends at once, still holds the key when its enqueue is over.
    pub(crate) const fn outlasts_enqueue(&self, is_marker: bool) -> bool {
        match self.span {
            UniqueSpan::For(duration) => duration.as_millis() > 0,
            UniqueSpan::Done | UniqueSpan::Started => !is_marker,
        }
    }

    /// A later task of the same key hands its payload to the one that holds the key, if that still waits, and
    /// restarts its delay if that has not passed. Without this the later one is dropped.
    #[must_use]
    pub const fn replacing(mut self) -> Self {
        self.replace = true;
        self
    }
}
