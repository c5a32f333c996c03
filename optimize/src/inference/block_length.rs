//! How long the blocks of a bootstrap must be, so that they keep the dependence of a series.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::statistics::{check_returns, count, mean};

/// The block lengths at which a bootstrap of the mean has the smallest mean squared error of its variance, as found in the
/// series itself.
///
/// Politis & White, "Automatic Block-Length Selection for the Dependent Bootstrap", Econometric Reviews 23 (2004), section
/// 3, with the constants of the correction by Patton, Politis & White, Econometric Reviews 28 (2009): with the flat-top
/// kernel λ and the autocovariances R(k), G = Σ λ(k/M)·|k|·R(k) and g = Σ λ(k/M)·R(k), the length is (2G²/D)^⅓·n^⅓ with
/// D = 2g² for stationary and D = 4/3·g² for circular blocks, at most min(3√n, n/3). M is twice the lag after which
/// max(5, log₁₀n) autocorrelations in a row are insignificant.
///
/// ```
/// use cofferdam_optimize::BlockLength;
///
/// // A slow wave depends on its past over many bars.
/// let wave: Vec<f64> = (0..500).map(|t| 0.01 * (f64::from(t) * 0.05).sin()).collect();
/// assert!(BlockLength::of(&wave)?.stationary > 20.0);
/// # Ok::<(), cofferdam_optimize::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlockLength {
    /// The mean length of stationary blocks. It may be below 1, which asks for independent draws.
    pub stationary: f64,
    /// The length of circular blocks. It may be below 1, which asks for independent draws.
    pub circular: f64,
}

impl BlockLength {
    /// Fewer values say nothing about their dependence.
    pub(super) const FEWEST: usize = 8;

    /// The lengths for this series of returns. Of a series that does not vary, 0.
    ///
    /// # Errors
    /// When there are fewer than eight returns, or one is not finite or below -1.
    pub fn of(returns: &[f64]) -> Result<Self, Error> {
        check_returns(returns, 0, || "the series".to_owned())?;
        if returns.len() < Self::FEWEST {
            let what = "a series of which blocks are made automatically";
            return Err(Error::TooShort { what, needed: Self::FEWEST, found: returns.len() });
        }
        Ok(Self::of_checked(returns))
    }

    /// 0 where the formula gives no number.
    pub(crate) fn of_checked(values: &[f64]) -> Self {
        let n = count(values.len());
        let (slope, spread) = spectrum(values);
        let longest = (3.0 * n.sqrt()).min(n / 3.0).ceil();
        let length = |constant: f64| {
            let length = libm::cbrt(2.0 * slope * slope / (constant * spread * spread)) * libm::cbrt(n);
            // A comparison that NaN fails.
            if length > 0.0 { length.min(longest) } else { 0.0 }
        };
        Self { stationary: length(2.0), circular: length(4.0 / 3.0) }
    }

    /// The mean length of stationary blocks that can be drawn: at least 1.
    pub(crate) const fn mean_run(self) -> f64 {
        self.stationary.max(1.0)
    }

    /// The length of circular blocks that can be drawn: whole and at least 1.
    pub(crate) fn run(self) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
        let length = self.circular.round().max(1.0) as usize;
        length
    }
}

/// G and g of the paper.
fn spectrum(values: &[f64]) -> (f64, f64) {
    let n = count(values.len());
    let middle = mean(values).unwrap_or(0.0);
    let centred: Vec<f64> = values.iter().map(|value| value - middle).collect();
    let in_a_row = libm::log10(n).floor().max(5.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the number of values")]
    let (in_a_row, most) = (in_a_row as usize, (n.sqrt().ceil() + in_a_row) as usize);
    let most = most.min(values.len() - 2);
    let products: Vec<f64> = (0..=most).map(|lag| product(&centred, lag)).collect();
    let bandwidth = bandwidth(&centred, &products, in_a_row).min(most);
    let lags = (1..=bandwidth).zip(products.iter().skip(1));
    lags.fold((0.0, products.first().copied().unwrap_or(0.0) / n), |(slope, spread), (lag, product)| {
        let share = count(lag) / count(bandwidth);
        let flat_top = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        let weighted = 2.0 * flat_top * product / n;
        (slope + weighted * count(lag), spread + weighted)
    })
}

/// The sum of the products of values this many places apart.
fn product(centred: &[f64], lag: usize) -> f64 {
    let later = centred.get(lag..).unwrap_or_default();
    centred.iter().zip(later).fold(0.0, |sum, (left, right)| sum + left * right)
}

/// M of the paper: twice the last lag before a row of insignificant ones, or all lags if there is no such row.
fn bandwidth(centred: &[f64], products: &[f64], in_a_row: usize) -> usize {
    let n = count(centred.len());
    let band = 2.0 * (libm::log10(n) / n).sqrt();
    let insignificant = |lag: usize| {
        let squares = |part: Option<&[f64]>| product(part.unwrap_or_default(), 0);
        // One value less on either side than the product has, as in Patton's program.
        let both = squares(centred.get(lag + 1..)) * squares(centred.get(..centred.len() - lag - 1));
        products.get(lag).is_some_and(|product| product.abs() < band * both.sqrt())
    };
    let lags: Vec<bool> = (0..products.len()).map(insignificant).collect();
    let row = lags.windows(in_a_row).position(|lags| lags.iter().all(|lag| *lag));
    row.map_or(usize::MAX, |first| first.max(1).saturating_mul(2))
}
