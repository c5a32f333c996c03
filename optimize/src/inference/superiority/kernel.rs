//! The long-run variance of a mean, as the stationary bootstrap sees it.

use crate::statistics::count;

/// The variance of √T times the mean of a stationary bootstrap of these values, given their deviations from the mean and
/// the mean length of the blocks, at least 1.
///
/// Politis & Romano, "The Stationary Bootstrap", JASA 89 (1994), lemma 1; Hansen, "A Test for Superior Predictive Ability",
/// Journal of Business & Economic Statistics 23 (2005), section 3.2: ω² = γ₀ + 2 Σ κ(i)·γᵢ over the lags from 1 to T − 1,
/// with κ(i) = (1 − i/T)·qⁱ + (i/T)·qᵀ⁻ⁱ and q = 1 − 1/length.
///
/// Since κ(i) = κ(T − i), that is γ₀ + 2 Σ (1 − i/T)·qⁱ·cᵢ with the circular autocovariances cᵢ = γᵢ + γ_T₋ᵢ, and both
/// Σ qⁱ·x(t − i) and Σ i·qⁱ·x(t − i) follow from their values one step before: T steps instead of T²/2.
pub(super) fn long_run_variance(centred: &[f64], block_length: f64) -> f64 {
    let bars = count(centred.len());
    let q = 1.0 - 1.0 / block_length.max(1.0);
    let whole = libm::pow(q, bars);
    // At t = 0: the values before it are those at the end, the nearest last.
    let (mut near, mut far, mut power) = (0.0, 0.0, 1.0);
    for (lag, value) in (1..centred.len()).zip(centred.iter().rev()) {
        power *= q;
        near += power * value;
        far += power * value * count(lag);
    }
    let (mut own, mut others) = (0.0, 0.0);
    for (place, value) in centred.iter().enumerate() {
        own += value * value;
        others += value * (near - far / bars);
        let next = centred.get(place + 1).copied().unwrap_or(0.0);
        let nearer = value + near;
        near = q * nearer - whole * next;
        far = q * (nearer + far) - bars * whole * next;
    }
    (own + 2.0 * others) / bars
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statistics::mean;

    /// As the papers write it.
    fn plain(centred: &[f64], block_length: f64) -> f64 {
        let (bars, q) = (centred.len(), 1.0 - 1.0 / block_length);
        let covariance = |lag: usize| {
            centred.iter().zip(&centred[lag..]).map(|(left, right)| left * right).sum::<f64>() / bars as f64
        };
        let weight = |lag: usize| {
            let share = lag as f64 / bars as f64;
            (1.0 - share) * q.powi(lag as i32) + share * q.powi((bars - lag) as i32)
        };
        covariance(0) + 2.0 * (1..bars).map(|lag| weight(lag) * covariance(lag)).sum::<f64>()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_recursion_is_the_kernel(
            values in proptest::collection::vec(-1.0_f64..1.0, 1..200),
            block_length in 1.0_f64..40.0,
        ) {
            let middle = mean(&values).unwrap();
            let centred: Vec<f64> = values.iter().map(|value| value - middle).collect();
            let expected = plain(&centred, block_length);
            let found = long_run_variance(&centred, block_length);
            prop_assert!((found - expected).abs() < 1e-10, "{found} instead of {expected}");
        }
    }
}
