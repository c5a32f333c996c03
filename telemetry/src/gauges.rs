//! Series that are written at the moment of the scrape.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::register::Labels;

/// Writes one gauge with a value for each label set. Nothing is written without a value, not even the description.
pub(crate) fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    description: Description<'_>,
    values: impl IntoIterator<Item = (Labels, f64)>,
) -> fmt::Result {
    constants(encoder, description, MetricType::Gauge, values, ConstGauge::new)
}

/// Writes one counter likewise; its name is given without `_total`.
pub(crate) fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    description: Description<'_>,
    values: impl IntoIterator<Item = (Labels, f64)>,
) -> fmt::Result {
    constants(encoder, description, MetricType::Counter, values, ConstCounter::new)
}

/// Name, unit and help text.
type Description<'a> = (&'a str, Option<Unit>, &'a str);

fn constants<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, unit, help): Description<'_>,
    kind: MetricType,
    values: impl IntoIterator<Item = (Labels, f64)>,
    constant: impl Fn(f64) -> M,
) -> fmt::Result {
    let mut values = values.into_iter().peekable();
    if values.peek().is_none() {
        return Ok(());
    }
    let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
    for (labels, value) in values {
        constant(value).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Seconds since 1970, as Prometheus writes moments.
#[cfg(any(feature = "heartbeat", feature = "queue", feature = "store"))]
pub(crate) fn unix_seconds(time: std::time::SystemTime) -> f64 {
    time.duration_since(std::time::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A count as the floating-point number that Prometheus stores anyway; exact below 2^53.
#[allow(clippy::cast_precision_loss, reason = "Prometheus stores every sample as a 64-bit float")]
pub(crate) const fn count(value: u64) -> f64 {
    value as f64
}
