//! The registry that everything meets in.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::Error;
use crate::plain_text::plain_text;
use crate::process::Process;
use crate::register::{Register, labels};

/// A scrape of a large service renders in a few milliseconds; a tenth of a second is trouble.
const ENCODE_BUCKETS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5];

/// The metrics of one process. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Mutex<Registry>,
    /// The telemetry's own metrics, kept apart because they describe the rendering of the others.
    own: Registry,
    encode_duration: Histogram,
    series: Gauge,
    observers: Observers,
}

/// What was registered already, so that asking for an observer twice gives the same metrics.
#[derive(Default)]
pub(crate) struct Observers {
    #[cfg(feature = "heartbeat")]
    pub(crate) heartbeat: std::sync::OnceLock<crate::HeartbeatObserver>,
    #[cfg(feature = "optimize")]
    pub(crate) optimize: std::sync::OnceLock<crate::OptimizeObserver>,
    #[cfg(feature = "queue")]
    pub(crate) queue: std::sync::OnceLock<crate::QueueObserver>,
    #[cfg(feature = "sandbox")]
    pub(crate) sandbox: std::sync::OnceLock<crate::SandboxObserver>,
    #[cfg(feature = "store")]
    pub(crate) store: std::sync::OnceLock<crate::StoreObserver>,
}

impl Telemetry {
    /// The metrics of a process, with what is known of itself: `process_*`, `cofferdam_build_info` of this crate,
    /// and `cofferdam_telemetry_*`.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins to describe the metrics of a process.
    pub fn builder() -> TelemetryBuilder {
        TelemetryBuilder {
            components: vec![(env!("CARGO_PKG_NAME").to_owned(), env!("CARGO_PKG_VERSION").to_owned())],
        }
    }

    /// Renders everything as OpenMetrics text 1.0.0, ending in `# EOF`.
    ///
    /// It takes time in proportion to the number of series, and blocks nobody who reports events meanwhile.
    ///
    /// # Errors
    /// If the text cannot be written, which only a bug can do.
    pub fn encode(&self) -> Result<String, Error> {
        let begin = Instant::now();
        let mut text = String::new();
        encode_registry(&mut text, &self.registry())?;

        // The number of series includes its own metrics, whose number of lines does not depend on their values.
        let mut own = String::new();
        encode_registry(&mut own, &self.inner.own)?;
        let series = samples(&text).saturating_add(samples(&own));
        self.inner.series.set(i64::try_from(series).unwrap_or(i64::MAX));
        self.inner.encode_duration.observe(begin.elapsed().as_secs_f64());
        encode_registry(&mut text, &self.inner.own)?;
        encode_eof(&mut text)?;
        Ok(text)
    }

    /// Renders everything as Prometheus text format 0.0.4, for clients that do not read OpenMetrics.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_plain_text(&self) -> Result<String, Error> {
        Ok(plain_text(&self.encode()?))
    }

    #[allow(dead_code, reason = "without any observer's feature nothing else is registered")]
    pub(crate) fn observers(&self) -> &Observers {
        &self.inner.observers
    }

    // Registering only appends, so a poisoned lock is used on.
    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.inner.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("series", &self.inner.series.get()).finish_non_exhaustive()
    }
}

/// Describes a [`Telemetry`].
#[derive(Debug)]
#[must_use = "nothing is measured before build()"]
pub struct TelemetryBuilder {
    components: Vec<(String, String)>,
}

impl TelemetryBuilder {
    /// Shows a crate and its version in `cofferdam_build_info`, so that a mixture of versions in a fleet can be
    /// seen. Give the names of crates, of which a program has few.
    pub fn component(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        let (name, version) = (name.into(), version.into());
        self.components.retain(|(known, _)| *known != name);
        self.components.push((name, version));
        self
    }

    /// Makes the metrics.
    #[must_use]
    pub fn build(self) -> Telemetry {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process));
        let build_info = Register(&mut registry).gauge(
            "cofferdam_build_info",
            "Always 1: the crates of this program and the compiler of this one",
        );
        for (name, version) in &self.components {
            let rustc = env!("COFFERDAM_RUSTC");
            build_info
                .get_or_create(&labels([("crate", name), ("version", version), ("rustc", rustc)]))
                .set(1);
        }

        let mut own = Registry::default();
        let encode_duration = Histogram::new(ENCODE_BUCKETS.iter().copied());
        let help = "Time to render the metrics, the one under way included";
        own.register_with_unit(
            "cofferdam_telemetry_encode_duration",
            help,
            Unit::Seconds,
            encode_duration.clone(),
        );
        let series = Gauge::default();
        own.register("cofferdam_telemetry_series", "Samples in this exposition", series.clone());
        let inner = Inner {
            registry: Mutex::new(registry),
            own,
            encode_duration,
            series,
            observers: Observers::default(),
        };
        Telemetry { inner: Arc::new(inner) }
    }
}

fn samples(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}
