//! The intervals of known resamples.

use std::path::Path;

use super::Bounds;
use super::accelerated::Intervals;
use super::jackknife::{acceleration, parts};
use super::resample::{Figure as _, Sums};
use crate::statistics::variance;
use crate::wide::in_both_widths;
use crate::{Interval, Resampling};

/// 999 resamples out of one SplitMix64 sequence, as numpy and scipy computed them. The file belongs to the repository and is
/// in no package, so this test is for the repository alone.
#[test]
fn known_resamples_give_the_reference_to_nine_digits() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    if !data.exists() {
        return;
    }
    let text = std::fs::read_to_string(data.join("trades_1000.csv")).unwrap();
    let trades: Vec<f64> = text.lines().skip(1).take(50).map(|line| line.parse().unwrap()).collect();
    let mut state = 42_u64;
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((((value ^ (value >> 31)) >> 32) * 50) >> 32) as usize
    };
    let mut means: Vec<f64> = (0..999).map(|_| (0..50).map(|_| trades[draw()]).sum::<f64>() / 50.0).collect();
    means.sort_unstable_by(f64::total_cmp);
    // `bca.deterministic` of the reference.
    let close = |found: f64, expected: f64| {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} instead of {expected}");
    };
    let both = |found: Bounds, expected: [f64; 2]| {
        close(found.low, expected[0]);
        close(found.high, expected[1]);
    };
    let figure = Sums::of(&trades, false).unwrap();
    let acceleration = acceleration(&figure.without(1.0));
    close(figure.whole().unwrap(), 0.003_847_736_926_237_648_7);
    close(acceleration, 0.002_324_271_621_579_395);
    let intervals = Intervals::of(&means, figure.whole().unwrap(), acceleration, 0.95).unwrap();
    close(intervals.bias_correction.unwrap(), 0.036_390_522_693_206_855);
    both(intervals.accelerated.unwrap(), [-0.002_874_437_000_103_224, 0.010_823_715_752_900_316]);
    both(intervals.percentile, [-0.003_044_157_992_777_028, 0.010_646_107_866_274_129]);
    both(intervals.basic, [-0.002_950_634_013_798_832_5, 0.010_739_631_845_252_324]);
    close(variance(&means).unwrap().sqrt(), 0.003_610_704_714_679_229_6);
}

#[test]
fn the_jackknife_leaves_out_values_or_blocks_and_forgets_none() {
    assert_eq!(parts(3, 1.0).collect::<Vec<_>>(), [0..1, 1..2, 2..3]);
    assert_eq!(parts(7, 2.6).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
    // Half of the series at most: of one part there is no spread.
    assert_eq!(parts(7, 1e300).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
    assert_eq!(parts(2, 5.0).collect::<Vec<_>>(), [0..1, 1..2]);
}

#[test]
fn reports_are_the_same_with_vectors_of_every_width_and_on_any_number_of_threads() {
    let returns: Vec<f64> = (0..97).map(|k| f64::from(k * 37 % 97 - 45) / 1000.0).collect();
    for resampling in [Resampling::Bootstrap, Resampling::StationaryAutomatic, Resampling::CircularBlock(7)] {
        let study = Interval::new(resampling).replicates(1_003).seed(4).build().unwrap();
        let figures = || {
            let gains = |sample: &[f64]| Some(sample.iter().filter(|value| **value > 0.0).count() as f64);
            // Debug writes the shortest digits that give the same float back.
            format!("{:?}", (study.of_sharpe(&returns).unwrap(), study.of(&returns, gains).unwrap()))
        };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            in_both_widths(|| pool.install(figures))
        };
        let [expected, narrow] = on(1);
        assert_eq!(expected, narrow, "{resampling}");
        for threads in [2, 3, 8] {
            assert_eq!(on(threads), [expected.clone(), expected.clone()], "{resampling}, {threads} threads");
        }
    }
}
