//! A program that computes: in WebAssembly, in WebAssembly that counts instructions, and in native CPython.
//!
//! The native interpreter times the program itself, so its start does not count. In the sandbox the call counts as a
//! whole, which adds some tens of microseconds to tens of milliseconds.

use std::time::Instant;

use cofferdam_benches::Samples;
use cofferdam_sandbox::{Input, Limits, Policy, Sandbox, Session, WasmSandbox};

use super::Problem;
use super::python::Python;
use super::report::{Report, median};

/// Integers, comparisons, a list and a call in the innermost loop, as a strategy over prices has.
const SOURCE: &str = "
def step(state):
    return (state * 1103515245 + 12345) % 2147483648

def work():
    state, total, seen = 1, 0.0, [0] * 64
    for i in range(100_000):
        state = step(state)
        bucket = state >> 25
        seen[bucket] += 1
        if state & 1:
            total += i * 0.5
        else:
            total -= bucket
    return total + max(seen)

result = work()
";

/// Measures and tells.
pub(super) async fn measure(
    rounds: usize,
    python: &Result<Python, String>,
    report: &mut Report,
) -> Result<(), Problem> {
    let program = Policy::default().check(SOURCE)?;
    // A whole processor, so that no share is enforced by waiting.
    let limits = Limits::default().cpu(1.0);
    let plain = WasmSandbox::builder().build()?.open(&program, &limits).await?;
    let counted = WasmSandbox::builder().fuel(true).build()?.open(&program, &limits).await?;
    let mut ours = [(plain, Samples::new()), (counted, Samples::new())];
    let mut native = Samples::new();
    for _ in 0..rounds {
        let mut answer = None;
        if let Ok(python) = python {
            let (time, result) = python.time(SOURCE)?;
            native.add(time);
            answer = Some(result.parse::<f64>()?);
        }
        for (session, samples) in &mut ours {
            let start = Instant::now();
            let outcome = session.call(&Input::new()).await;
            samples.add_since(start);
            let result: f64 = outcome.into_value()?;
            if answer.is_some_and(|answer| answer != result) {
                return Err("the loop gives another result in the sandbox than in python3".into());
            }
        }
    }
    let [(_, plain), (_, counted)] = ours;
    report.heading("a loop of 100,000 steps");
    report.times("WASM", "loop_wasm", &plain);
    report.times("WASM, counting fuel", "loop_wasm_fuel", &counted);
    match python {
        Ok(_) => report.times("python3, without its start", "loop_native", &native),
        Err(reason) => report.no_times("python3, without its start", "loop_native", reason),
    }
    report.ratio("  WASM over native", "loop_ratio_wasm_native", median(&plain), median(&native));
    report.ratio("  with fuel over without", "loop_ratio_fuel", median(&counted), median(&plain));
    Ok(())
}
