//! Sums over runs of bars, for many columns at a time.

use rayon::prelude::*;

use crate::wide::{Work, wide};

/// Columns that are summed together: 64 of five thousand bars are 2.5 MB, which a processor keeps near.
const TILE: usize = 64;

/// A run of consecutive bars, which never passes the end of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The runs that these draws consist of: the sum over a run takes two numbers however long it is.
pub(super) fn runs(draws: impl Iterator<Item = u32>, runs: &mut Vec<Run>) {
    runs.clear();
    let mut run: Option<Run> = None;
    for bar in draws {
        match &mut run {
            Some(run) if run.end == bar => run.end += 1,
            _ => runs.extend(run.replace(Run { start: bar, end: bar + 1 })),
        }
    }
    runs.extend(run);
}

/// For each column the sums over the first 0, 1, 2 … bars.
pub(super) struct Prefixes {
    columns: usize,
    tiles: Vec<Tile>,
}

struct Tile {
    width: usize,
    /// A row of `width` for each number of bars.
    rows: Vec<f64>,
}

impl Prefixes {
    /// Columns are all of `bars` values. They are deviations from their means, so that the sums stay small and exact.
    pub(super) fn of(columns: &[impl AsRef<[f64]> + Sync], centres: &[f64], bars: usize) -> Self {
        let centred: Vec<_> = columns.iter().zip(centres).collect();
        let tile = |columns: &[(&_, &f64)]| {
            let width = columns.len();
            let mut rows = vec![0.0; (bars + 1) * width];
            for (place, (column, centre)) in columns.iter().enumerate() {
                let column: &[f64] = AsRef::as_ref(*column);
                let mut sum = 0.0;
                for (cell, value) in rows.iter_mut().skip(width + place).step_by(width).zip(column) {
                    sum += value - *centre;
                    *cell = sum;
                }
            }
            Tile { width, rows }
        };
        Self { columns: columns.len(), tiles: centred.par_chunks(TILE).map(tile).collect() }
    }

    /// For each list of runs a row with each column's sum over them.
    pub(super) fn sums(&self, lists: &[Vec<Run>]) -> Vec<Vec<f64>> {
        let mut sums = vec![vec![0.0; self.columns]; lists.len()];
        for (number, tile) in self.tiles.iter().enumerate() {
            for (sums, runs) in sums.iter_mut().zip(lists) {
                let part = sums.get_mut(number * TILE..number * TILE + tile.width).unwrap_or_default();
                wide(Summing { tile, runs, sums: part });
            }
        }
        sums
    }
}

impl Tile {
    fn row(&self, bars: u32) -> &[f64] {
        let start = bars as usize * self.width;
        self.rows.get(start..start + self.width).unwrap_or_default()
    }
}

struct Summing<'a> {
    tile: &'a Tile,
    runs: &'a [Run],
    sums: &'a mut [f64],
}

impl Work for Summing<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for run in self.runs {
            let (after, before) = (self.tile.row(run.end), self.tile.row(run.start));
            for (sum, (after, before)) in self.sums.iter_mut().zip(after.iter().zip(before)) {
                *sum += after - before;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_fall_into_runs_that_never_pass_the_end() {
        let mut found = Vec::new();
        runs([3, 4, 5, 0, 1, 9, 9, 2].into_iter(), &mut found);
        let expected = [(3, 6), (0, 2), (9, 10), (9, 10), (2, 3)].map(|(start, end)| Run { start, end });
        assert_eq!(found, expected);
        runs(std::iter::empty(), &mut found);
        assert_eq!(found, []);
    }

    #[test]
    fn sums_over_runs_are_sums_over_bars() {
        let columns: Vec<Vec<f64>> =
            (0..130).map(|k| (0..50).map(|t| f64::from(t * 7 % 11 * (k + 1))).collect()).collect();
        let centres: Vec<f64> = (0..130).map(f64::from).collect();
        let draws = [4_u32, 5, 6, 49, 0, 1, 30];
        let mut list = Vec::new();
        runs(draws.into_iter(), &mut list);
        let sums = Prefixes::of(&columns, &centres, 50).sums(&[list, Vec::new()]);
        for ((column, centre), sum) in columns.iter().zip(&centres).zip(&sums[0]) {
            assert_eq!(*sum, draws.iter().map(|bar| column[*bar as usize] - centre).sum::<f64>());
        }
        assert_eq!(sums[1], vec![0.0; 130]);
    }
}
