//! The document that a worker publishes.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::seconds;

/// What a worker says about itself, as it stands in the store.
///
/// The JSON has these fields in this order and no others; dashboards and scripts may rely on it:
///
/// ```json
/// {"worker_id":"worker-1#3f0e89b2c4d51a67","worker_name":"worker-1","timestamp":"2026-11-23T10:34:06.123Z",
///  "status":"processing","tasks_processed":17,"tasks_failed":2,"uptime_seconds":3600,
///  "current_task_id":"task-42","heartbeat_interval":10,"heartbeat_ttl":30}
/// ```
///
/// A reader skips fields that it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Heartbeat {
    /// The name, `#`, and a random epoch drawn when the publisher was built. A worker that is started again under
    /// its old name is thereby another worker and inherits nothing.
    pub worker_id: String,
    /// The name that the service gave.
    pub worker_name: String,
    /// When the document was written, by the worker's own clock: RFC 3339 in UTC with milliseconds.
    #[serde(with = "timestamp")]
    pub timestamp: SystemTime,
    /// Whether any task runs.
    pub status: Status,
    /// Tasks that ended since the start, well or badly.
    pub tasks_processed: u64,
    /// Those of [`tasks_processed`](Self::tasks_processed) that ended badly.
    pub tasks_failed: u64,
    /// Whole seconds since the publisher was built.
    pub uptime_seconds: u64,
    /// The task that runs; the longest-running one if there are several; `null` when idle.
    pub current_task_id: Option<String>,
    /// The time between two beats, in seconds.
    #[serde(with = "seconds")]
    pub heartbeat_interval: Duration,
    /// How long after its last beat a worker counts as dead, in seconds.
    #[serde(with = "seconds")]
    pub heartbeat_ttl: Duration,
}

impl Heartbeat {
    /// When the worker started, by its own clock.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        let uptime = Duration::from_secs(self.uptime_seconds);
        self.timestamp.checked_sub(uptime).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// No task runs.
    Idle,
    /// At least one task runs.
    Processing,
}

impl Status {
    /// The name that stands in the document, in metrics and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Processing => "processing",
        }
    }
}

mod timestamp {
    use std::time::SystemTime;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        // humantime refuses what lies before 1970 or after 9999, where only a broken clock can be: such a beat
        // must still go out, so it carries the epoch.
        let representable =
            time.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|d| d.as_secs() < YEAR_9999);
        let time = if representable { *time } else { SystemTime::UNIX_EPOCH };
        serializer.collect_str(&humantime::format_rfc3339_millis(time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map_err(D::Error::custom)
    }

    /// The first second of the year 9999, the last that humantime can write completely.
    const YEAR_9999: u64 = 253_370_764_800;
}
