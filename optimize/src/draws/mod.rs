//! Draws returns again, for eight paths at a time: what the Monte Carlo and the bootstraps have in common.

mod generator;
mod plan;
mod source;

pub(crate) use generator::LANES;
pub(crate) use plan::{Draw, Plan};
pub(crate) use source::{LEVELS, Source, Step, fill};

#[cfg(test)]
pub(crate) use generator::Generator;
#[cfg(test)]
pub(crate) use source::{CircularBlocks, Independent, Permutations, StationaryBlocks};
