//! What `cofferdam-sandbox` tells, as metrics.

use std::fmt;
use std::sync::Arc;

use cofferdam_sandbox::{Fault, Finished, Observer, Reason, Refused, Started};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use crate::Telemetry;
use crate::names::Names;
use crate::register::{Labels, Register, SecondsCounter, labels};

/// From a script of two milliseconds to one that uses its whole minute.
const EXECUTION_BUCKETS: &[f64] =
    &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// From an interpreter out of a memory image (a millisecond) to one whose code is compiled first (tens of seconds).
const STARTUP_BUCKETS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

const MIB: f64 = 1_048_576.0;

/// Around the default limit of 256 MiB, finer below it.
const MEMORY_BUCKETS: &[f64] = &[
    8.0 * MIB,
    16.0 * MIB,
    32.0 * MIB,
    64.0 * MIB,
    96.0 * MIB,
    128.0 * MIB,
    192.0 * MIB,
    256.0 * MIB,
    512.0 * MIB,
    1_024.0 * MIB,
];

/// Counts what the sandboxes of a process do. Clones are cheap and count together.
#[derive(Clone)]
pub struct SandboxObserver {
    backends: Arc<Names<Backend>>,
}

/// The metrics of one backend.
struct Backend {
    /// The name under which it is shown.
    name: String,
    executions: Counter,
    failures: Family<Labels, Counter>,
    duration: Histogram,
    cold_start: Histogram,
    warm_start: Histogram,
    peak_memory: Histogram,
    cpu: SecondsCounter,
    busy: Gauge,
    idle: Gauge,
    teardown_failures: Counter,
    truncated: Counter,
}

impl Backend {
    fn failures(&self, reason: Reason, fault: Fault) -> Counter {
        let labels =
            [("backend", self.name.as_str()), ("reason", reason.as_str()), ("fault", fault.as_str())];
        self.failures.get_or_create_owned(&crate::register::labels(labels))
    }
}

impl Telemetry {
    /// What counts the work of sandboxes. One for all backends; those named here stand at 0 before their first
    /// event.
    #[must_use]
    pub fn sandbox_observer(&self, backends: &[&'static str]) -> SandboxObserver {
        let observer = self.observers().sandbox.get_or_init(|| SandboxObserver::new(self)).clone();
        for backend in backends {
            let _ = observer.backends.get(backend);
        }
        observer
    }
}

impl SandboxObserver {
    fn new(telemetry: &Telemetry) -> Self {
        let mut registry = telemetry.registry();
        let mut register = Register(&mut registry);
        let executions = register.counter(
            "cofferdam_sandbox_executions",
            "Calls that ended, well or badly, and programs that were refused before any",
        );
        let failures = register.counter(
            "cofferdam_sandbox_execution_failures",
            "Calls that failed and programs that were refused, why and by whose fault",
        );
        let duration = register.histogram(
            "cofferdam_sandbox_execution_duration",
            "Wall time of a call",
            Some(Unit::Seconds),
            EXECUTION_BUCKETS,
        );
        let startup = register.histogram(
            "cofferdam_sandbox_startup_duration",
            "Time from the request to an interpreter that is ready for the first call",
            Some(Unit::Seconds),
            STARTUP_BUCKETS,
        );
        let peak_memory = register.histogram(
            "cofferdam_sandbox_peak_memory",
            "The most memory that an interpreter held during a call",
            Some(Unit::Bytes),
            MEMORY_BUCKETS,
        );
        let cpu =
            register.seconds_counter("cofferdam_sandbox_cpu", "CPU time that calls used, where it is known");
        let slots = register.gauge("cofferdam_sandbox_slots", "Places for interpreters");
        let teardown_failures =
            register.counter("cofferdam_sandbox_teardown_failures", "Interpreters that could not be removed");
        let truncated = register
            .counter("cofferdam_sandbox_output_truncated", "Calls whose output was cut off at a limit");
        drop(registry);
        let backends = Arc::new(Names::new(move |name| {
            let set = labels([("backend", name)]);
            let start = |start| startup.get_or_create_owned(&labels([("backend", name), ("start", start)]));
            let slots = |state| slots.get_or_create_owned(&labels([("backend", name), ("state", state)]));
            let backend = Backend {
                name: name.to_owned(),
                executions: executions.get_or_create_owned(&set),
                failures: failures.clone(),
                duration: duration.get_or_create_owned(&set),
                cold_start: start("cold"),
                warm_start: start("warm"),
                peak_memory: peak_memory.get_or_create_owned(&set),
                cpu: cpu.get_or_create_owned(&set),
                busy: slots("busy"),
                idle: slots("idle"),
                teardown_failures: teardown_failures.get_or_create_owned(&set),
                truncated: truncated.get_or_create_owned(&set),
            };
            for reason in Reason::ALL {
                for fault in Fault::ALL {
                    backend.failures(reason, fault);
                }
            }
            backend
        }));
        Self { backends }
    }
}

impl Observer for SandboxObserver {
    fn started(&self, event: &Started) {
        let backend = self.backends.get(event.backend);
        let start = if event.cold { &backend.cold_start } else { &backend.warm_start };
        start.observe(event.duration.as_secs_f64());
    }

    /// Counts among the executions, so that no share of failures is above one, and has no duration and no memory.
    fn refused(&self, event: &Refused) {
        let backend = self.backends.get(event.backend);
        backend.executions.inc();
        backend.failures(event.reason, event.fault).inc();
    }

    fn finished(&self, event: &Finished) {
        let backend = self.backends.get(event.backend);
        backend.executions.inc();
        backend.duration.observe(event.duration.as_secs_f64());
        // A call that failed before it ran held nothing, and would pull every quantile down.
        if event.peak_memory > 0 {
            backend.peak_memory.observe(crate::gauges::count(event.peak_memory));
        }
        if let Some(cpu) = event.cpu {
            backend.cpu.inc_by(cpu.as_secs_f64());
        }
        if event.truncated {
            backend.truncated.inc();
        }
        if let Some((reason, fault)) = event.failure {
            backend.failures(reason, fault).inc();
        }
    }

    fn slots(&self, backend: &'static str, busy: u64, idle: u64) {
        let backend = self.backends.get(backend);
        backend.busy.set(i64::try_from(busy).unwrap_or(i64::MAX));
        backend.idle.set(i64::try_from(idle).unwrap_or(i64::MAX));
    }

    fn teardown_failed(&self, backend: &'static str) {
        self.backends.get(backend).teardown_failures.inc();
    }
}

impl fmt::Debug for SandboxObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxObserver").finish_non_exhaustive()
    }
}
