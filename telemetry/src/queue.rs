//! What `cofferdam-queue` tells, as metrics.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cofferdam_queue::{ErrorKind, Observer, Operation, OperationEvent, Priority, QueueStats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use crate::Telemetry;
use crate::gauges::{count, gauges, unix_seconds};
use crate::names::{MAX_NAMES, Names};
use crate::register::{Histograms, Labels, Register, labels};
use crate::snapshot::Snapshot;

/// From a task that finds a worker waiting, to one that waits for half an hour behind a backlog.
const WAIT_BUCKETS: &[f64] =
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0];

/// From a call in memory (tens of microseconds) over a disk's fsync to a failover that was waited for.
const OPERATION_BUCKETS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

const OPERATIONS: [Operation; 7] = [
    Operation::Enqueue,
    Operation::Claim,
    Operation::Ack,
    Operation::Nack,
    Operation::Renew,
    Operation::Reap,
    Operation::Stats,
];

const ERROR_KINDS: [ErrorKind; 7] = [
    ErrorKind::InvalidInput,
    ErrorKind::NotFound,
    ErrorKind::UnusableFile,
    ErrorKind::Full,
    ErrorKind::Busy,
    ErrorKind::Unavailable,
    ErrorKind::Closed,
];

/// Counts what the queues of a process do. Clones are cheap and count together.
#[derive(Clone)]
pub struct QueueObserver {
    queues: Arc<Names<Queue>>,
    operations: Arc<HashMap<Operation, Histogram>>,
    errors: Family<Labels, Counter>,
    stats: Arc<Stats>,
}

/// The metrics of one queue.
struct Queue {
    high: Events,
    normal: Events,
    low: Events,
}

impl Queue {
    const fn of(&self, priority: Priority) -> &Events {
        match priority {
            Priority::High => &self.high,
            Priority::Normal => &self.normal,
            Priority::Low => &self.low,
        }
    }
}

/// The metrics of one priority of one queue.
struct Events {
    enqueued: Counter,
    dequeued: Counter,
    acked: Counter,
    retried: Counter,
    lease_expired: Counter,
    dead_lettered: Counter,
    wait: Histogram,
}

impl Telemetry {
    /// What counts the work of queues; see [`cofferdam_queue::Queue::with_observer`]. One for all queues.
    #[must_use]
    pub fn queue_observer(&self) -> QueueObserver {
        self.observers().queue.get_or_init(|| QueueObserver::new(self)).clone()
    }

    /// Tells the state of a queue, which is shown for two minutes or until it is told again. Ask the queue for it
    /// every few seconds, in one process of those that share the queue.
    pub fn set_queue_stats(&self, queue: &str, stats: &QueueStats) {
        let observer = self.queue_observer();
        // The first state may come before the first event, and the counters shall stand at 0 then.
        let _ = observer.queues.get(queue);
        observer.stats.set(queue, *stats, Instant::now());
    }
}

impl QueueObserver {
    fn new(telemetry: &Telemetry) -> Self {
        let mut registry = telemetry.registry();
        let mut register = Register(&mut registry);
        let enqueued = register.counter("cofferdam_queue_enqueued", "Tasks that the queue accepted");
        let dequeued = register.counter("cofferdam_queue_dequeued", "Tasks that were handed to a worker");
        let acked =
            register.counter("cofferdam_queue_acked", "Tasks that ended well, with their result recorded");
        let retried = register.counter("cofferdam_queue_retried", "Tasks that failed and were put back");
        let lease_expired =
            register.counter("cofferdam_queue_lease_expired", "Leases that ran out, their tasks put back");
        let dead_lettered = register
            .counter("cofferdam_queue_dead_lettered", "Tasks that were given up and kept for inspection");
        let wait = register.histogram(
            "cofferdam_queue_wait",
            "Time from when a task was ready until a worker had it",
            Some(Unit::Seconds),
            WAIT_BUCKETS,
        );
        let durations = register.histogram(
            "cofferdam_queue_operation_duration",
            "Time that a call to the broker took, failed ones included",
            Some(Unit::Seconds),
            OPERATION_BUCKETS,
        );
        let errors = register.counter("cofferdam_queue_operation_errors", "Calls to the broker that failed");
        for operation in OPERATIONS {
            for kind in ERROR_KINDS {
                drop(errors.get_or_create(&error_labels(operation, kind)));
            }
        }
        let stats = Arc::new(Stats::default());
        registry.register_collector(Box::new(Arc::clone(&stats)));

        let events = move |queue: &str, priority: Priority| {
            let labels = labels([("queue", queue), ("priority", priority.as_str())]);
            Events {
                enqueued: enqueued.get_or_create_owned(&labels),
                dequeued: dequeued.get_or_create_owned(&labels),
                acked: acked.get_or_create_owned(&labels),
                retried: retried.get_or_create_owned(&labels),
                lease_expired: lease_expired.get_or_create_owned(&labels),
                dead_lettered: dead_lettered.get_or_create_owned(&labels),
                wait: wait.get_or_create_owned(&labels),
            }
        };
        let queues = Arc::new(Names::new(move |queue| Queue {
            high: events(queue, Priority::High),
            normal: events(queue, Priority::Normal),
            low: events(queue, Priority::Low),
        }));
        Self { queues, operations: Arc::new(by_operation(&durations)), errors, stats }
    }
}

fn by_operation(durations: &Histograms) -> HashMap<Operation, Histogram> {
    let of =
        |operation: Operation| durations.get_or_create_owned(&labels([("operation", operation.as_str())]));
    OPERATIONS.into_iter().map(|operation| (operation, of(operation))).collect()
}

fn error_labels(operation: Operation, kind: ErrorKind) -> Labels {
    labels([("operation", operation.as_str()), ("kind", kind.as_str())])
}

impl Observer for QueueObserver {
    fn enqueued(&self, queue: &str, priority: Priority, count: u64) {
        self.queues.get(queue).of(priority).enqueued.inc_by(count);
    }

    fn dequeued(&self, queue: &str, priority: Priority, wait: Duration) {
        let queue = self.queues.get(queue);
        queue.of(priority).dequeued.inc();
        queue.of(priority).wait.observe(wait.as_secs_f64());
    }

    fn acked(&self, queue: &str, priority: Priority) {
        self.queues.get(queue).of(priority).acked.inc();
    }

    fn retried(&self, queue: &str, priority: Priority) {
        self.queues.get(queue).of(priority).retried.inc();
    }

    fn lease_expired(&self, queue: &str, priority: Priority) {
        self.queues.get(queue).of(priority).lease_expired.inc();
    }

    fn dead_lettered(&self, queue: &str, priority: Priority) {
        self.queues.get(queue).of(priority).dead_lettered.inc();
    }

    fn operation(&self, event: &OperationEvent) {
        if let Some(duration) = self.operations.get(&event.operation) {
            duration.observe(event.duration.as_secs_f64());
        }
        if let Some(kind) = event.error {
            self.errors.get_or_create(&error_labels(event.operation, kind)).inc();
        }
    }
}

impl fmt::Debug for QueueObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueObserver").finish_non_exhaustive()
    }
}

/// The state of each queue as it was told last.
#[derive(Debug, Default)]
struct Stats(Mutex<HashMap<String, Snapshot<QueueStats>>>);

impl Stats {
    /// States of more queues than may have series are not added up: a sum over some of them would mislead.
    fn set(&self, queue: &str, stats: QueueStats, now: Instant) {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, stats| stats.fresh(now).is_some());
        if queues.len() < MAX_NAMES || queues.contains_key(queue) {
            queues.insert(queue.to_owned(), Snapshot::new(stats, now));
        }
    }

    /// The fresh ones, in the order of their names.
    fn get(&self, now: Instant) -> Vec<(String, QueueStats)> {
        let queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh =
            |(queue, stats): (&String, &Snapshot<QueueStats>)| Some((queue.clone(), *stats.fresh(now)?));
        let mut fresh: Vec<_> = queues.iter().filter_map(fresh).collect();
        fresh.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        fresh
    }
}

impl Collector for Stats {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let queues = self.get(Instant::now());
        let tasks = queues.iter().flat_map(|(queue, stats)| {
            Priority::ALL.into_iter().flat_map(move |priority| {
                let counts = stats.of(priority);
                let states = [
                    ("ready", counts.ready),
                    ("delayed", counts.delayed),
                    ("leased", counts.leased),
                    ("dead", counts.dead),
                ];
                states.map(|(state, tasks)| {
                    let labels =
                        [("queue", queue.as_str()), ("priority", priority.as_str()), ("state", state)];
                    (crate::register::labels(labels), count(tasks))
                })
            })
        });
        gauges(
            &mut encoder,
            ("cofferdam_queue_tasks", None, "Tasks in the queue, as it was told last."),
            tasks,
        )?;
        let oldest = queues.iter().flat_map(|(queue, stats)| {
            Priority::ALL.into_iter().filter_map(move |priority| {
                let since = unix_seconds(stats.of(priority).oldest_ready?);
                Some((labels([("queue", queue), ("priority", priority.as_str())]), since))
            })
        });
        let help = "Since when the oldest ready task has been ready; absent when none is ready.";
        gauges(&mut encoder, ("cofferdam_queue_oldest_ready_timestamp", Some(Unit::Seconds), help), oldest)
    }
}
