//! The usual figures about one series of returns.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::moments::{Moments, check_returns, count, deviation, mean, mean_and_deviation, sum_of};
use super::{Drawdown, order, tail};
use crate::Error;

/// The tail of value at risk and of its conditional mean: the worst 5 percent, as in most risk reports.
const TAIL: f64 = 0.05;

/// The usual figures about one series of simple returns. Where a figure does not exist it is `None`, never infinite or
/// NaN; the risk-free rate is 0.
///
/// ```
/// use cofferdam_optimize::Metrics;
///
/// let metrics = Metrics::of(&[0.10, -0.05, 0.02], 252.0)?;
/// assert!((metrics.total_return - 0.0659).abs() < 1e-12);
/// assert!((metrics.drawdown.maximum - 0.05).abs() < 1e-12);
///
/// let never_traded = Metrics::of(&[0.0; 100], 252.0)?;
/// assert_eq!(never_traded.sharpe, None);
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metrics {
    /// How many returns there are.
    pub observations: usize,
    /// Arithmetic mean per bar.
    pub mean: f64,
    /// Sample standard deviation per bar (divisor n − 1).
    pub deviation: f64,
    /// Compounded return over all bars: 0.5 is a gain of half.
    pub total_return: f64,
    /// Compounded return per year.
    pub annualised_return: f64,
    /// Annualised Sharpe ratio: mean / deviation · √(bars per year).
    pub sharpe: Option<f64>,
    /// Annualised Sortino ratio: mean / √(Σ min(r, 0)² / n) · √(bars per year). Sortino & Price, "Performance Measurement
    /// in a Downside Risk Framework", Journal of Investing 3 (1994).
    pub sortino: Option<f64>,
    /// Annualised return over the deepest drawdown. Young, "Calmar Ratio: A Smoother Tool", Futures (1991).
    pub calmar: Option<f64>,
    /// Sum of gains over sum of losses; `None` without a loss.
    pub profit_factor: Option<f64>,
    /// Share of returns above 0.
    pub win_rate: f64,
    /// Skewness (population moments; 0 if normal).
    pub skewness: Option<f64>,
    /// Kurtosis (population moments, not in excess; 3 if normal).
    pub kurtosis: Option<f64>,
    /// The loss that the worst 5 percent of the returns exceed (interpolated quantile); negative if even that is a gain.
    pub value_at_risk: f64,
    /// The mean loss in the worst 5 percent of the returns, the one at the edge counting by its part (Acerbi & Tasche
    /// 2002; Rockafellar & Uryasev 2000).
    pub conditional_value_at_risk: f64,
    /// The falls below the peak.
    pub drawdown: Drawdown,
}

impl Metrics {
    /// The figures about these simple returns, oldest first. `bars_per_year` is 252 for trading days.
    ///
    /// # Errors
    /// When there are fewer than two returns, one is not finite or below -1, `bars_per_year` is not positive, or the
    /// equity leaves the range of a float.
    pub fn of(returns: &[f64], bars_per_year: f64) -> Result<Self, Error> {
        if !(bars_per_year.is_finite() && bars_per_year > 0.0) {
            return Err(Error::invalid_setting("bars_per_year", bars_per_year, "a positive number"));
        }
        if returns.len() < 2 {
            return Err(Error::TooShort { what: "the series", needed: 2, found: returns.len() });
        }
        check_returns(returns, 0, || "the series".to_owned())?;
        let overflow = |what| move || Error::Overflow { what };
        let mut sorted = returns.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let moments = Moments::of(returns);
        let gains = sum_of(returns, |value| value.max(0.0));
        let losses = sum_of(returns, |value| (-value).max(0.0));
        let wins = returns.iter().filter(|value| **value > 0.0).count();
        let mean = mean(returns).ok_or_else(overflow("the mean return"))?;
        Ok(Self {
            observations: returns.len(),
            mean,
            deviation: finite(deviation(returns, mean))
                .ok_or_else(overflow("the deviation of the returns"))?,
            total_return: total_return(returns).ok_or_else(overflow("the compounded return"))?,
            annualised_return: annualised_return(returns, bars_per_year)
                .ok_or_else(overflow("the annualised return"))?,
            sharpe: sharpe(returns).map(|ratio| ratio * bars_per_year.sqrt()),
            sortino: sortino(returns, bars_per_year),
            calmar: calmar(returns, bars_per_year),
            profit_factor: finite(gains / losses),
            win_rate: count(wins) / count(returns.len()),
            skewness: moments.map(|moments| moments.skewness),
            kurtosis: moments.map(|moments| moments.kurtosis),
            value_at_risk: -order::interpolated(&sorted, TAIL).unwrap_or(0.0),
            conditional_value_at_risk: tail::conditional_value_at_risk(&sorted, TAIL)
                .and_then(finite)
                .ok_or_else(overflow("the conditional value at risk"))?,
            drawdown: Drawdown::of(returns),
        })
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio =
            |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.3}"));
        writeln!(formatter, "total return        {:>10.2} %", self.total_return * 100.0)?;
        writeln!(formatter, "annualised return   {:>10.2} %", self.annualised_return * 100.0)?;
        writeln!(formatter, "Sharpe ratio        {:>10}", ratio(self.sharpe))?;
        writeln!(formatter, "Sortino ratio       {:>10}", ratio(self.sortino))?;
        writeln!(formatter, "Calmar ratio        {:>10}", ratio(self.calmar))?;
        writeln!(formatter, "profit factor       {:>10}", ratio(self.profit_factor))?;
        writeln!(formatter, "maximum drawdown    {:>10.2} %", self.drawdown.maximum * 100.0)?;
        writeln!(formatter, "time under water    {:>10.2} %", self.drawdown.time_under_water * 100.0)?;
        write!(formatter, "CVaR of 5 % per bar {:>10.2} %", self.conditional_value_at_risk * 100.0)
    }
}

/// Mean over sample deviation, per bar.
pub(crate) fn sharpe(returns: &[f64]) -> Option<f64> {
    let (mean, deviation) = mean_and_deviation(returns)?;
    finite(mean / deviation)
}

pub(crate) fn sortino(returns: &[f64], bars_per_year: f64) -> Option<f64> {
    let downside = sum_of(returns, |value| value.min(0.0) * value.min(0.0)) / count(returns.len());
    finite(mean(returns)? / downside.sqrt() * bars_per_year.sqrt())
}

pub(crate) fn calmar(returns: &[f64], bars_per_year: f64) -> Option<f64> {
    finite(annualised_return(returns, bars_per_year)? / Drawdown::of(returns).maximum)
}

/// The compounded return; `None` on overflow.
pub(crate) fn total_return(returns: &[f64]) -> Option<f64> {
    finite(returns.iter().fold(1.0, |equity, value| equity * (1.0 + value)) - 1.0)
}

/// The compounded return per year; `None` of nothing and on overflow.
pub(crate) fn annualised_return(returns: &[f64], bars_per_year: f64) -> Option<f64> {
    finite(libm::pow(1.0 + total_return(returns)?, bars_per_year / count(returns.len())) - 1.0)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
