//! The one place where metrics get their names, units and types.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Label names and values, in the order in which they are shown. An observer builds them once for each label set
/// and keeps the metric behind it, so no event pays for them.
pub(crate) type Labels = Vec<(&'static str, String)>;

pub(crate) type SecondsCounter = Counter<f64, AtomicU64>;
pub(crate) type FloatGauge = Gauge<f64, AtomicU64>;

pub(crate) fn labels<const N: usize>(pairs: [(&'static str, &str); N]) -> Labels {
    pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

/// Makes histograms with the same buckets for every label set.
#[derive(Clone)]
pub(crate) struct Buckets(pub(crate) &'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

pub(crate) type Histograms = Family<Labels, Histogram, Buckets>;

/// Registers families. A name is given without its unit and without `_total`; both are appended.
pub(crate) struct Register<'a>(pub(crate) &'a mut Registry);

impl Register<'_> {
    pub(crate) fn counter(&mut self, name: &str, help: &str) -> Family<Labels, Counter> {
        let family = Family::default();
        self.0.register(name, help, family.clone());
        family
    }

    pub(crate) fn seconds_counter(&mut self, name: &str, help: &str) -> Family<Labels, SecondsCounter> {
        let family = Family::default();
        self.0.register_with_unit(name, help, Unit::Seconds, family.clone());
        family
    }

    pub(crate) fn gauge(&mut self, name: &str, help: &str) -> Family<Labels, Gauge> {
        let family = Family::default();
        self.0.register(name, help, family.clone());
        family
    }

    pub(crate) fn seconds_gauge(&mut self, name: &str, help: &str) -> Family<Labels, FloatGauge> {
        let family = Family::default();
        self.0.register_with_unit(name, help, Unit::Seconds, family.clone());
        family
    }

    pub(crate) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        buckets: &'static [f64],
    ) -> Histograms {
        let family = Family::new_with_constructor(Buckets(buckets));
        match unit {
            Some(unit) => self.0.register_with_unit(name, help, unit, family.clone()),
            None => self.0.register(name, help, family.clone()),
        }
        family
    }
}
