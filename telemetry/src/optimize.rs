//! What `cofferdam-optimize` tells, as metrics.

use std::fmt;
use std::sync::Arc;

use cofferdam_optimize::{FailureReason, Method, Observer, TrialEvent};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use crate::Telemetry;
use crate::register::{Labels, Register, labels};

/// From a closure on a few bars (tens of microseconds) to a sandboxed program that uses its whole minute.
const TRIAL_BUCKETS: &[f64] = &[
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

const METHODS: [Method; 2] = [Method::WalkForward, Method::MonteCarlo];

const REASONS: [FailureReason; 7] = [
    FailureReason::Rejected,
    FailureReason::Exception,
    FailureReason::Timeout,
    FailureReason::Resources,
    FailureReason::InvalidOutput,
    FailureReason::Cancelled,
    FailureReason::Platform,
];

/// Counts what the studies of a process do. Clones are cheap and count together.
#[derive(Clone)]
pub struct OptimizeObserver {
    methods: Arc<Methods>,
}

struct Methods {
    walk_forward: Study,
    monte_carlo: Study,
    failures: Family<Labels, Counter>,
}

/// The metrics of one method.
struct Study {
    trials: Counter,
    duration: Histogram,
    in_progress: Gauge,
}

impl Methods {
    /// A method that is younger than this crate is not counted, until it has its place here.
    const fn of(&self, method: Method) -> Option<&Study> {
        match method {
            Method::WalkForward => Some(&self.walk_forward),
            Method::MonteCarlo => Some(&self.monte_carlo),
            _ => None,
        }
    }
}

impl Telemetry {
    /// What counts the work of studies. One for all.
    #[must_use]
    pub fn optimize_observer(&self) -> OptimizeObserver {
        self.observers().optimize.get_or_init(|| OptimizeObserver::new(self)).clone()
    }
}

impl OptimizeObserver {
    fn new(telemetry: &Telemetry) -> Self {
        let mut registry = telemetry.registry();
        let mut register = Register(&mut registry);
        let trials = register
            .counter("cofferdam_optimize_trials", "Parameter sets that were tried, failed ones included");
        let failures = register
            .counter("cofferdam_optimize_trial_failures", "Parameter sets that could not be evaluated");
        for method in METHODS {
            for reason in REASONS {
                drop(failures.get_or_create(&failure_labels(method, reason.as_str())));
            }
        }
        let durations = register.histogram(
            "cofferdam_optimize_trial_duration",
            "Time that the evaluation of a parameter set took, where it was measured",
            Some(Unit::Seconds),
            TRIAL_BUCKETS,
        );
        let in_progress =
            register.gauge("cofferdam_optimize_runs_in_progress", "Studies that began and have not ended");
        let study = |method: Method| {
            let labels = labels([("method", method.as_str())]);
            Study {
                trials: trials.get_or_create_owned(&labels),
                duration: durations.get_or_create_owned(&labels),
                in_progress: in_progress.get_or_create_owned(&labels),
            }
        };
        let methods = Methods {
            walk_forward: study(Method::WalkForward),
            monte_carlo: study(Method::MonteCarlo),
            failures,
        };
        Self { methods: Arc::new(methods) }
    }
}

fn failure_labels(method: Method, reason: &str) -> Labels {
    labels([("method", method.as_str()), ("reason", reason)])
}

impl Observer for OptimizeObserver {
    fn began(&self, method: Method) {
        if let Some(study) = self.methods.of(method) {
            study.in_progress.inc();
        }
    }

    fn ended(&self, method: Method) {
        if let Some(study) = self.methods.of(method) {
            study.in_progress.dec();
        }
    }

    fn trial(&self, event: &TrialEvent) {
        let Some(study) = self.methods.of(event.method) else { return };
        study.trials.inc();
        if let Some(duration) = event.duration {
            study.duration.observe(duration.as_secs_f64());
        }
        if let Some(reason) = event.failure {
            self.methods.failures.get_or_create(&failure_labels(event.method, reason)).inc();
        }
    }
}

impl fmt::Debug for OptimizeObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptimizeObserver").finish_non_exhaustive()
    }
}
