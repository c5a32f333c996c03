//! The acceleration: how fast the standard error changes with the figure.

use std::ops::Range;

use crate::statistics::{count, sum_of};

/// The parts of a series that the jackknife leaves out in turn: each value, or for a bootstrap of blocks each block, since
/// leaving out single values would take neighbours for independent. Götze & Künsch, "Second-order correctness of the
/// blockwise bootstrap for stationary observations", Annals of Statistics 24 (1996), section 4.
pub(super) fn parts(observations: usize, block_length: f64) -> impl Iterator<Item = Range<usize>> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and is cut"
    )]
    let length = (block_length.round() as usize).clamp(1, (observations / 2).max(1));
    (0..observations).step_by(length).map(move |start| start..(start + length).min(observations))
}

/// Σ d³ / (6·(Σ d²)^1.5) with d = mean of the figures − figure: Efron (1987), equation 4.4 in its jackknife form. 0 when
/// the figures do not differ.
pub(super) fn acceleration(figures: &[f64]) -> f64 {
    let middle = sum_of(figures, |value| value) / count(figures.len());
    let widest = figures.iter().fold(0.0_f64, |widest, value| widest.max((middle - value).abs()));
    // Of differences between 0 and 1, so that small figures do not underflow.
    let power = |exponent: i32| sum_of(figures, |value| ((middle - value) / widest).powi(exponent));
    let squares = power(2);
    let acceleration = power(3) / (6.0 * squares * squares.sqrt());
    if acceleration.is_finite() { acceleration } else { 0.0 }
}
