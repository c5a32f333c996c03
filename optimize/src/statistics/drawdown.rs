//! Falls of the equity below its peak.

use serde::{Deserialize, Serialize};

use super::moments::count;

/// The falls of an equity curve below its running peak. The curve starts at 1, and the start counts as a peak.
///
/// Points are counted on the curve: point 0 is the start, point t the equity after the t-th return.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Drawdown {
    /// The deepest fall as a share of the peak, from 0 (never below) to 1 (all lost).
    pub maximum: f64,
    /// The point of the peak from which the deepest fall began (the first, if several are equal).
    pub peak: usize,
    /// The point at which it was deepest.
    pub trough: usize,
    /// The mean fall over all returns (pain index).
    pub mean: f64,
    /// The root of the mean squared fall, with the number of returns as divisor: the Ulcer index of Martin & McCann,
    /// "The Investor's Guide to Fidelity Funds" (1989).
    pub ulcer_index: f64,
    /// The share of the points after the start that lie below the peak.
    pub time_under_water: f64,
    /// The longest run of points below the peak.
    pub longest_under_water: usize,
    /// Whether the last point is at the peak again.
    pub recovered: bool,
}

impl Drawdown {
    /// The falls of the curve that these checked returns compound to.
    pub(crate) fn of(returns: &[f64]) -> Self {
        let mut equity = 1.0_f64;
        let mut top = (equity, 0);
        let mut worst = (0.0, 0, 0);
        let (mut sum, mut squares) = (0.0, 0.0);
        let (mut below, mut run, mut longest) = (0_usize, 0_usize, 0_usize);
        for (point, value) in (1..).zip(returns) {
            equity *= 1.0 + value;
            if equity >= top.0 {
                if equity > top.0 {
                    top = (equity, point);
                }
                run = 0;
                continue;
            }
            let fall = 1.0 - equity / top.0;
            if fall > worst.0 {
                worst = (fall, top.1, point);
            }
            sum += fall;
            squares += fall * fall;
            below += 1;
            run += 1;
            longest = longest.max(run);
        }
        let n = count(returns.len().max(1));
        Self {
            maximum: worst.0,
            peak: worst.1,
            trough: worst.2,
            mean: sum / n,
            ulcer_index: (squares / n).sqrt(),
            time_under_water: count(below) / n,
            longest_under_water: longest,
            recovered: run == 0,
        }
    }
}
