//! What `cofferdam-heartbeat` tells, as metrics.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use cofferdam_heartbeat::{Liveness, Observer, WorkerState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Unit;

use crate::Telemetry;
use crate::gauges::{count, counters, gauges, unix_seconds};
use crate::register::{Labels, labels};
use crate::slots::{Slot, Slots};
use crate::snapshot::Snapshot;

/// Shows what a monitor saw. Clones are cheap and show together.
///
/// Give it to one monitor of the process. The series disappear two minutes after the last round, so a monitor that
/// stopped or cannot reach its store shows no worker rather than old ones.
#[derive(Clone)]
pub struct HeartbeatObserver {
    workers: Arc<Workers>,
    reclaimed: Counter,
}

impl Telemetry {
    /// What shows the workers that a monitor sees; see [`cofferdam_heartbeat::MonitorBuilder::observer`].
    #[must_use]
    pub fn heartbeat_observer(&self) -> HeartbeatObserver {
        self.observers().heartbeat.get_or_init(|| HeartbeatObserver::new(self)).clone()
    }
}

impl HeartbeatObserver {
    fn new(telemetry: &Telemetry) -> Self {
        let workers = Arc::new(Workers::default());
        let reclaimed = Counter::default();
        let mut registry = telemetry.registry();
        registry.register_collector(Box::new(Arc::clone(&workers)));
        let help = "Tasks of dead workers that went back to the queue";
        registry.register("cofferdam_heartbeat_reclaimed_tasks", help, reclaimed.clone());
        Self { workers, reclaimed }
    }
}

impl Observer for HeartbeatObserver {
    fn observed(&self, workers: &[WorkerState]) {
        let of = |liveness| workers.iter().filter(|worker| worker.liveness == liveness).count() as u64;
        let counts = Liveness::ALL.map(|liveness| (liveness, of(liveness)));
        let mut state = self.workers.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts = Some(Snapshot::new(counts, Instant::now()));
        state.slots.update(workers);
    }

    fn reclaimed(&self, tasks: u64) {
        self.reclaimed.inc_by(tasks);
    }
}

impl fmt::Debug for HeartbeatObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeartbeatObserver").finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Workers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    counts: Option<Snapshot<[(Liveness, u64); 3]>>,
    slots: Slots,
}

impl Collector for Workers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(counts) = state.counts.as_ref().and_then(|counts| counts.fresh(Instant::now())) else {
            return Ok(());
        };
        let counts =
            counts.map(|(liveness, workers)| (labels([("state", liveness.as_str())]), count(workers)));
        gauges(
            &mut encoder,
            ("cofferdam_heartbeat_workers", None, "Workers by what the monitor thinks of them."),
            counts,
        )?;

        let each = |value: fn(&Slot) -> Option<f64>| -> Vec<(Labels, f64)> {
            let shown = state.slots.iter();
            shown.filter_map(|(label, slot)| Some((labels([("worker_id", label)]), value(slot)?))).collect()
        };
        let name = "cofferdam_heartbeat_worker";
        gauges(
            &mut encoder,
            (
                &format!("{name}_up"),
                None,
                "1 while the worker is not dead, 0 for ten minutes after its death.",
            ),
            each(|slot| Some(if slot.worker.liveness == Liveness::Dead { 0.0 } else { 1.0 })),
        )?;
        gauges(
            &mut encoder,
            (
                &format!("{name}_start_timestamp"),
                Some(Unit::Seconds),
                "When the worker started, in seconds since 1970.",
            ),
            each(|slot| slot.worker.started_at.map(unix_seconds)),
        )?;
        gauges(
            &mut encoder,
            (
                &format!("{name}_last_seen_timestamp"),
                Some(Unit::Seconds),
                "When the worker last beat, in seconds since 1970.",
            ),
            each(|slot| Some(unix_seconds(slot.worker.last_seen))),
        )?;
        counters(
            &mut encoder,
            (&format!("{name}_tasks"), None, "Tasks that the worker ended, well or badly."),
            each(|slot| Some(count(slot.processed()))),
        )?;
        counters(
            &mut encoder,
            (&format!("{name}_task_failures"), None, "Tasks that the worker ended badly."),
            each(|slot| Some(count(slot.failed()))),
        )
    }
}
