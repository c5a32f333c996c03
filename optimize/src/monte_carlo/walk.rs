//! Walks eight paths through their returns.

use crate::draws::{Draw, LANES, Source, Step};

/// Steps whose indices are drawn before they are walked: drawing and walking are each a tight loop, and four kilobytes of
/// indices stay in the first-level cache.
const CHUNK: usize = 128;

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
}

/// The state of eight paths.
struct Walk {
    equity: [f64; LANES],
    peak: [f64; LANES],
    lowest: [f64; LANES],
    drawdown: [f64; LANES],
    /// Steps since the path was last at its peak.
    below: [f64; LANES],
    longest: [f64; LANES],
}

/// Walks eight paths of `horizon` steps through the logarithms of 1 + return.
pub(super) struct Walking<'a> {
    pub(super) logarithms: &'a [f64],
    pub(super) horizon: usize,
}

impl Draw for Walking<'_> {
    type Output = [Path; LANES];

    #[inline(always)]
    fn draw(self, source: &mut impl Source) -> [Path; LANES] {
        let zero = [0.0; LANES];
        let mut walk =
            Walk { equity: zero, peak: zero, lowest: zero, drawdown: zero, below: zero, longest: zero };
        let mut steps = [[0; LANES]; CHUNK];
        let mut left = self.horizon;
        while left > 0 {
            let length = left.min(CHUNK);
            let (chunk, _) = steps.split_at_mut(length);
            source.fill(chunk);
            walk.through(self.logarithms, chunk);
            left -= length;
        }
        walk.paths()
    }
}

impl Walk {
    /// Maxima are written as comparisons, since `f64::max` also answers for NaN, which costs as much again; there is none
    /// here.
    #[expect(
        clippy::indexing_slicing,
        reason = "lanes are below LANES, and a source's indices below the returns' number"
    )]
    #[inline(always)]
    fn through(&mut self, logarithms: &[f64], steps: &[Step]) {
        let Self { mut equity, mut peak, mut lowest, mut drawdown, mut below, mut longest } = *self;
        for step in steps {
            for lane in 0..LANES {
                equity[lane] += logarithms[step[lane] as usize];
            }
            for lane in 0..LANES {
                let now = equity[lane];
                let top = if peak[lane] > now { peak[lane] } else { now };
                let fall = top - now;
                let run = if now < top { below[lane] + 1.0 } else { 0.0 };
                peak[lane] = top;
                lowest[lane] = if lowest[lane] < now { lowest[lane] } else { now };
                drawdown[lane] = if drawdown[lane] > fall { drawdown[lane] } else { fall };
                below[lane] = run;
                longest[lane] = if longest[lane] > run { longest[lane] } else { run };
            }
        }
        *self = Self { equity, peak, lowest, drawdown, below, longest };
    }

    fn paths(&self) -> [Path; LANES] {
        let mut paths = [Path::default(); LANES];
        let lanes = self.equity.iter().zip(&self.lowest).zip(&self.drawdown).zip(&self.longest);
        for (path, (((end, lowest), drawdown), longest)) in paths.iter_mut().zip(lanes) {
            *path = Path { end: *end, lowest: *lowest, drawdown: *drawdown, longest: *longest };
        }
        paths
    }
}
