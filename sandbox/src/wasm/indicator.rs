//! The indicators of `cofferdam.py`, in compiled code.
//!
//! `cofferdam.py` is the definition: here stand the same operations in the same order, so that a program gets the same
//! bits whether the host computes or Python does. The series lies in the guest's memory, which hands it in as bytes of
//! any alignment.

use wasmtime::component::{ComponentType, Lift};

/// Which indicator; the order is that of the WIT world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "the guest makes its values")]
pub(super) enum Indicator {
    #[component(name = "rolling-mean")]
    RollingMean,
    #[component(name = "rolling-std")]
    RollingStd,
    #[component(name = "rolling-min")]
    RollingMin,
    #[component(name = "rolling-max")]
    RollingMax,
    #[component(name = "ema")]
    Ema,
    #[component(name = "returns")]
    Returns,
    #[component(name = "crossings")]
    Crossings,
}

/// Numbers that one call may take. It bounds what the host sets aside for the answer: 8 MiB, which are given back when
/// the guest has copied them.
pub(super) const MAX_VALUES: usize = 1 << 20;

/// Little-endian `f64` values in somebody else's memory.
#[derive(Clone, Copy)]
struct Series<'a>(&'a [[u8; 8]]);

impl Series<'_> {
    fn len(self) -> usize {
        self.0.len()
    }

    /// The value at `index`; NaN beyond the end, where no caller looks.
    fn at(self, index: usize) -> f64 {
        self.0.get(index).map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes))
    }
}

impl Indicator {
    /// Computes the answer as little-endian `f64` values, or says what is wrong with the arguments: `cofferdam.py`
    /// checks them first, so only a guest that is not ours gets there.
    pub(super) fn compute(self, window: u32, first: &[u8], second: &[u8]) -> Result<Vec<u8>, &'static str> {
        let (first, rest) = first.as_chunks::<8>();
        let (second, other) = second.as_chunks::<8>();
        if !(rest.is_empty() && other.is_empty()) {
            return Err("a series is not a whole number of values");
        }
        if first.len() > MAX_VALUES || second.len() > MAX_VALUES {
            return Err("a series has more values than one call may take");
        }
        let (first, second) = (Series(first), Series(second));
        let least = match self {
            Self::RollingStd => 2,
            Self::Returns | Self::Crossings => 0,
            _ => 1,
        };
        if window < least {
            return Err("the window is too small");
        }
        let window = window as usize;
        let values = match self {
            Self::RollingMean => rolling_mean(first, window),
            Self::RollingStd => rolling_std(first, window),
            Self::RollingMin => rolling_extreme(first, window, |new, old| new <= old),
            Self::RollingMax => rolling_extreme(first, window, |new, old| new >= old),
            Self::Ema => ema(first, window),
            Self::Returns => returns(first),
            Self::Crossings if first.len() == second.len() => crossings(first, second),
            Self::Crossings => return Err("the series differ in length"),
        };
        Ok(values.into_iter().flat_map(f64::to_le_bytes).collect())
    }
}

fn rolling_mean(series: Series<'_>, window: usize) -> Vec<f64> {
    let (mut total, mut run, mut fresh) = (0.0, 0, 0);
    let mean = |i| {
        let value = series.at(i);
        run = if value.is_finite() { run + 1 } else { 0 };
        if run < window {
            return f64::NAN;
        }
        if run == window || fresh == window {
            total = (i + 1 - window..=i).fold(0.0, |sum, j| sum + series.at(j));
            fresh = 0;
        } else {
            total += value - series.at(i - window);
        }
        fresh += 1;
        total / window as f64
    };
    (0..series.len()).map(mean).collect()
}

fn rolling_std(series: Series<'_>, window: usize) -> Vec<f64> {
    let (mut mean, mut squares, mut run, mut fresh) = (0.0, 0.0, 0, 0);
    let size = window as f64;
    let deviation = |i| {
        let value = series.at(i);
        run = if value.is_finite() { run + 1 } else { 0 };
        if run < window {
            return f64::NAN;
        }
        if run == window || fresh == window {
            let within = i + 1 - window..=i;
            mean = within.clone().fold(0.0, |sum, j| sum + series.at(j)) / size;
            squares = within.fold(0.0, |sum, j| {
                let apart = series.at(j) - mean;
                sum + apart * apart
            });
            fresh = 0;
        } else {
            let gone = series.at(i - window);
            let before = mean;
            mean += (value - gone) / size;
            squares += (value - gone) * (value - mean + gone - before);
        }
        fresh += 1;
        if squares > 0.0 { (squares / (size - 1.0)).sqrt() } else { 0.0 }
    };
    (0..series.len()).map(deviation).collect()
}

/// The value that beats the others of its window, by a queue of those that none after them beats.
fn rolling_extreme(series: Series<'_>, window: usize, beats: fn(f64, f64) -> bool) -> Vec<f64> {
    let mut places = std::collections::VecDeque::new();
    let mut run = 0;
    let extreme = |i| {
        let value = series.at(i);
        if !value.is_finite() {
            run = 0;
            places.clear();
            return f64::NAN;
        }
        run += 1;
        while places.back().is_some_and(|&(_, last)| beats(value, last)) {
            places.pop_back();
        }
        places.push_back((i, value));
        if places.front().is_some_and(|(place, _)| place + window <= i) {
            places.pop_front();
        }
        if run >= window { places.front().map_or(f64::NAN, |(_, best)| *best) } else { f64::NAN }
    };
    (0..series.len()).map(extreme).collect()
}

fn ema(series: Series<'_>, span: usize) -> Vec<f64> {
    let weight = 2.0 / (span as f64 + 1.0);
    let mut average = None;
    let next = |i| {
        let value = series.at(i);
        if !value.is_finite() {
            return f64::NAN;
        }
        let now = average.map_or(value, |average| average + weight * (value - average));
        average = Some(now);
        now
    };
    (0..series.len()).map(next).collect()
}

fn returns(series: Series<'_>) -> Vec<f64> {
    let change = |i: usize| {
        let before = i.checked_sub(1).map_or(0.0, |j| series.at(j));
        let change = series.at(i) / before - 1.0;
        if before != 0.0 && change.is_finite() { change } else { f64::NAN }
    };
    (0..series.len()).map(change).collect()
}

fn crossings(first: Series<'_>, second: Series<'_>) -> Vec<f64> {
    let apart = |i| first.at(i) - second.at(i);
    let crossing = |i: usize| {
        let Some(before) = i.checked_sub(1).map(apart) else { return 0.0 };
        let now = apart(i);
        if before <= 0.0 && now > 0.0 {
            1.0
        } else if before >= 0.0 && now < 0.0 {
            -1.0
        } else {
            0.0
        }
    };
    (0..first.len()).map(crossing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_our_runner_never_sends_are_refused() {
        let two = [0_u8; 16];
        assert!(Indicator::RollingMean.compute(0, &two, &[]).is_err());
        assert!(Indicator::RollingStd.compute(1, &two, &[]).is_err());
        assert!(Indicator::Returns.compute(0, &two[..9], &[]).is_err());
        assert!(Indicator::Crossings.compute(0, &two, &two[..8]).is_err());
        let much = vec![0_u8; (MAX_VALUES + 1) * 8];
        assert!(Indicator::Returns.compute(0, &much, &[]).is_err());
    }

    #[test]
    fn a_window_longer_than_the_series_has_no_value() {
        let three: Vec<u8> = [1.0_f64, 2.0, 3.0].into_iter().flat_map(f64::to_le_bytes).collect();
        let answer = Indicator::RollingMax.compute(u32::MAX, &three, &[]).unwrap();
        assert!(answer.as_chunks::<8>().0.iter().all(|bytes| f64::from_le_bytes(*bytes).is_nan()));
    }
}
