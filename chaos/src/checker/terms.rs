//! What a run is held to.

use std::time::Duration;

/// What the queue promises about that which it has acknowledged, when a master is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// An acknowledged task is there until it is finished.
    pub keeps_tasks: bool,
    /// An acknowledged end of a task stands.
    pub keeps_ends: bool,
}

impl Promise {
    /// Nothing that was acknowledged is ever lost.
    pub const FULL: Self = Self { keeps_tasks: true, keeps_ends: true };

    /// What was acknowledged may be lost together with a master, and in no other way.
    pub const NONE: Self = Self { keeps_tasks: false, keeps_ends: false };
}

/// The terms of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What is promised.
    pub promise: Promise,
    /// How long a call to the queue may take.
    pub deadline: Duration,
    /// How much longer it may take on a machine that is busy with the run itself.
    pub grace: Duration,
    /// How soon after its promotion a new master must have served a client.
    pub back_within: Duration,
}
