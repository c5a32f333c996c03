//! From the program's answer to returns.
//!
//! The program says what it wants to hold, never what it earned: the returns are computed here, from prices that it
//! cannot touch, and a position earns from the next bar on.

use serde_json::Value;

/// Reads a program's result: a list of one finite number a bar.
pub(super) fn read(result: &Value, bars: usize) -> Result<Vec<f64>, String> {
    let advice = format!("return a list of {bars} numbers, the position to hold after each bar");
    let Value::Array(items) = result else {
        return Err(format!("the result is {}, not a list; {advice}", kind(result)));
    };
    if items.len() != bars {
        return Err(format!(
            "the result has {} values where the data has {bars} bars; {advice}",
            items.len()
        ));
    }
    let number = |(bar, item): (usize, &Value)| {
        item.as_f64()
            .or_else(|| item.as_bool().map(|held| if held { 1.0 } else { 0.0 }))
            .ok_or_else(|| format!("result[{bar}] is {}, not a number; {advice}", kind(item)))
    };
    items.iter().enumerate().map(number).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "None",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a dictionary",
    }
}

/// Simple returns of the bars after the first, and the bars (counted from the first) at whose close a position was
/// opened or turned. A position that is decided at the close of a bar earns the next bar's price change; changing it
/// costs `cost` times the change.
pub(super) fn returns(positions: &[f64], prices: &[f64], cost: f64) -> (Vec<f64>, Vec<usize>) {
    let mut held = 0.0;
    let mut trades = Vec::new();
    let mut returns = Vec::with_capacity(prices.len().saturating_sub(1));
    for (bar, (position, change)) in positions.iter().zip(prices.array_windows::<2>()).enumerate() {
        let [before, after] = change;
        let turnover = (position - held).abs();
        if turnover > 0.0 && *position != 0.0 && position * held <= 0.0 {
            trades.push(bar);
        }
        returns.push(position * (after / before - 1.0) - cost * turnover);
        held = *position;
    }
    (returns, trades)
}

/// Positions as run lengths, since most strategies hold for long: `[[position, bars], …]`.
pub(super) fn encode(positions: &[f64]) -> Vec<(f64, u64)> {
    let runs = positions.chunk_by(|left, right| left.to_bits() == right.to_bits());
    runs.filter_map(|run| Some((*run.first()?, run.len() as u64))).collect()
}

/// Positions out of run lengths; `None` unless they are as many as there are `bars`, and finite.
pub(super) fn decode(runs: &[(f64, u64)], bars: usize) -> Option<Vec<f64>> {
    let total = runs.iter().try_fold(0_u64, |total, (_, length)| total.checked_add(*length))?;
    if total != bars as u64 || runs.iter().any(|(position, _)| !position.is_finite()) {
        return None;
    }
    let lengths =
        runs.iter().map(|(position, length)| (*position, usize::try_from(*length).unwrap_or_default()));
    Some(lengths.flat_map(|(position, length)| std::iter::repeat_n(position, length)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_position_earns_from_the_next_bar_on_and_pays_for_its_changes() {
        let (returns, trades) = returns(&[1.0, 1.0, -1.0, 0.0], &[100.0, 110.0, 99.0, 99.0], 0.01);
        assert_eq!(returns, [110.0 / 100.0 - 1.0 - 0.01, 99.0 / 110.0 - 1.0, -(0.0) - 0.02]);
        assert_eq!(trades, [0, 2]);
    }

    #[test]
    fn run_lengths_come_back_as_they_were() {
        let positions = [0.0, 0.0, 1.0, -0.0, 0.25, 0.25];
        let runs = encode(&positions);
        assert_eq!(runs.len(), 4);
        let back = decode(&runs, 6).unwrap();
        assert_eq!(back.iter().map(|p| p.to_bits()).collect::<Vec<_>>(), positions.map(f64::to_bits));
        assert_eq!(decode(&runs, 5), None);
        assert_eq!(decode(&[(f64::NAN, 1)], 1), None);
        assert_eq!(decode(&[(1.0, u64::MAX), (1.0, 2)], 1), None);
    }

    #[test]
    fn an_answer_of_another_shape_is_refused_with_what_to_return() {
        assert_eq!(read(&json!([0, 1.5, true]), 3), Ok(vec![0.0, 1.5, 1.0]));
        for (result, problem) in [
            (json!({"a": 1}), "the result is a dictionary, not a list; return a list of 3 numbers"),
            (json!([1, 2]), "the result has 2 values where the data has 3 bars; return a list"),
            (json!([1, null, 2]), "result[1] is None, not a number; return a list"),
        ] {
            let error = read(&result, 3).unwrap_err();
            assert!(error.starts_with(problem), "{error}");
        }
    }
}
