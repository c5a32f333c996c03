//! Lets the columns compete on each half, and ranks the winner on the other half.

use rayon::prelude::*;

use super::halves::{Halves, without_the_last};
use crate::wide::{Work, wide};

/// Pairs of halves that a thread takes at a time.
const CHUNK: usize = 64;
const LANES: usize = 8;

/// What came of choosing on one half and judging on the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice {
    /// The column that was best where it was chosen; of equal ones the first.
    pub(super) winner: usize,
    pub(super) in_sample: f64,
    pub(super) out_of_sample: f64,
    /// The columns that were worse than the winner where it was judged.
    pub(super) worse: usize,
    /// Those that were as good, the winner included.
    pub(super) equal: usize,
}

/// The choices on all halves, in a fixed order: half, complement, next half … `None` where no column varies.
pub(super) fn choices(halves: &Halves, blocks: usize) -> Vec<Option<Choice>> {
    let all = (1 << blocks) - 1;
    let firsts = without_the_last(blocks);
    let chosen: Vec<Vec<Option<Choice>>> = firsts
        .par_chunks(CHUNK)
        .map(|firsts| {
            let (mut first, mut second) = (vec![0.0; halves.columns()], vec![0.0; halves.columns()]);
            let mut chosen = Vec::with_capacity(2 * firsts.len());
            for half in firsts {
                halves.score(*half, &mut first);
                halves.score(all ^ half, &mut second);
                chosen.push(wide(Judging { in_sample: &first, out_of_sample: &second }));
                chosen.push(wide(Judging { in_sample: &second, out_of_sample: &first }));
            }
            chosen
        })
        .collect();
    chosen.into_iter().flatten().collect()
}

struct Judging<'a> {
    in_sample: &'a [f64],
    out_of_sample: &'a [f64],
}

impl Work for Judging<'_> {
    type Output = Option<Choice>;

    #[inline(always)]
    fn run(self) -> Option<Choice> {
        let best = highest(self.in_sample);
        if best == f64::NEG_INFINITY {
            return None;
        }
        let winner = self.in_sample.iter().position(|score| *score == best)?;
        let out_of_sample = judged(*self.out_of_sample.get(winner)?);
        let (mut worse, mut not_better) = (0_u64, 0_u64);
        for score in self.out_of_sample {
            let score = judged(*score);
            worse += u64::from(score < out_of_sample);
            not_better += u64::from(score <= out_of_sample);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most the number of columns")]
        let (worse, equal) = (worse as usize, (not_better - worse) as usize);
        Some(Choice { winner, in_sample: best, out_of_sample, worse, equal })
    }
}

/// A column that does not vary cannot be chosen, but can be what a choice is compared with: it earned what cash earns.
#[inline(always)]
fn judged(score: f64) -> f64 {
    if score == f64::NEG_INFINITY { 0.0 } else { score }
}

/// The highest score. In lanes, since a maximum of one chain cannot be made of vectors.
#[inline(always)]
fn highest(scores: &[f64]) -> f64 {
    let higher = |left: f64, right: f64| if left > right { left } else { right };
    let (chunks, rest) = scores.as_chunks::<LANES>();
    let mut lanes = [f64::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, score) in lanes.iter_mut().zip(chunk) {
            *lane = higher(*score, *lane);
        }
    }
    lanes.iter().chain(rest).fold(f64::NEG_INFINITY, |best, score| higher(*score, best))
}
