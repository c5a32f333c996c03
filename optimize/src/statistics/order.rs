//! Statistics of order: quantiles and ranks.

use super::moments::count;

/// The quantile of sorted values at `probability` in 0 ..= 1, interpolated linearly between the two neighbours: type 7
/// of Hyndman & Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996), the default of
/// numpy and R. `None` of nothing.
pub(crate) fn interpolated(sorted: &[f64], probability: f64) -> Option<f64> {
    let position = probability.clamp(0.0, 1.0) * count(sorted.len().checked_sub(1)?);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the length")]
    let below = position.floor() as usize;
    let low = *sorted.get(below)?;
    let high = *sorted.get(below + 1).unwrap_or(&low);
    // The difference of equal infinities would be NaN.
    if low == high { Some(low) } else { Some(low + (high - low) * (position - position.floor())) }
}

/// Spearman's rank correlation, equal values sharing the mean of their ranks; `None` when a side does not vary.
pub(crate) fn spearman(left: &[f64], right: &[f64]) -> Option<f64> {
    let (left, right) = (ranks(left), ranks(right));
    let middle = (count(left.len()) + 1.0) / 2.0;
    let mut products = [0.0; 3];
    let [both, lefts, rights] = &mut products;
    for (l, r) in left.iter().zip(&right) {
        *both += (l - middle) * (r - middle);
        *lefts += (l - middle) * (l - middle);
        *rights += (r - middle) * (r - middle);
    }
    (*lefts > 0.0 && *rights > 0.0).then(|| *both / (*lefts * *rights).sqrt())
}

/// The rank of each value, the smallest being 1; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
    order.sort_by(|left, right| left.1.total_cmp(&right.1));
    let mut ranked = Vec::with_capacity(values.len());
    let mut before = 0;
    for ties in order.chunk_by(|left, right| left.1 == right.1) {
        let shared = count(before) + (count(ties.len()) + 1.0) / 2.0;
        ranked.extend(ties.iter().map(|(index, _)| (*index, shared)));
        before += ties.len();
    }
    ranked.sort_by_key(|(index, _)| *index);
    ranked.into_iter().map(|(_, rank)| rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_neighbours() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(interpolated(&sorted, 0.0), Some(1.0));
        assert_eq!(interpolated(&sorted, 0.5), Some(3.0));
        assert_eq!(interpolated(&sorted, 1.0), Some(8.0));
        assert_eq!(interpolated(&[], 0.5), None);
    }

    #[test]
    fn equal_values_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    #[test]
    fn rank_correlation_sees_order_only() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 11.0, 999.0]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[3.0, 2.0, 1.0]), None);
    }
}
