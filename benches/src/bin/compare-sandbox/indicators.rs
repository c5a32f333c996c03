//! The indicators that the sandbox offers: compiled code of the host against the same in Python, both inside WASM.

use std::time::Instant;

use cofferdam_benches::Samples;
use cofferdam_sandbox::{Input, Limits, Program, Sandbox, Session, WasmSandbox};

use super::Problem;
use super::report::{Report, median};

/// Passes over the series in one call, so that what a call itself costs hardly counts.
const PASSES: usize = 10;

/// The program takes the compiled code away where it is told to: what remains is the reference in Python. A policy would
/// refuse that, so this sandbox runs programs that none has checked.
const SOURCE: &str = "
import cofferdam
from cofferdam import ema, rolling_max, rolling_mean, rolling_std

if params['reference']:
    cofferdam.__dict__['_compute'] = None
elif cofferdam.__dict__['_compute'] is None:
    raise RuntimeError('this backend has no compiled code')
close = data['close']
for _ in range(params['passes']):
    columns = [function(close, 50) for function in (rolling_mean, rolling_std, ema, rolling_max)]
result = [sum(column[49:]) for column in columns]
";

/// Measures and tells.
pub(super) async fn measure(rounds: usize, report: &mut Report) -> Result<(), Problem> {
    let sandbox = WasmSandbox::builder().allow_unchecked(true).build()?;
    let program = Program::unchecked(SOURCE);
    // A whole processor, so that no share is enforced by waiting.
    let limits = Limits::default().cpu(1.0);
    let close: Vec<f64> =
        (0..5000).map(|day| 100.0 + f64::from(day % 331) * 0.25 - f64::from(day % 17)).collect();
    let input = Input::new().series("close", close).param("passes", PASSES);
    let mut sides = Vec::new();
    for reference in [false, true] {
        let session = sandbox.open(&program, &limits).await?;
        sides.push((session, input.clone().param("reference", reference), Samples::new()));
    }
    for _ in 0..rounds {
        let mut answer = None;
        for (session, input, samples) in &mut sides {
            let start = Instant::now();
            let outcome = session.call(input).await;
            samples.add(start.elapsed() / PASSES as u32);
            let result = outcome.into_result()?;
            if answer.get_or_insert_with(|| result.clone()) != &result {
                return Err("the indicators differ between compiled code and Python".into());
            }
        }
    }
    report.heading("mean, deviation, EMA and maximum of 5,000 values");
    let mut medians = Vec::new();
    for ((_, _, samples), (name, field)) in
        sides.iter().zip([("compiled code", "helper_compiled"), ("pure Python", "helper_pure_python")])
    {
        report.times(name, field, samples);
        medians.push(median(samples));
    }
    let (compiled, pure) = (medians.first().copied().flatten(), medians.last().copied().flatten());
    report.ratio("  pure Python over compiled", "helper_ratio_vs_pure_python", pure, compiled);
    Ok(())
}
