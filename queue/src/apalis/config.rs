//! How apalis workers use a queue.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Backoff, Error, Label, Queue, Worker, WorkerBuilder};

/// How many tasks a worker holds by default: what other apalis backends fetch at once.
const DEFAULT_CONCURRENCY: usize = 10;

/// How often a task is attempted unless it says otherwise, as with other apalis backends.
const DEFAULT_MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::new(25).unwrap();

/// How often the worker's listeners hear a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How apalis workers use a queue.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[cfg_attr(docsrs, doc(cfg(feature = "apalis")))]
pub struct ApalisConfig {
    /// How many tasks a worker holds at once, running or next to run; 10 by default. An apalis worker runs all it is
    /// given at the same time unless a layer limits it, so this is its concurrency as well: with a limiting layer, set
    /// both alike, or tasks wait in the worker's hands while another could run them.
    pub concurrency: usize,
    /// Resource classes and the places for each, beside those above.
    pub classes: Vec<(Label, usize)>,
    /// How long a task stays with a worker without a sign of life.
    pub lease: Option<Duration>,
    /// How long failed tasks wait that have no back-off of their own.
    pub backoff: Option<Backoff>,
    /// How often a task is attempted that does not say so itself; 25 by default.
    pub max_attempts: NonZeroU32,
    /// How often the listeners of the worker hear a heartbeat; every 30 s by default.
    pub heartbeat: Duration,
}

impl Default for ApalisConfig {
    fn default() -> Self {
        Self {
            concurrency: DEFAULT_CONCURRENCY,
            classes: Vec::new(),
            lease: None,
            backoff: None,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            heartbeat: HEARTBEAT,
        }
    }
}

impl ApalisConfig {
    /// Sets how many tasks a worker holds at once.
    #[must_use]
    pub const fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks;
        self
    }

    /// Offers a resource class.
    #[must_use]
    pub fn class(mut self, class: Label, places: usize) -> Self {
        self.classes.push((class, places));
        self
    }

    /// Sets how long a task stays with a worker without a sign of life.
    #[must_use]
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Sets how long failed tasks wait.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Sets how often a task is attempted that does not say so itself.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Our worker for an apalis worker of this name.
    pub(super) fn worker(&self, queue: &Queue, name: &str) -> Result<Worker, Error> {
        let mut builder: WorkerBuilder =
            Worker::builder(queue.clone()).name(fitting(name)).concurrency(self.concurrency);
        for (class, places) in &self.classes {
            builder = builder.class(class.clone(), *places);
        }
        if let Some(lease) = self.lease {
            builder = builder.lease(lease);
        }
        if let Some(backoff) = self.backoff {
            builder = builder.backoff(backoff);
        }
        builder.build()
    }
}

/// A name that a worker of ours can have.
fn fitting(name: &str) -> String {
    let fit = |c: char| if c.is_control() || matches!(c, '{' | '}' | '#') { '-' } else { c };
    let mut name: String = name.chars().map(fit).collect();
    name.truncate(name.floor_char_boundary(crate::MAX_NAME_BYTES));
    if name.is_empty() { "worker".to_owned() } else { name }
}
