//! Sums in a fixed order, and the moments made of them.

use crate::Error;

/// A sum is kept in eight parts that do not wait for each other; their fixed number keeps the order of the additions,
/// and so the last bit of the result, the same on every machine.
const LANES: usize = 8;

/// Spread of equal returns: their mean is off by some units in the last place, so that the deviations are not exactly
/// zero. A standard deviation below this part of the mean is such noise; as a signal it would be a Sharpe ratio of 10^12.
const NOISE: f64 = 1e-12;

/// The sum of `term` over all values: lane by lane, then the lanes in order, then the rest.
pub(crate) fn sum_of(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += term(*value);
        }
    }
    let whole = lanes.iter().fold(0.0, |sum, lane| sum + lane);
    rest.iter().fold(whole, |sum, value| sum + term(*value))
}

#[expect(clippy::cast_precision_loss, reason = "no series in memory has 2^53 values")]
pub(crate) const fn count(length: usize) -> f64 {
    length as f64
}

/// The arithmetic mean; `None` of nothing or on overflow.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    let mean = sum_of(values, |value| value) / count(values.len());
    mean.is_finite().then_some(mean)
}

/// Mean and sample standard deviation (divisor n − 1) of values that vary; `None` of fewer than two, of values that do
/// not vary, and on overflow.
pub(crate) fn mean_and_deviation(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    let deviation = deviation(values, mean);
    (deviation.is_finite() && deviation > NOISE * mean.abs()).then_some((mean, deviation))
}

/// The sample standard deviation (divisor n − 1) of at least two values about their mean; infinite on overflow.
pub(crate) fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares = sum_of(values, |value| (value - mean) * (value - mean));
    (squares / count(values.len().saturating_sub(1).max(1))).sqrt()
}

/// The sample variance (divisor n − 1); `None` of fewer than two values and on overflow.
pub(crate) fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let deviation = deviation(values, mean(values)?);
    (deviation * deviation).is_finite().then_some(deviation * deviation)
}

/// Refuses what no statistic can digest, naming the bar.
pub(crate) fn check_returns(
    returns: &[f64],
    first_bar: usize,
    series: impl Fn() -> String,
) -> Result<(), Error> {
    match returns.iter().position(|value| !(value.is_finite() && *value >= -1.0)) {
        None => Ok(()),
        Some(position) => Err(Error::InvalidReturn {
            series: series(),
            bar: first_bar + position,
            value: returns.get(position).copied().unwrap_or(f64::NAN),
        }),
    }
}

/// The moments that the inference about a Sharpe ratio needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    /// Mean over the sample standard deviation (divisor n − 1).
    pub(crate) sharpe: f64,
    /// Third standardised moment of the population (divisor n): 0 for a normal distribution.
    pub(crate) skewness: f64,
    /// Fourth standardised moment of the population (divisor n), not in excess: 3 for a normal distribution.
    pub(crate) kurtosis: f64,
}

impl Moments {
    /// `None` where [`mean_and_deviation`] gives none, or where a higher power leaves the range of a float.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let (mean, deviation) = mean_and_deviation(values)?;
        let n = count(values.len());
        // Standardised first and raised to powers then, so that small returns do not underflow.
        let standardised = |value: f64| (value - mean) / deviation;
        let second = sum_of(values, |value| standardised(value) * standardised(value)) / n;
        let third = sum_of(values, |value| {
            let z = standardised(value);
            z * z * z
        }) / n;
        let fourth = sum_of(values, |value| {
            let square = standardised(value) * standardised(value);
            square * square
        }) / n;
        let moments = Self {
            sharpe: mean / deviation,
            skewness: third / (second * second.sqrt()),
            kurtosis: fourth / (second * second),
        };
        (moments.sharpe.is_finite() && moments.skewness.is_finite() && moments.kurtosis.is_finite())
            .then_some(moments)
    }
}
