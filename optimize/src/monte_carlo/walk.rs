//! Walks eight paths through their returns.

use std::ops::{Add as _, Mul as _, Sub as _};

use crate::draws::{Draw, LANES, Source, Step, fill};
use crate::lanes::{both, each, higher, lower};
use crate::wide::{Work, wide};

/// Steps whose indices are drawn before they are walked: drawing and walking are each a tight loop, and four kilobytes of
/// indices stay in the first-level cache.
const CHUNK: usize = 128;

/// Paths that are walked together. Half of those that draw together: the state of eight would not fit into sixteen vectors.
const WALKERS: usize = LANES / 2;
type Four = [f64; WALKERS];

/// What one path came to. Equity is kept as its logarithm, so that a step is an addition.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Path {
    /// The logarithm of the final equity; minus infinity after a total loss.
    pub(super) end: f64,
    /// The logarithm of the lowest equity.
    pub(super) lowest: f64,
    /// The deepest fall below the peak: the logarithm of peak over equity.
    pub(super) drawdown: f64,
    /// The longest run of steps below the peak. A float, because its lanes then share the vectors of the others.
    pub(super) longest: f64,
    /// The sum of the squared falls, as shares of the peak; 0 if it was not asked for.
    pub(super) squares: f64,
}

/// Walks eight paths of `horizon` steps.
pub(super) struct Walking<'a> {
    /// ln(1 + return) of all that may be drawn.
    pub(super) logarithms: &'a [f64],
    /// 1 + return of all that may be drawn, if the squared falls are to be summed; else nothing.
    pub(super) factors: &'a [f64],
    pub(super) horizon: usize,
}

impl Draw for Walking<'_> {
    type Output = [Path; LANES];

    fn draw(self, source: &mut impl Source) -> [Path; LANES] {
        let mut walks = [Walk::default(); LANES / WALKERS];
        let mut falls = [Falls { level: [1.0; WALKERS], squares: [0.0; WALKERS] }; LANES / WALKERS];
        let mut steps = [[0; LANES]; CHUNK];
        let mut left = self.horizon;
        while left > 0 {
            let length = left.min(CHUNK);
            let (steps, _) = steps.split_at_mut(length);
            fill(source, steps);
            walks = wide(Through { logarithms: self.logarithms, steps, walks });
            if !self.factors.is_empty() {
                falls = wide(Falling { factors: self.factors, steps, falls });
            }
            left -= length;
        }
        let mut paths = [Path::default(); LANES];
        let walked = walks.iter().zip(&falls).flat_map(|(walk, falls)| walk.paths(falls));
        for (path, walked) in paths.iter_mut().zip(walked) {
            *path = walked;
        }
        paths
    }
}

/// The state of four paths.
#[derive(Clone, Copy, Default)]
struct Walk {
    equity: Four,
    peak: Four,
    lowest: Four,
    drawdown: Four,
    /// Steps since the path was last at its peak.
    below: Four,
    longest: Four,
}

impl Walk {
    fn paths(&self, falls: &Falls) -> impl Iterator<Item = Path> {
        let lanes =
            self.equity.into_iter().zip(self.lowest).zip(self.drawdown).zip(self.longest).zip(falls.squares);
        lanes.map(|((((end, lowest), drawdown), longest), squares)| Path {
            end,
            lowest,
            drawdown,
            longest,
            squares,
        })
    }
}

struct Through<'a> {
    logarithms: &'a [f64],
    steps: &'a [Step],
    walks: [Walk; LANES / WALKERS],
}

impl Work for Through<'_> {
    type Output = [Walk; LANES / WALKERS];

    #[inline(always)]
    fn run(self) -> Self::Output {
        let [first, second] = self.walks;
        [
            through(first, self.logarithms, self.steps.iter().map(drawn::<0>)),
            through(second, self.logarithms, self.steps.iter().map(drawn::<WALKERS>)),
        ]
    }
}

/// Four of the eight indices, from the first one on.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the first is 0 or 4, and there are eight")]
fn drawn<const FIRST: usize>(step: &Step) -> [u32; WALKERS] {
    [step[FIRST], step[FIRST + 1], step[FIRST + 2], step[FIRST + 3]]
}

#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "a source's indices are below the number of what may be drawn")]
fn looked_up(table: &[f64], indices: [u32; WALKERS]) -> Four {
    let [a, b, c, d] = indices;
    [table[a as usize], table[b as usize], table[c as usize], table[d as usize]]
}

#[inline(always)]
fn through(walk: Walk, logarithms: &[f64], steps: impl Iterator<Item = [u32; WALKERS]>) -> Walk {
    let Walk { mut equity, mut peak, mut lowest, mut drawdown, mut below, mut longest } = walk;
    for step in steps {
        equity = both(equity, looked_up(logarithms, step), f64::add);
        peak = higher(peak, equity);
        let fall = both(peak, equity, f64::sub);
        lowest = lower(lowest, equity);
        drawdown = higher(drawdown, fall);
        below = both(below, fall, |below, fall| if fall > 0.0 { below + 1.0 } else { 0.0 });
        longest = higher(longest, below);
    }
    Walk { equity, peak, lowest, drawdown, below, longest }
}

/// Equities as shares of their peaks, which need products instead of logarithms: e to the power of a fall at each step would
/// cost more than the whole walk.
#[derive(Clone, Copy)]
struct Falls {
    level: Four,
    squares: Four,
}

struct Falling<'a> {
    factors: &'a [f64],
    steps: &'a [Step],
    falls: [Falls; LANES / WALKERS],
}

impl Work for Falling<'_> {
    type Output = [Falls; LANES / WALKERS];

    #[inline(always)]
    fn run(self) -> Self::Output {
        let [first, second] = self.falls;
        [
            falling(first, self.factors, self.steps.iter().map(drawn::<0>)),
            falling(second, self.factors, self.steps.iter().map(drawn::<WALKERS>)),
        ]
    }
}

#[inline(always)]
fn falling(falls: Falls, factors: &[f64], steps: impl Iterator<Item = [u32; WALKERS]>) -> Falls {
    let Falls { mut level, mut squares } = falls;
    for step in steps {
        level = lower(both(level, looked_up(factors, step), f64::mul), [1.0; WALKERS]);
        let fall = each(level, |level| 1.0 - level);
        squares = both(squares, both(fall, fall, f64::mul), f64::add);
    }
    Falls { level, squares }
}
