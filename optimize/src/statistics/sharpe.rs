//! How much a Sharpe ratio may be believed.

use serde::{Deserialize, Serialize};

use super::moments::{Moments, check_returns, count};
use super::normal;
use crate::Error;

/// The Euler–Mascheroni constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// A Sharpe ratio with what is needed to judge it. All ratios here are **per bar**, not annualised.
///
/// ```
/// use cofferdam_optimize::{SharpeEstimate, expected_maximum_sharpe};
///
/// // The example of Bailey & López de Prado (2014): the best of 100 trials over five years of daily returns.
/// let winner = SharpeEstimate::new(2.5 / 250f64.sqrt(), -3.0, 10.0, 1250)?;
/// let by_luck = expected_maximum_sharpe(100, 0.5 / 250.0);
/// let deflated = winner.probabilistic(by_luck).unwrap();
/// assert!((deflated - 0.9004).abs() < 1e-4);
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SharpeEstimate {
    /// Mean over sample standard deviation (divisor n − 1), per bar, without a risk-free rate.
    pub sharpe: f64,
    /// Skewness of the returns (population moments; 0 if normal).
    pub skewness: f64,
    /// Kurtosis of the returns (population moments, not in excess; 3 if normal).
    pub kurtosis: f64,
    /// How many returns there are.
    pub observations: usize,
}

impl SharpeEstimate {
    /// An estimate from its figures, for example from a paper.
    ///
    /// # Errors
    /// When a figure is not finite or there are fewer than two observations.
    pub fn new(sharpe: f64, skewness: f64, kurtosis: f64, observations: usize) -> Result<Self, Error> {
        for (name, value) in [("sharpe", sharpe), ("skewness", skewness), ("kurtosis", kurtosis)] {
            if !value.is_finite() {
                return Err(Error::invalid_setting(name, value, "a finite number"));
            }
        }
        if observations < 2 {
            return Err(Error::TooShort { what: "the series", needed: 2, found: observations });
        }
        Ok(Self { sharpe, skewness, kurtosis, observations })
    }

    /// The estimate of a series of simple returns; `None` when they do not vary, since then there is no ratio.
    ///
    /// # Errors
    /// When a return is not finite or below -1.
    pub fn of(returns: &[f64]) -> Result<Option<Self>, Error> {
        check_returns(returns, 0, || "the series".to_owned())?;
        Ok(Self::of_checked(returns))
    }

    pub(crate) fn of_checked(returns: &[f64]) -> Option<Self> {
        let Moments { sharpe, skewness, kurtosis } = Moments::of(returns)?;
        Some(Self { sharpe, skewness, kurtosis, observations: returns.len() })
    }

    /// The probabilistic Sharpe ratio: the probability that the true ratio exceeds `benchmark` (per bar).
    ///
    /// PSR = Φ((SR − SR*)·√(n − 1) / √(1 − γ₃·SR + (γ₄ − 1)/4·SR²)), Bailey & López de Prado, "The Sharpe Ratio
    /// Efficient Frontier", Journal of Risk 15 (2012), equation 11. With the benchmark
    /// [`expected_maximum_sharpe`] it is the deflated Sharpe ratio. `None` when the variance term is not positive, which
    /// happens for extreme skewness on a short series.
    #[must_use]
    pub fn probabilistic(&self, benchmark: f64) -> Option<f64> {
        let distance = (self.sharpe - benchmark) * count(self.observations - 1).sqrt();
        let probability = normal::cumulative(distance / self.variance_term()?.sqrt());
        probability.is_finite().then_some(probability)
    }

    /// The deflated Sharpe ratio: the probability that the true ratio exceeds what the best of `trials` tries shows by
    /// luck alone, when the ratios of the tries vary by `variance` (per bar, sample variance).
    ///
    /// Bailey & López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40 (2014), equation 2.
    /// Count **every** trial: failed and pruned ones as well.
    #[must_use]
    pub fn deflated(&self, trials: usize, variance: f64) -> Option<f64> {
        self.probabilistic(expected_maximum_sharpe(trials, variance))
    }

    /// The minimum track record length: how many returns of this kind it takes to say with `confidence` (0.95) that the
    /// true ratio exceeds `benchmark` (per bar).
    ///
    /// MinTRL = 1 + (1 − γ₃·SR + (γ₄ − 1)/4·SR²)·(Z(confidence)/(SR − SR*))², Bailey & López de Prado (2012), equation
    /// 13. `None` when the ratio does not exceed the benchmark: no length is enough then.
    #[must_use]
    pub fn minimum_track_record(&self, benchmark: f64, confidence: f64) -> Option<f64> {
        if self.sharpe <= benchmark {
            return None;
        }
        let distance = normal::quantile(confidence) / (self.sharpe - benchmark);
        let length = 1.0 + self.variance_term()? * distance * distance;
        length.is_finite().then_some(length)
    }

    fn variance_term(&self) -> Option<f64> {
        let term =
            1.0 - self.skewness * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe * self.sharpe;
        (term > 0.0 && term.is_finite()).then_some(term)
    }
}

/// The Sharpe ratio that the best of `trials` worthless strategies is expected to show, when their ratios have this
/// sample variance; in the unit of the variance's root. 0 for a single trial.
///
/// SR₀ = √V·((1 − γ)·Z(1 − 1/N) + γ·Z(1 − 1/(N·e))), Bailey & López de Prado (2014), equation 1.
#[must_use]
pub fn expected_maximum_sharpe(trials: usize, variance: f64) -> f64 {
    if trials < 2 || variance.is_nan() || variance <= 0.0 {
        return 0.0;
    }
    let n = count(trials);
    let maximum = (1.0 - EULER) * normal::quantile(1.0 - 1.0 / n)
        + EULER * normal::quantile(1.0 - 1.0 / (n * std::f64::consts::E));
    variance.sqrt() * maximum
}
