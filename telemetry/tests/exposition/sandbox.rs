//! A real interpreter, and programs that behave and do not.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use cofferdam_sandbox::{
    Error, Fault, Input, Limits, Outcome, Policy, Program, Reason, Sandbox, WasmSandbox,
};
use cofferdam_telemetry::Telemetry;

use crate::Row;
use crate::reference::parse;

/// One call that ends well, one exception, one timeout, one whose output is cut off, and three programs that are refused.
pub(crate) async fn work(telemetry: &Telemetry) -> &'static [Row] {
    let sandbox = WasmSandbox::builder()
        .slots(NonZeroUsize::new(2).unwrap())
        .observer(Arc::new(telemetry.sandbox_observer(&["wasm"])))
        .build()
        .unwrap();
    let limits = Limits::default().cpu(1.0);
    let good = run(&sandbox, "result = 6 * 7", &limits).await;
    assert_eq!(good.into_value::<u32>().unwrap(), 42);
    let raised = run(&sandbox, "result = 1 / 0", &limits).await;
    assert!(matches!(raised.result, Err(Error::Exception { .. })), "{raised:?}");
    let brief = limits.clone().wall(Duration::from_millis(200));
    let endless = run(&sandbox, "while True: pass", &brief).await;
    assert!(matches!(endless.result, Err(Error::Timeout { .. })), "{endless:?}");
    let cut = run(&sandbox, "print('x' * 100_000)\nresult = 1", &limits.output(1_000)).await;
    assert!(cut.truncated, "{cut:?}");
    for program in [Program::unchecked("result = 1"), Policy::default().check("import numpy").unwrap()] {
        sandbox.run(&program, &Input::new(), &Limits::default()).await.unwrap_err();
    }
    let program = Policy::default().check("result = 1").unwrap();
    sandbox.run(&program, &Input::new(), &Limits::default().cpu(0.0)).await.unwrap_err();
    &[
        ("cofferdam_sandbox_cpu_seconds", "counter", "seconds", &["backend"]),
        ("cofferdam_sandbox_execution_duration_seconds", "histogram", "seconds", &["backend"]),
        ("cofferdam_sandbox_execution_failures", "counter", "", &["backend", "fault", "reason"]),
        ("cofferdam_sandbox_executions", "counter", "", &["backend"]),
        ("cofferdam_sandbox_output_truncated", "counter", "", &["backend"]),
        ("cofferdam_sandbox_peak_memory_bytes", "histogram", "bytes", &["backend"]),
        ("cofferdam_sandbox_slots", "gauge", "", &["backend", "state"]),
        ("cofferdam_sandbox_startup_duration_seconds", "histogram", "seconds", &["backend", "start"]),
        ("cofferdam_sandbox_teardown_failures", "counter", "", &["backend"]),
    ]
}

/// Checks the program and runs it. On a busy machine even loading it may take longer than the brief limit; then it has
/// not run, and is tried again.
async fn run(sandbox: &WasmSandbox, source: &str, limits: &Limits) -> Outcome {
    let program = Policy::default().check(source).unwrap();
    for _ in 0..50 {
        match sandbox.run(&program, &Input::new(), limits).await {
            Err(Error::Timeout { .. }) => {}
            outcome => return outcome.unwrap(),
        }
    }
    panic!("the program was never loaded in time");
}

/// Every sample of the telemetry by its name and labels.
fn samples(telemetry: &Telemetry) -> BTreeMap<(String, BTreeMap<String, String>), f64> {
    let families = parse(&telemetry.encode().unwrap(), "openmetrics");
    let samples = families.into_iter().flat_map(|family| family.samples);
    samples.map(|(name, labels, value)| ((name, labels), value)).collect()
}

fn key(name: &str, labels: &[(&str, &str)]) -> (String, BTreeMap<String, String>) {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    (format!("cofferdam_sandbox_{name}"), labels.collect())
}

#[tokio::test]
async fn every_end_of_a_call_is_counted_once_and_under_its_reason() {
    let telemetry = Telemetry::new();
    work(&telemetry).await;
    let samples = samples(&telemetry);
    let value = |name: &str| samples[&key(name, &[("backend", "wasm")])];
    let failures = |reason: Reason, fault: Fault| {
        let labels = [("backend", "wasm"), ("reason", reason.as_str()), ("fault", fault.as_str())];
        samples[&key("execution_failures_total", &labels)]
    };
    // On a busy machine the program with the brief limit may be refused some times before, see `run`.
    let late = failures(Reason::Timeout, Fault::User) - 1.0;
    assert!((0.0..50.0).contains(&late), "{late}");
    assert_eq!(value("executions_total"), 7.0 + late);
    assert_eq!(value("output_truncated_total"), 1.0);
    assert_eq!(value("teardown_failures_total"), 0.0);

    for reason in Reason::ALL {
        for fault in Fault::ALL {
            let expected = match (reason, fault) {
                (Reason::Timeout, Fault::User) => 1.0 + late,
                (Reason::Exception | Reason::Output, Fault::User) => 1.0,
                // A module that is not there; a program that was never checked, and a limit that makes no sense.
                (Reason::Rejected, _) | (Reason::Backend, Fault::Platform) => 1.0,
                _ => 0.0,
            };
            assert_eq!(failures(reason, fault), expected, "{reason} by {fault}");
        }
    }

    assert_eq!(value("execution_duration_seconds_count"), 4.0);
    assert!(value("execution_duration_seconds_sum") >= 0.2, "one call used its 200 ms");
    let bucket =
        |bound| samples[&key("execution_duration_seconds_bucket", &[("backend", "wasm"), ("le", bound)])];
    assert!(bucket("0.1") <= 3.0, "the call of 200 ms stands among those of 100 ms");
    assert_eq!(value("peak_memory_bytes_count"), 4.0);
    // An interpreter alone holds more than ten megabytes.
    assert!(value("peak_memory_bytes_sum") >= 4.0 * 10e6);
    assert!(value("cpu_seconds_total") > 0.0);
    let started =
        |start| samples[&key("startup_duration_seconds_count", &[("backend", "wasm"), ("start", start)])];
    assert_eq!(started("warm"), 4.0);
    // Cold is a start that had to compile, so it depends on whether this machine has done so before.
    assert!(started("cold") <= 1.0);
    let slots = |state| samples[&key("slots", &[("backend", "wasm"), ("state", state)])];
    assert_eq!(slots("busy") + slots("idle"), 2.0);
}

#[test]
fn every_reason_and_fault_of_a_named_backend_stands_at_0_before_the_first_call() {
    let telemetry = Telemetry::new();
    let _observer = telemetry.sandbox_observer(&["docker", "wasm"]);
    let samples = samples(&telemetry);
    let told = samples.iter().filter(|((name, _), _)| name == "cofferdam_sandbox_execution_failures_total");
    assert_eq!(told.count(), 2 * Reason::ALL.len() * Fault::ALL.len());
    for backend in ["docker", "wasm"] {
        for reason in Reason::ALL {
            for fault in Fault::ALL {
                let labels = [("backend", backend), ("reason", reason.as_str()), ("fault", fault.as_str())];
                assert_eq!(samples[&key("execution_failures_total", &labels)], 0.0);
            }
        }
        for name in
            ["executions_total", "output_truncated_total", "teardown_failures_total", "cpu_seconds_total"]
        {
            assert_eq!(samples[&key(name, &[("backend", backend)])], 0.0);
        }
    }
}
