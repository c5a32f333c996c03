//! The arithmetic of fair shares: CPU time weighed against what a tenant is entitled to.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::settings::DEFAULT_WEIGHT;

/// What a tenant of this weight pays for so much CPU time, both in microseconds: one of twice the ordinary weight pays
/// half, so it gets twice as much before it has paid as much as its neighbour.
pub(crate) fn charge(used: u64, weight: Option<NonZeroU32>) -> u64 {
    let weight = weight.map_or(DEFAULT_WEIGHT, NonZeroU32::get);
    used.saturating_mul(u64::from(DEFAULT_WEIGHT)) / u64::from(weight).max(1)
}

/// CPU time in microseconds, the unit of shares.
pub(crate) fn micros(used: Duration) -> u64 {
    u64::try_from(used.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_divides_the_price() {
        let weight = |weight| NonZeroU32::new(weight);
        assert_eq!(charge(1000, None), 1000);
        assert_eq!(charge(1000, weight(100)), 1000);
        assert_eq!(charge(1000, weight(200)), 500);
        assert_eq!(charge(1000, weight(1)), 100_000);
        assert_eq!(charge(u64::MAX, weight(50)), u64::MAX / 50);
        assert_eq!(micros(Duration::from_millis(3)), 3000);
    }
}
