//! The contest by block sums, against the plainest one that can be written.

use ndarray::Array2;
use proptest::prelude::*;

use super::blocks::Blocks;
use super::contest::choices;
use super::halves::{Halves, without_the_last};
use super::{Criterion, Overfitting};
use crate::ReturnMatrix;
use crate::statistics::mean_and_deviation;
use crate::wide::in_both_widths;

/// Scores every column on the bars of a half, as the paper writes it.
fn plain(columns: &[&[f64]], blocks: usize, half: usize) -> Vec<f64> {
    let bars = columns[0].len();
    let inside = |bar: &usize| {
        let block = (0..blocks).find(|block| *bar < (block + 1) * bars / blocks).unwrap();
        half & (1 << block) != 0
    };
    let score = |column: &&[f64]| {
        let values: Vec<f64> = (0..bars).filter(inside).map(|bar| column[bar]).collect();
        mean_and_deviation(&values).map_or(f64::NEG_INFINITY, |(mean, deviation)| mean / deviation)
    };
    columns.iter().map(score).collect()
}

fn noise(bars: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut state = seed;
    Array2::from_shape_simple_fn((bars, columns), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1 << 24) as f64 * 0.02 - 0.01
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn scores_of_block_sums_are_scores_of_bars(
        bars in 12_usize..60,
        columns in 2_usize..20,
        blocks in 1_usize..4,
        seed in any::<u64>(),
    ) {
        let blocks = 2 * blocks;
        let returns = noise(bars, columns, seed);
        let matrix = ReturnMatrix::new(returns.view(), 0).unwrap();
        let series: Vec<&[f64]> = (0..columns).map(|column| matrix.column(column)).collect();
        let halves = Halves::of(Blocks::of(&series, bars, blocks).unwrap(), Criterion::Sharpe);
        let all = (1 << blocks) - 1;
        let mut scores = vec![0.0; columns];
        let order = without_the_last(blocks).into_iter().flat_map(|half| [half, all ^ half]);
        for (half, choice) in order.zip(choices(&halves, blocks)) {
            let (chosen, judged) = (plain(&series, blocks, half), plain(&series, blocks, all ^ half));
            halves.score(half, &mut scores);
            for (found, expected) in scores.iter().zip(&chosen) {
                prop_assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{found} for {expected}");
            }
            let choice = choice.unwrap();
            let best = chosen.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!((chosen[choice.winner] - best).abs() < 1e-9);
            prop_assert_eq!(choice.worse, judged.iter().filter(|score| **score < judged[choice.winner]).count());
            prop_assert_eq!(choice.equal, 1);
        }
    }

    /// Any floats at all: a report whose figures are numbers, or an error; never a panic.
    #[test]
    fn any_matrix_gives_a_report_or_an_error(
        values in proptest::collection::vec(
            prop_oneof![6 => -1.0_f64..1.0, 2 => Just(0.0), 1 => -1.0..1e300, 1 => -1e-300..1e-300], 0..120),
        columns in 1_usize..6,
        blocks in 1_usize..4,
        mean in any::<bool>(),
    ) {
        let bars = values.len() / columns;
        let returns = Array2::from_shape_vec((bars, columns), values[..bars * columns].to_vec()).unwrap();
        let matrix = ReturnMatrix::new(returns.view(), 0).unwrap();
        let criterion = if mean { Criterion::Mean } else { Criterion::Sharpe };
        let study = Overfitting::of_blocks(2 * blocks).criterion(criterion).null_replicates(3).build().unwrap();
        if let Ok(report) = study.run(&matrix) {
            let text = serde_json::to_string(&report).unwrap();
            prop_assert_eq!(serde_json::from_str::<super::OverfittingReport>(&text).unwrap(), report);
        }
    }
}

#[test]
fn reports_are_the_same_with_vectors_of_every_width_and_on_any_number_of_threads() {
    let returns = noise(203, 37, 5);
    let matrix = ReturnMatrix::new(returns.view(), 0).unwrap();
    let study = Overfitting::of_blocks(8).null_replicates(11).seed(4).build().unwrap();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        // Debug writes the shortest digits that give the same float back.
        in_both_widths(|| pool.install(|| format!("{:?}", study.run(&matrix).unwrap())))
    };
    let [expected, narrow] = on(1);
    assert_eq!(expected, narrow);
    for threads in [2, 3, 8] {
        assert_eq!(on(threads), [expected.clone(), expected.clone()], "{threads} threads");
    }
}

#[test]
fn every_half_comes_once() {
    let halves = without_the_last(8);
    assert_eq!(halves.len(), 35);
    assert!(halves.iter().all(|half| half.count_ones() == 4 && half & 0x80 == 0));
    assert!(halves.is_sorted_by(|left, right| left < right));
}
