//! The losses in the left tail.

use super::moments::count;

/// The mean of the worst `share` of the returns, as a loss (positive when money is lost). The tail may end within an
/// observation, which then counts by its part: the exact expected shortfall of Acerbi & Tasche, "On the coherence of
/// expected shortfall", Journal of Banking & Finance 26 (2002), definition 2.6; equal to the CVaR of Rockafellar &
/// Uryasev (2000). The mean of all returns up to a quantile, which many libraries give, is not this figure.
pub(crate) fn conditional_value_at_risk(sorted: &[f64], share: f64) -> Option<f64> {
    let tail = share * count(sorted.len());
    if sorted.is_empty() || tail <= 0.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the length")]
    let whole = (tail.floor() as usize).min(sorted.len());
    let sum: f64 = sorted.iter().take(whole).sum();
    let part = sorted.get(whole).map_or(0.0, |value| value * (tail - count(whole)));
    Some(-(sum + part) / tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_observation_at_the_edge_counts_by_its_part() {
        let sorted = [-4.0, -2.0, 1.0, 3.0];
        assert_eq!(conditional_value_at_risk(&sorted, 0.25), Some(4.0));
        assert_eq!(conditional_value_at_risk(&sorted, 0.375), Some((4.0 + 1.0) / 1.5));
        assert_eq!(conditional_value_at_risk(&sorted, 1.0), Some(0.5));
        assert_eq!(conditional_value_at_risk(&[], 0.5), None);
    }
}
