//! The walk itself, with orders of draws that are known from elsewhere.

use std::path::Path as FilePath;

use super::walk::{Path, Walking};
use super::{MonteCarlo, Resampling, summary};
use crate::draws::{
    CircularBlocks, Draw as _, Generator, Independent, LANES, Permutations, Source, StationaryBlocks, Step,
};
use crate::wide::in_both_widths;

/// A source that gives a fixed order of draws: step after step of eight paths.
struct Fixed<'a>(std::slice::Iter<'a, Step>);

impl Source for Fixed<'_> {
    fn fill(&mut self, steps: &mut [Step]) {
        for (step, fixed) in steps.iter_mut().zip(&mut self.0) {
            *step = *fixed;
        }
    }
}

fn logarithms(returns: &[f64]) -> Vec<f64> {
    returns.iter().map(|value| libm::log(1.0 + value)).collect()
}

fn generator() -> Generator {
    Generator::new(5, 0)
}

/// The draws of one lane.
fn lane(source: &mut impl Source, steps: usize, lane: usize) -> Vec<u32> {
    let mut filled = vec![[0; LANES]; steps];
    // In two uneven parts, as a walk would ask.
    let (first, second) = filled.split_at_mut(steps / 3);
    source.fill(first);
    source.fill(second);
    filled.iter().map(|step| step[lane]).collect()
}

/// A path walked in the plainest way: by products.
fn plain(returns: &[f64], draws: impl Iterator<Item = u32>) -> (f64, f64, f64, f64) {
    let (mut equity, mut peak, mut lowest, mut drawdown, mut run, mut longest) =
        (1.0_f64, 1.0_f64, 1.0_f64, 0.0_f64, 0.0, 0.0_f64);
    for draw in draws {
        equity *= 1.0 + returns[draw as usize];
        run = if equity < peak { run + 1.0 } else { 0.0 };
        peak = peak.max(equity);
        lowest = lowest.min(equity);
        drawdown = drawdown.max(1.0 - equity / peak);
        longest = longest.max(run);
    }
    (equity, lowest, drawdown, longest)
}

#[test]
fn walking_logarithms_in_lockstep_is_walking_products_alone() {
    let returns: Vec<f64> = (0..97).map(|k| f64::from(k * 37 % 97 - 47) / 1000.0).collect();
    let horizon = 300;
    let mut steps = vec![[0; LANES]; horizon];
    Independent::new(generator(), 97).fill(&mut steps);
    let walking = Walking { logarithms: &logarithms(&returns), factors: &[], horizon };
    let walked = walking.draw(&mut Fixed(steps.iter()));
    for (number, path) in walked.iter().enumerate() {
        let (end, lowest, drawdown, longest) = plain(&returns, steps.iter().map(|step| step[number]));
        assert!((path.end.exp() / end - 1.0).abs() < 1e-12);
        assert!((path.lowest.exp() / lowest - 1.0).abs() < 1e-12);
        assert!((1.0 - (-path.drawdown).exp() - drawdown).abs() < 1e-12);
        assert_eq!(path.longest, longest);
    }
}

/// Five hundred paths out of one SplitMix64 sequence, as numpy computed them. The prices belong to the repository and are in
/// no package, so this test is for the repository alone.
#[test]
fn a_known_sequence_of_draws_gives_the_reference_to_nine_digits() {
    let data = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    if !data.exists() {
        return;
    }
    let text = std::fs::read_to_string(data.join("trades_1000.csv")).unwrap();
    let trades: Vec<f64> = text.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    let mut state = 12_u64;
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((((value ^ (value >> 31)) >> 32) * 1000) >> 32) as u32
    };
    let draws: Vec<Vec<u32>> = (0..500).map(|_| (0..1000).map(|_| draw()).collect()).collect();
    let logarithms = logarithms(&trades);
    let mut paths: Vec<Path> = Vec::new();
    for group in draws.chunks(LANES) {
        let steps: Vec<Step> = (0..1000)
            .map(|t| std::array::from_fn(|lane| group.get(lane).map_or(0, |path| path[t])))
            .collect();
        let walked =
            Walking { logarithms: &logarithms, factors: &[], horizon: 1000 }.draw(&mut Fixed(steps.iter()));
        paths.extend(walked.iter().take(group.len()));
    }
    let simulation = MonteCarlo::new(Resampling::Bootstrap).paths(500).ruin_drawdown(0.5).build().unwrap();
    let drawn = summary::Drawn { observations: 1000, block_length: 1.0, horizon: 1000 };
    let report = summary::report(simulation.settings(), drawn, &paths).unwrap();
    let values = |distribution: &super::Distribution| -> Vec<f64> {
        distribution.percentiles.iter().map(|percentile| percentile.value.value).collect()
    };
    // `monte_carlo.deterministic_iid` of the reference.
    let equity = [0.624_638_300_881_188_4, 2.244_423_319_580_368, 7.179_692_081_352_519];
    let drawdown = [0.299_325_619_807_033_04, 0.449_560_189_300_810_2, 0.677_491_842_300_948_2];
    for (found, expected) in values(&report.final_equity).iter().zip(equity) {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} instead of {expected}");
    }
    for (found, expected) in values(&report.maximum_drawdown).iter().zip(drawdown) {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} instead of {expected}");
    }
    assert_eq!(report.probability_of_profit.value, 0.848);
    assert_eq!(report.probability_of_drawdown.unwrap().value, 0.358);
}

#[test]
fn a_permutation_uses_each_return_once() {
    for number in 0..LANES {
        let mut drawn = lane(&mut Permutations::new(generator(), 50), 50, number);
        assert_ne!(drawn, (0..50).collect::<Vec<_>>());
        drawn.sort_unstable();
        assert_eq!(drawn, (0..50).collect::<Vec<_>>());
    }
}

/// All six orders of three returns come equally often: a shuffle that is wrong by one place fails this.
#[test]
fn every_permutation_is_equally_likely() {
    let mut seen = std::collections::BTreeMap::<Vec<u32>, u32>::new();
    for group in 0..1500 {
        let mut source = Permutations::new(Generator::new(11, group * 8), 3);
        let mut steps = [[0; LANES]; 3];
        source.fill(&mut steps);
        for number in 0..LANES {
            *seen.entry(steps.iter().map(|step| step[number]).collect()).or_default() += 1;
        }
    }
    assert_eq!(seen.len(), 6);
    // 12,000 draws: 2000 of each, deviation 41.
    assert!(seen.values().all(|count| count.abs_diff(2000) < 205), "{seen:?}");
}

#[test]
fn circular_blocks_follow_and_wrap_around() {
    let drawn = lane(&mut CircularBlocks::new(generator(), 10, 4), 400, 3);
    for block in drawn.chunks(4) {
        for pair in block.windows(2) {
            assert_eq!(pair[1], (pair[0] + 1) % 10);
        }
    }
    assert!(drawn.chunks(4).any(|block| block[0] > block[3]), "some block wraps");
}

#[test]
fn stationary_blocks_have_their_mean_length() {
    let steps = 200_000;
    let drawn = lane(&mut StationaryBlocks::new(generator(), 1000, 8.0), steps, 2);
    let breaks = drawn.windows(2).filter(|pair| pair[1] != (pair[0] + 1) % 1000).count();
    // One step in eight breaks, but one break in a thousand happens to follow. Deviation about 148.
    let expected = (steps as f64 - 1.0) / 8.0 * 0.999;
    assert!((breaks as f64 - expected).abs() < 740.0, "{breaks} breaks instead of {expected}");
}

#[test]
fn blocks_of_mean_length_one_are_independent_draws() {
    let drawn = lane(&mut StationaryBlocks::new(generator(), 2, 1.0), 20_000, 0);
    let followed = drawn.windows(2).filter(|pair| pair[1] != pair[0]).count();
    assert!(followed.abs_diff(10_000) < 360, "{followed}");
}

/// Vectors of four numbers and of two must not show in any bit.
#[test]
fn paths_are_the_same_with_vectors_of_every_width() {
    let returns: Vec<f64> = (0..97).map(|k| f64::from(k * 37 % 97 - 47) / 1000.0).collect();
    for resampling in [
        Resampling::Bootstrap,
        Resampling::Shuffle,
        Resampling::StationaryBlock(5.0),
        Resampling::CircularBlock(7),
        Resampling::SkipTrades(0.2),
        Resampling::CostStress(0.01),
    ] {
        let simulation = MonteCarlo::new(resampling).paths(203).seed(6).ulcer_index(true).build().unwrap();
        let [wide, narrow] = in_both_widths(|| format!("{:?}", simulation.run(&returns).unwrap()));
        assert_eq!(wide, narrow, "{resampling}");
    }
}
