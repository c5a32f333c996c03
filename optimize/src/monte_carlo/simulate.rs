//! Walks all paths, on all cores.

use rayon::prelude::*;

use super::generator::{Generator, LANES};
use super::source::{CircularBlocks, Independent, Permutations, StationaryBlocks};
use super::walk::{Path, walk};
use super::{MonteCarloSettings, Resampling};
use crate::Error;

/// A thread takes at least this many groups of paths at a time: half a millisecond of work at a thousand steps, against
/// some microseconds to hand it over.
const GROUPS: usize = 16;

/// All paths, by number. A path depends on its number alone, so the threads' number and speed do not show.
pub(super) fn paths(
    settings: &MonteCarloSettings,
    returns: &[f64],
    horizon: usize,
) -> Result<Vec<Path>, Error> {
    let Ok(count) = u32::try_from(returns.len()) else {
        return Err(Error::invalid_setting("returns", returns.len(), "at most 4294967295 values"));
    };
    // ln(1 + r), and not by log1p: 1 + r is what the equity is multiplied by.
    let logarithms: Vec<f64> = returns.iter().map(|value| libm::log(1.0 + value)).collect();
    let mut paths = vec![Path::default(); settings.paths];
    paths.par_chunks_mut(LANES).enumerate().with_min_len(GROUPS).for_each(|(group, out)| {
        let generator = Generator::new(settings.seed, group as u64 * LANES as u64);
        let walked = match settings.resampling {
            Resampling::Bootstrap => walk(&logarithms, horizon, &mut Independent::new(generator, count)),
            Resampling::Shuffle => walk(&logarithms, horizon, &mut Permutations::new(generator, count)),
            Resampling::StationaryBlock(mean) => {
                walk(&logarithms, horizon, &mut StationaryBlocks::new(generator, count, mean))
            }
            Resampling::CircularBlock(length) => {
                walk(&logarithms, horizon, &mut CircularBlocks::new(generator, count, length))
            }
        };
        for (out, path) in out.iter_mut().zip(walked) {
            *out = path;
        }
    });
    Ok(paths)
}
