//! All ways to take half of the blocks, and the sums over each.

use super::blocks::{Block, Blocks};
use super::builder::Criterion;
use crate::wide::{Work, wide};

/// What remains of the squares when equal values are subtracted from their mean is some 10⁻¹⁵ of them. Less than this part
/// is no variation.
const NOISE: f64 = 1e-12;

/// The sums over every subset of some blocks. Row by row, the row of a subset being the number whose bits are its blocks.
struct Subsets {
    columns: usize,
    bars: Vec<f64>,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Subsets {
    fn of(blocks: &[Block], columns: usize) -> Self {
        let subsets = 1 << blocks.len();
        let mut bars = vec![0.0; subsets];
        let (mut sums, mut squares) = (vec![0.0; subsets * columns], vec![0.0; subsets * columns]);
        for (place, block) in blocks.iter().enumerate() {
            // All subsets of the blocks before are there; each gets a copy with this block.
            let known = 1 << place;
            extend(&mut bars, &[block.bars], known);
            extend(&mut sums, &block.sums, known);
            extend(&mut squares, &block.squares, known);
        }
        Self { columns, bars, sums, squares }
    }

    fn row(&self, subset: usize) -> Row<'_> {
        let range = subset * self.columns..(subset + 1) * self.columns;
        Row {
            bars: self.bars.get(subset).copied().unwrap_or(0.0),
            sums: self.sums.get(range.clone()).unwrap_or_default(),
            squares: self.squares.get(range).unwrap_or_default(),
        }
    }
}

/// Appends to the first `known` rows a copy of each, with `block` added.
fn extend(rows: &mut [f64], block: &[f64], known: usize) {
    let (before, after) = rows.split_at_mut_checked(known * block.len()).unwrap_or_default();
    let copies = after.chunks_exact_mut(block.len().max(1));
    for (copy, row) in copies.zip(before.chunks_exact(block.len().max(1))) {
        for (copy, (value, added)) in copy.iter_mut().zip(row.iter().zip(block)) {
            *copy = value + added;
        }
    }
}

struct Row<'a> {
    bars: f64,
    sums: &'a [f64],
    squares: &'a [f64],
}

/// The scores of all columns on any half of the blocks. The sums over a half are those over its part of the earlier blocks
/// and over its part of the later ones, so that no half costs more than two additions a column, and none inherits the
/// rounding of another.
pub(super) struct Halves {
    criterion: Criterion,
    earlier_blocks: usize,
    centres: Vec<f64>,
    earlier: Subsets,
    later: Subsets,
}

impl Halves {
    pub(super) fn of(blocks: Blocks, criterion: Criterion) -> Self {
        let columns = blocks.centres.len();
        let earlier_blocks = blocks.rows.len() / 2;
        let (earlier, later) = blocks.rows.split_at(earlier_blocks);
        Self {
            criterion,
            earlier_blocks,
            earlier: Subsets::of(earlier, columns),
            later: Subsets::of(later, columns),
            centres: blocks.centres,
        }
    }

    /// How many columns there are.
    pub(super) const fn columns(&self) -> usize {
        self.centres.len()
    }

    /// Writes the score of each column on this half, given by the bits of its blocks; minus infinity where the column does
    /// not vary.
    pub(super) fn score(&self, half: usize, scores: &mut [f64]) {
        let earlier = self.earlier.row(half & ((1 << self.earlier_blocks) - 1));
        let later = self.later.row(half >> self.earlier_blocks);
        let bars = earlier.bars + later.bars;
        let sharpe = self.criterion == Criterion::Sharpe;
        wide(Scoring { earlier, later, bars, centres: &self.centres, sharpe, scores });
    }
}

struct Scoring<'a> {
    earlier: Row<'a>,
    later: Row<'a>,
    bars: f64,
    centres: &'a [f64],
    sharpe: bool,
    scores: &'a mut [f64],
}

impl Work for Scoring<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { earlier, later, bars, centres, sharpe, scores } = self;
        let sums = earlier.sums.iter().zip(later.sums);
        let squares = earlier.squares.iter().zip(later.squares);
        for (((score, centre), sum), square) in scores.iter_mut().zip(centres).zip(sums).zip(squares) {
            let (sum, square) = (sum.0 + sum.1, square.0 + square.1);
            let spread = square - sum * sum / bars;
            let mean = sum / bars + centre;
            let deviation = if sharpe { (spread / (bars - 1.0)).sqrt() } else { 1.0 };
            *score = if spread > NOISE * square { mean / deviation } else { f64::NEG_INFINITY };
        }
    }
}

/// Half of all ways to take half of `blocks` blocks: those without the last block. The others are their complements.
pub(super) fn without_the_last(blocks: usize) -> Vec<usize> {
    let half = blocks / 2;
    (0..1_usize << (blocks - 1)).filter(|subset| subset.count_ones() as usize == half).collect()
}
