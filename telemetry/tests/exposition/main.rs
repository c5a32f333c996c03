//! What the crates really tell, read back by the reference parser and held against the table of all metrics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(feature = "heartbeat")]
mod heartbeat;
#[cfg(feature = "optimize")]
mod optimize;
#[cfg(feature = "queue")]
mod queue;
mod reference;
#[cfg(feature = "sandbox")]
mod sandbox;
#[cfg(feature = "store")]
mod store;

use std::collections::{BTreeMap, BTreeSet};

use cofferdam_telemetry::Telemetry;
use reference::{Family, parse};

/// Name as the reference parser tells it (a counter without its `_total`), type, unit, labels.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const OWN: &[Row] = &[
    ("cofferdam_build_info", "gauge", "", &["crate", "rustc", "version"]),
    ("cofferdam_telemetry_encode_duration_seconds", "histogram", "seconds", &[]),
    ("cofferdam_telemetry_series", "gauge", "", &[]),
];

#[cfg(target_os = "linux")]
const PROCESS: &[Row] = &[
    ("process_cpu_seconds", "counter", "seconds", &[]),
    ("process_open_fds", "gauge", "", &[]),
    ("process_resident_memory_bytes", "gauge", "bytes", &[]),
    ("process_start_time_seconds", "gauge", "seconds", &[]),
];
#[cfg(not(target_os = "linux"))]
const PROCESS: &[Row] = &[];

/// Reports real work to the telemetry, and tells which rows must be there afterwards.
async fn work(telemetry: &Telemetry) -> Vec<Row> {
    let mut rows = [OWN, PROCESS].concat();
    #[cfg(feature = "heartbeat")]
    rows.extend(heartbeat::work(telemetry).await);
    #[cfg(feature = "optimize")]
    rows.extend(optimize::work(telemetry));
    #[cfg(feature = "queue")]
    rows.extend(queue::work(telemetry).await);
    #[cfg(feature = "sandbox")]
    rows.extend(sandbox::work(telemetry).await);
    #[cfg(feature = "store")]
    rows.extend(store::work(telemetry).await);
    let _ = telemetry;
    rows.sort_unstable();
    rows
}

/// The labels of a family, without the bounds of a histogram's buckets.
fn labels(family: &Family) -> Vec<&str> {
    let names: BTreeSet<&str> =
        family.samples.iter().flat_map(|(_, labels, _)| labels.keys().map(String::as_str)).collect();
    names.into_iter().filter(|name| *name != "le").collect()
}

#[tokio::test]
async fn the_reference_parser_reads_every_metric_of_the_table_and_no_other() {
    let telemetry = Telemetry::new();
    let rows = work(&telemetry).await;
    let text = telemetry.encode().unwrap();
    let families = parse(&text, "openmetrics");

    let mut found: Vec<(&str, &str, &str, Vec<&str>)> = families
        .iter()
        .map(|family| (family.name.as_str(), family.r#type.as_str(), family.unit.as_str(), labels(family)))
        .collect();
    found.sort_unstable();
    let expected: Vec<(&str, &str, &str, Vec<&str>)> =
        rows.into_iter().map(|(name, kind, unit, labels)| (name, kind, unit, labels.to_vec())).collect();
    assert_eq!(found, expected);

    for family in &families {
        assert!(family.help.len() > 10 && family.help.ends_with('.'), "{}: {}", family.name, family.help);
        assert!(!family.help.ends_with(".."), "{}: {}", family.name, family.help);
        let sets: BTreeSet<_> = family
            .samples
            .iter()
            .map(|(_, labels, _)| labels.iter().filter(|(name, _)| *name != "le").collect::<Vec<_>>())
            .collect();
        assert!(sets.len() <= 100, "{} has {} label sets", family.name, sets.len());
    }

    // The parser counts every line with a value as a sample, and so must the telemetry.
    let samples: usize = families.iter().map(|family| family.samples.len()).sum();
    let series = families.iter().find(|family| family.name == "cofferdam_telemetry_series").unwrap();
    assert_eq!(series.samples[0].2, samples as f64);
}

#[tokio::test]
async fn the_older_text_format_says_the_same() {
    let telemetry = Telemetry::new();
    work(&telemetry).await;
    let values = |families: Vec<Family>| -> BTreeMap<String, f64> {
        let samples = families.into_iter().flat_map(|family| family.samples);
        let moving =
            |name: &str| name.starts_with("process_") || name.starts_with("cofferdam_telemetry_encode");
        samples
            .filter(|(name, _, _)| !moving(name))
            .map(|(name, labels, value)| (format!("{name}{labels:?}"), value))
            .collect()
    };
    let new = values(parse(&telemetry.encode().unwrap(), "openmetrics"));
    let plain = parse(&telemetry.encode_plain_text().unwrap(), "text");
    assert!(plain.iter().all(|family| family.r#type != "unknown"), "{plain:?}");
    assert_eq!(values(plain), new);
}

#[tokio::test]
async fn no_counter_ever_falls() {
    let telemetry = Telemetry::new();
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    for _ in 0..3 {
        work(&telemetry).await;
        let families = parse(&telemetry.encode().unwrap(), "openmetrics");
        let monotone =
            |name: &str| ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end));
        for (name, labels, value) in families.into_iter().flat_map(|family| family.samples) {
            // Each round of work has a store of workers of its own, so theirs begin anew.
            if monotone(&name) && !name.starts_with("cofferdam_heartbeat_worker_") {
                let key = format!("{name}{labels:?}");
                let before = last.insert(key.clone(), value).unwrap_or(0.0);
                assert!(value >= before, "{key}: {value} after {before}");
            }
        }
    }
    assert!(last.len() > 3);
}
