//! What programs get beyond Python: indicators in compiled code.

use cofferdam_sandbox::{Error, Input};
use serde_json::{Value, json};

use super::{limits, run, run_with};

/// Calls every indicator twice, in compiled code and in Python, and tells where the bits differ.
const BOTH_WAYS: &str = r#"
import cofferdam

ours = cofferdam.__dict__
compute = ours["_compute"]
assert compute is not None
first, second, window = data["first"], data["second"], params["window"]
calls = {
    "rolling_mean": (first, window),
    "rolling_std": (first, window + 1),
    "rolling_min": (first, window),
    "rolling_max": (first, window),
    "ema": (first, window),
    "returns": (first,),
    "crossings": (first, second),
}
result = {}
for name, arguments in calls.items():
    ours["_compute"] = compute
    fast = ours[name](*arguments)
    ours["_compute"] = None
    slow = ours[name](*arguments)
    assert len(fast) == len(first)
    result[name] = fast.tobytes() == slow.tobytes()
"#;

/// The same series for every test, made by a small generator so that nothing depends on a library's random numbers.
fn walk(length: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut price = 100.0;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            price += (state % 2001) as f64 / 1000.0 - 1.0;
            match state % 97 {
                0 => f64::NAN,
                1 => f64::INFINITY,
                2 => price * 1e9,
                3 => -0.0,
                4 => 0.0,
                _ => price,
            }
        })
        .collect()
}

#[tokio::test]
async fn an_indicator_is_the_same_to_the_bit_in_compiled_code_and_in_python() {
    for (length, window) in [(0, 1), (1, 1), (2, 5), (300, 1), (300, 7), (2000, 20), (2000, 1999)] {
        let input = Input::new()
            .param("window", window)
            .series("first", walk(length, 1))
            .series("second", walk(length, 2));
        let outcome = run_with(BOTH_WAYS, &input, &limits()).await;
        for (name, equal) in outcome.result.unwrap().as_object().unwrap() {
            assert_eq!(*equal, Value::Bool(true), "{name} of {length} values, window {window}");
        }
    }
}

#[tokio::test]
async fn indicators_say_what_they_are_documented_to_say() {
    let source = "import cofferdam as c
x = [1, 2, 4, 7, 11, 16]
up = [0, 2, 0, 0, 3, 3]
f = lambda column: [None if v != v else round(v, 9) for v in column]
result = [f(c.rolling_mean(x, 3)), f(c.rolling_std(x, 3)), f(c.rolling_min(x[::-1], 2)), f(c.rolling_max(x, 2)),
    f(c.ema(x, 3)), f(c.returns([4, 5, 0, 5])), f(c.crossings(up, [1] * 6)), f(c.rolling_mean([1, float('nan'), 3, 5], 2))]";
    assert_eq!(
        run(source).await.result.unwrap(),
        json!([
            [null, null, 2.333333333, 4.333333333, 7.333333333, 11.333333333],
            [null, null, 1.527525232, 2.516611478, 3.511884584, 4.509249753],
            [null, 11.0, 7.0, 4.0, 2.0, 1.0],
            [null, 2.0, 4.0, 7.0, 11.0, 16.0],
            [1.0, 1.5, 2.75, 4.875, 7.9375, 11.96875],
            [null, 0.25, -1.0, null],
            [0.0, 1.0, -1.0, 0.0, 1.0, 0.0],
            [null, null, null, 4.0]
        ])
    );
}

#[tokio::test]
async fn a_wrong_argument_of_an_indicator_is_an_exception_with_a_reason() {
    for (call, expected) in [
        ("rolling_mean([1.0], 0)", "a window is at least 1"),
        ("rolling_std([1.0], 1)", "a window is at least 2"),
        ("rolling_min([1.0], 2.5)", "a window is a whole number, not float"),
        ("crossings([1.0], [1.0, 2.0])", "two series of one length, not of 1 and 2"),
        ("progress(2)", "a number from 0 to 1"),
        ("ema(['a'], 3)", "must be real number"),
    ] {
        match run(&format!("import cofferdam\ncofferdam.{call}")).await.result.unwrap_err() {
            Error::Exception { message, .. } => assert!(message.contains(expected), "{call}: {message}"),
            other => panic!("{call}: {other}"),
        }
    }
}

#[tokio::test]
async fn compiled_code_is_not_free_of_fuel() {
    let source = "import cofferdam\nfor _ in range(50): cofferdam.returns(data['x'])\nresult = 1";
    let input = Input::new().series("x", vec![1.0; 100_000]);
    let fuel = run_with(source, &input, &limits()).await.usage.fuel.unwrap();
    assert!(fuel >= 50 * 100_000 * 8, "{fuel}");
    let outcome = run_with(source, &input, &limits().fuel(fuel / 2)).await;
    assert!(matches!(outcome.result, Err(Error::Fuel { .. })), "{:?}", outcome.result);
}
