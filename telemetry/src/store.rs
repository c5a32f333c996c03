//! What `cofferdam-store` tells, as metrics.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cofferdam_store::{ErrorKind, Flushed, Observer, Trigger};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use crate::Telemetry;
use crate::gauges::unix_seconds;
use crate::names::Names;
use crate::register::{FloatGauge, Labels, Register, SecondsCounter, labels};

/// From a small batch in an embedded database to one that waits behind a lock.
const FLUSH_BUCKETS: &[f64] =
    &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// From a lonely row after the linger time, to the largest batch that a writer would send at once.
const ROWS_BUCKETS: &[f64] =
    &[1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0, 50_000.0];

const TRIGGERS: [Trigger; 6] =
    [Trigger::Rows, Trigger::Bytes, Trigger::Flush, Trigger::Linger, Trigger::Shutdown, Trigger::Replay];

/// The kinds with which a flush can fail.
const FLUSH_ERROR_KINDS: [ErrorKind; 6] = [
    ErrorKind::Constraint,
    ErrorKind::Busy,
    ErrorKind::InDoubt,
    ErrorKind::Full,
    ErrorKind::Schema,
    ErrorKind::Database,
];

/// Counts what the writers of a process do. Clones are cheap and count together.
#[derive(Clone)]
pub struct StoreObserver {
    tables: Arc<Names<Table>>,
}

/// The metrics of one table.
struct Table {
    /// The name under which it is shown.
    name: String,
    rows_written: Counter,
    rejected: Counter,
    flush_duration: Histogram,
    batch_rows: Histogram,
    buffered: Gauge,
    capacity: Gauge,
    waited: SecondsCounter,
    last_flush: FloatGauge,
    flushes: Family<Labels, Counter>,
    failures: Family<Labels, Counter>,
}

impl Table {
    fn flushes(&self, trigger: Trigger) -> Counter {
        let trigger = match trigger {
            // What a writer calls its setting, and what dashboards call the cause.
            Trigger::Linger => "interval",
            other => other.as_str(),
        };
        self.flushes.get_or_create_owned(&labels([("table", &self.name), ("trigger", trigger)]))
    }

    fn failures(&self, kind: ErrorKind) -> Counter {
        self.failures.get_or_create_owned(&labels([("table", &self.name), ("kind", kind.as_str())]))
    }
}

impl Telemetry {
    /// What counts the work of writers. One for all tables.
    #[must_use]
    pub fn store_observer(&self) -> StoreObserver {
        self.observers().store.get_or_init(|| StoreObserver::new(self)).clone()
    }
}

impl StoreObserver {
    fn new(telemetry: &Telemetry) -> Self {
        let mut registry = telemetry.registry();
        let mut register = Register(&mut registry);
        let rows_written = register.counter(
            "cofferdam_store_rows_written",
            "Rows that were committed, without those that were rejected or skipped",
        );
        let flushes =
            register.counter("cofferdam_store_flushes", "Batches sent to the database, failed ones included");
        let failures = register.counter(
            "cofferdam_store_flush_failures",
            "Batches that the database did not take; busy ones are tried again",
        );
        let rejected =
            register.counter("cofferdam_store_rejected_rows", "Rows that the database rejected one by one");
        let flush_duration = register.histogram(
            "cofferdam_store_flush_duration",
            "Time that the database took for a batch, failed ones included",
            Some(Unit::Seconds),
            FLUSH_BUCKETS,
        );
        let batch_rows = register.histogram(
            "cofferdam_store_batch_rows",
            "Rows in a batch sent to the database",
            None,
            ROWS_BUCKETS,
        );
        let buffered = register.gauge("cofferdam_store_buffered_rows", "Rows that wait in memory");
        let capacity = register.gauge("cofferdam_store_buffer_capacity_rows", "Rows that may wait in memory");
        let waited = register.seconds_counter(
            "cofferdam_store_add_wait",
            "Time that calls waited because the buffer was full",
        );
        let last_flush = register.seconds_gauge(
            "cofferdam_store_last_flush_timestamp",
            "When a batch was last written, in seconds since 1970; 0 before the first",
        );
        drop(registry);
        let tables = Arc::new(Names::new(move |name| {
            let set = labels([("table", name)]);
            let table = Table {
                name: name.to_owned(),
                rows_written: rows_written.get_or_create_owned(&set),
                rejected: rejected.get_or_create_owned(&set),
                flush_duration: flush_duration.get_or_create_owned(&set),
                batch_rows: batch_rows.get_or_create_owned(&set),
                buffered: buffered.get_or_create_owned(&set),
                capacity: capacity.get_or_create_owned(&set),
                waited: waited.get_or_create_owned(&set),
                last_flush: last_flush.get_or_create_owned(&set),
                flushes: flushes.clone(),
                failures: failures.clone(),
            };
            for trigger in TRIGGERS {
                table.flushes(trigger);
            }
            for kind in FLUSH_ERROR_KINDS {
                table.failures(kind);
            }
            table
        }));
        Self { tables }
    }
}

impl Observer for StoreObserver {
    fn flushed(&self, event: &Flushed<'_>) {
        let table = self.tables.get(event.table);
        table.flushes(event.trigger).inc();
        table.flush_duration.observe(event.duration.as_secs_f64());
        table.batch_rows.observe(crate::gauges::count(event.rows));
        // A flush that failed may have committed a part of its batch.
        table.rows_written.inc_by(event.written);
        match event.error {
            Some(kind) => {
                table.failures(kind).inc();
            }
            None => {
                table.last_flush.set(unix_seconds(SystemTime::now()));
            }
        }
    }

    fn buffered(&self, table: &str, rows: u64, capacity: u64) {
        let table = self.tables.get(table);
        table.buffered.set(i64::try_from(rows).unwrap_or(i64::MAX));
        table.capacity.set(i64::try_from(capacity).unwrap_or(i64::MAX));
    }

    fn waited(&self, table: &str, time: Duration) {
        self.tables.get(table).waited.inc_by(time.as_secs_f64());
    }

    fn rejected(&self, table: &str, rows: u64) {
        self.tables.get(table).rejected.inc_by(rows);
    }
}

impl fmt::Debug for StoreObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreObserver").finish_non_exhaustive()
    }
}
