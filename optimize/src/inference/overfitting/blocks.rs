//! Cuts a history into blocks and keeps of each only what a score is made of: sums and sums of squares.

use std::ops::Range;

use rayon::prelude::*;

use crate::statistics::{count, mean};

/// Partial sums that do not wait for each other; their fixed number keeps the order of the additions.
const LANES: usize = 8;

/// What is left of a block of bars: a row over all columns.
pub(super) struct Block {
    pub(super) bars: f64,
    pub(super) sums: Vec<f64>,
    pub(super) squares: Vec<f64>,
}

/// A history in blocks. The sums are of deviations from the column's mean, since differences of large sums would lose the
/// digits that distinguish columns.
pub(super) struct Blocks {
    /// What the deviations are from.
    pub(super) centres: Vec<f64>,
    pub(super) rows: Vec<Block>,
}

/// The bars of each block: as equal as may be, none left out.
pub(super) fn bounds(bars: usize, blocks: usize) -> impl Iterator<Item = Range<usize>> {
    (0..blocks).map(move |block| block * bars / blocks..(block + 1) * bars / blocks)
}

impl Blocks {
    /// `None` when a sum leaves the range of a float. Columns are all of `bars` values.
    pub(super) fn of(columns: &[&[f64]], bars: usize, blocks: usize) -> Option<Self> {
        let ranges: Vec<Range<usize>> = bounds(bars, blocks).collect();
        let summed: Vec<(f64, Vec<(f64, f64)>)> = columns
            .par_iter()
            .map(|column| {
                let centre = mean(column).unwrap_or(f64::NAN);
                let sums =
                    ranges.iter().map(|range| sums(column.get(range.clone()).unwrap_or_default(), centre));
                (centre, sums.collect())
            })
            .collect();
        let row = |(block, range): (usize, &Range<usize>)| {
            let cells = || summed.iter().filter_map(|(_, cells)| cells.get(block));
            let bars = count(range.len());
            Block {
                bars,
                sums: cells().map(|(sum, _)| *sum).collect(),
                squares: cells().map(|(_, square)| *square).collect(),
            }
        };
        let rows = ranges.iter().enumerate().map(row).collect();
        let blocks = Self { centres: summed.iter().map(|(centre, _)| *centre).collect(), rows };
        blocks.are_finite().then_some(blocks)
    }

    /// Whether a sum over any of the blocks is finite.
    fn are_finite(&self) -> bool {
        let mut totals = vec![0.0; self.centres.len()];
        for block in &self.rows {
            for (total, square) in totals.iter_mut().zip(&block.squares) {
                *total += square;
            }
        }
        // A sum is below the root of bars × squares, so it is finite if the squares are.
        totals.iter().all(|total| total.is_finite())
    }
}

/// Sum and sum of squares of the deviations, lane by lane, then the lanes in order, then the rest.
fn sums(values: &[f64], centre: f64) -> (f64, f64) {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
    for chunk in chunks {
        for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(chunk) {
            let deviation = value - centre;
            *sum += deviation;
            *square += deviation * deviation;
        }
    }
    let whole = (sums.iter().sum::<f64>(), squares.iter().sum::<f64>());
    rest.iter().fold(whole, |(sum, square), value| {
        let deviation = value - centre;
        (sum + deviation, square + deviation * deviation)
    })
}
