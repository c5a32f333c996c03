//! Which order of draws a study asks for, with every length known.

use super::generator::{Generator, LANES};
use super::source::{CircularBlocks, Costs, Independent, Permutations, Skips, Source, StationaryBlocks};
use crate::Error;

/// Which order of draws a study asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plan {
    /// Each return anew.
    Independent,
    /// Each return once.
    Permutation,
    /// Runs of geometric length with this mean, at least 1.
    Stationary(f64),
    /// Runs of this length, at least 1.
    Circular(usize),
    /// The returns in their order; with this probability the index after the last stands instead of a return's.
    Skips(f64),
    /// The returns in their order, each at one of [`LEVELS`](super::LEVELS) levels: index = return × levels + level.
    Costs,
}

/// What is done with eight paths' draws.
pub(crate) trait Draw {
    /// What comes of them.
    type Output;

    /// Takes the draws, by [`fill`](super::fill).
    fn draw(self, source: &mut impl Source) -> Self::Output;
}

impl Plan {
    /// Whether each return is drawn at most once, so that there are no more steps than returns.
    pub(crate) const fn is_bounded(self) -> bool {
        matches!(self, Self::Permutation | Self::Skips(_) | Self::Costs)
    }

    /// The (mean) length of the runs that are drawn.
    #[expect(clippy::cast_precision_loss, reason = "no series in memory has 2^53 values")]
    pub(crate) const fn block_length(self) -> f64 {
        match self {
            Self::Stationary(mean) => mean,
            Self::Circular(length) => length as f64,
            Self::Independent | Self::Permutation | Self::Skips(_) | Self::Costs => 1.0,
        }
    }

    /// How many returns there are, as the sources count them.
    pub(crate) fn size(returns: usize) -> Result<u32, Error> {
        // Costs number every level of every return, and skips one more.
        let limit = u32::MAX / 16 - 1;
        u32::try_from(returns)
            .ok()
            .filter(|size| *size <= limit)
            .ok_or_else(|| Error::invalid_setting("the number of returns", returns, "at most 268435454"))
    }

    /// Hands the draws of the eight paths of a group to `draw`. They depend on plan, seed and the group's number alone.
    pub(crate) fn group<D: Draw>(self, seed: u64, group: usize, returns: u32, draw: D) -> D::Output {
        let generator = Generator::new(seed, group as u64 * LANES as u64);
        match self {
            Self::Independent => draw.draw(&mut Independent::new(generator, returns)),
            Self::Permutation => draw.draw(&mut Permutations::new(generator, returns)),
            Self::Stationary(mean) => draw.draw(&mut StationaryBlocks::new(generator, returns, mean)),
            Self::Circular(length) => draw.draw(&mut CircularBlocks::new(generator, returns, length)),
            Self::Skips(probability) => draw.draw(&mut Skips::new(generator, returns, probability)),
            Self::Costs => draw.draw(&mut Costs::new(generator)),
        }
    }
}
