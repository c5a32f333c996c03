//! The price files of the repository, the reference values, and the strategy that they were made with.

use std::ops::Range;
use std::path::Path;

use cofferdam_optimize::{Dimension, FunctionObjective, Grid, ParameterSet, Trial};
use ndarray::Array2;
use serde_json::Value;

/// One column of a file in `examples/data`.
pub(crate) fn column(file: &str, name: &str) -> Vec<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data").join(file);
    let mut reader = csv::Reader::from_path(path).unwrap();
    let place = reader.headers().unwrap().iter().position(|header| header == name).unwrap();
    reader.records().map(|record| record.unwrap()[place].parse().unwrap()).collect()
}

/// All columns of a file in `examples/data` that holds nothing but numbers below its head.
pub(crate) fn matrix(file: &str) -> Array2<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data").join(file);
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows: Vec<Vec<f64>> = reader.deserialize().map(Result::unwrap).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| rows[row][column])
}

pub(crate) fn simple_returns(prices: &[f64]) -> Vec<f64> {
    prices.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
}

pub(crate) fn reference() -> Value {
    serde_json::from_str(include_str!("optimize.json")).unwrap()
}

/// Fails unless the two agree to this part of the expected value.
#[track_caller]
pub(crate) fn assert_close(found: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    let error = (found - expected).abs();
    assert!(error <= tolerance * expected.abs(), "{what}: {found} instead of {expected}, off by {error:e}");
}

/// The grid of the reference: fast averages of 5 to 34 bars, slow ones of 40 to 185.
pub(crate) fn crossover_grid() -> Vec<ParameterSet> {
    let fast = Dimension::integer("fast", 5, 34, 1).unwrap();
    let slow = Dimension::integer("slow", 40, 185, 5).unwrap();
    Grid::new([fast, slow]).unwrap().parameter_sets()
}

/// The strategy of the reference: long while the fast moving average is above the slow one, 0.1 percent for each change
/// of position.
pub(crate) fn crossover(
    prices: Vec<f64>,
) -> FunctionObjective<impl Fn(&ParameterSet, Range<usize>) -> Trial + Send + Sync> {
    FunctionObjective::new(move |set, bars| {
        let prices = &prices[bars];
        let fast = averages(prices, set.integer("fast").unwrap() as usize);
        let slow = averages(prices, set.integer("slow").unwrap() as usize);
        // NaN compares as false, so there is no position before the slow average exists.
        let position = |t: usize| f64::from(u8::from(t > 0 && fast[t - 1] > slow[t - 1]));
        let mut trades = Vec::new();
        let returns = (1..prices.len()).map(|t| {
            let change = position(t) - position(t - 1);
            if change > 0.0 {
                trades.push(t);
            }
            position(t) * (prices[t] / prices[t - 1] - 1.0) - 0.001 * change.abs()
        });
        let returns = returns.collect();
        Trial::evaluated(returns).with_trades(trades)
    })
    .with_lead(1)
}

fn averages(prices: &[f64], length: usize) -> Vec<f64> {
    let mut sums = vec![0.0];
    for price in prices {
        sums.push(sums[sums.len() - 1] + price);
    }
    (1..sums.len())
        .map(|end| if end < length { f64::NAN } else { (sums[end] - sums[end - length]) / length as f64 })
        .collect()
}
