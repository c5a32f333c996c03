//! The order in which paths draw the returns.

use std::ops::{BitAnd as _, BitOr as _};

use super::generator::{Bound, Generator, LANES};
use crate::lanes::{both, each};
use crate::wide::{Work, wide};

/// The indices of the returns that eight paths draw at one step.
pub(crate) type Step = [u32; LANES];

/// Says which return each path draws next. Every index is below the number of returns.
pub(crate) trait Source {
    /// Draws the next steps. An implementation is `#[inline(always)]`, see [`Work`].
    fn fill(&mut self, steps: &mut [Step]);
}

/// Draws the next steps, with vectors. A caller draws some hundred steps and then walks them: two tight loops of their own
/// are quicker than one that has no registers left.
pub(crate) fn fill(source: &mut impl Source, steps: &mut [Step]) {
    wide(Filling { source, steps });
}

struct Filling<'a, S> {
    source: &'a mut S,
    steps: &'a mut [Step],
}

impl<S: Source> Work for Filling<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.source.fill(self.steps);
    }
}

/// Each return anew.
pub(crate) struct Independent {
    generator: Generator,
    bound: Bound,
}

impl Independent {
    pub(crate) const fn new(generator: Generator, returns: u32) -> Self {
        Self { generator, bound: Bound::new(returns) }
    }
}

impl Source for Independent {
    #[inline(always)]
    fn fill(&mut self, steps: &mut [Step]) {
        let (mut generator, bound) = (self.generator, self.bound);
        for step in steps {
            *step = generator.below(bound);
        }
        self.generator = generator;
    }
}

/// Steps of stationary blocks that are first drawn and then joined to runs, since one loop for both is beyond the compiler's
/// skill with vectors.
const CHUNK: usize = 128;

/// Runs of geometric length.
pub(crate) struct StationaryBlocks {
    generator: Generator,
    returns: u32,
    bound: Bound,
    /// A run ends when a number up to this is drawn: 2³² / mean length, less one.
    ends_up_to: u32,
    current: Step,
}

impl StationaryBlocks {
    /// `mean_length` is at least 1.
    pub(crate) fn new(mut generator: Generator, returns: u32, mean_length: f64) -> Self {
        let bound = Bound::new(returns);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates at 2^32 - 1"
        )]
        let ends_up_to = (4_294_967_296.0 / mean_length - 1.0) as u32;
        // One return before the first run begins, which the first step either follows or leaves: both are uniform.
        let current = generator.below(bound);
        Self { generator, returns, bound, ends_up_to, current }
    }
}

impl Source for StationaryBlocks {
    #[inline(always)]
    fn fill(&mut self, steps: &mut [Step]) {
        for steps in steps.chunks_mut(CHUNK) {
            let mut ends = [[0; LANES]; CHUNK];
            let (mut generator, bound) = (self.generator, self.bound);
            for (step, ends) in steps.iter_mut().zip(&mut ends) {
                *ends = generator.next();
                *step = generator.below(bound);
            }
            self.generator = generator;
            let (mut current, returns, ends_up_to) = (self.current, self.returns, self.ends_up_to);
            for (step, ends) in steps.iter_mut().zip(ends) {
                // Masks instead of choices: all bits where the run ends, and none where it goes on.
                let ends = each(ends, |drawn| u32::from(drawn <= ends_up_to).wrapping_neg());
                let following =
                    each(current, |index| (index + 1) & u32::from(index + 1 == returns).wrapping_sub(1));
                let kept = both(following, ends, |index, ends| index & !ends);
                current = both(both(*step, ends, u32::bitand), kept, u32::bitor);
                *step = current;
            }
            self.current = current;
        }
    }
}

/// Runs of equal length.
pub(crate) struct CircularBlocks {
    generator: Generator,
    returns: u32,
    bound: Bound,
    length: usize,
    /// Steps until the next run begins.
    left: usize,
    current: Step,
}

impl CircularBlocks {
    /// `length` is at least 1.
    pub(crate) const fn new(generator: Generator, returns: u32, length: usize) -> Self {
        Self { generator, returns, bound: Bound::new(returns), length, left: 0, current: [0; LANES] }
    }
}

impl Source for CircularBlocks {
    #[inline(always)]
    fn fill(&mut self, steps: &mut [Step]) {
        let (mut generator, mut current) = (self.generator, self.current);
        for step in steps {
            if self.left == 0 {
                self.left = self.length;
                current = generator.below(self.bound);
            } else {
                current = each(current, |index| if index + 1 == self.returns { 0 } else { index + 1 });
            }
            self.left -= 1;
            *step = current;
        }
        (self.generator, self.current) = (generator, current);
    }
}

/// Each return once: the shuffle of Fisher & Yates, made as far as the paths have come.
pub(crate) struct Permutations {
    generator: Generator,
    /// Up to `drawn`, what the paths drew; after it, what is left to draw.
    order: Vec<Step>,
    drawn: usize,
}

impl Permutations {
    pub(crate) fn new(generator: Generator, returns: u32) -> Self {
        Self { generator, order: (0..returns).map(|index| [index; LANES]).collect(), drawn: 0 }
    }
}

impl Source for Permutations {
    #[inline(always)]
    fn fill(&mut self, steps: &mut [Step]) {
        for step in steps {
            let (_, left) = self.order.split_at_mut(self.drawn);
            let Some((first, _)) = left.split_first() else { return };
            let mut drawn = *first;
            let bound = Bound::new(u32::try_from(left.len()).unwrap_or(u32::MAX));
            let choices = self.generator.below(bound);
            for (lane, (drawn, choice)) in drawn.iter_mut().zip(choices).enumerate() {
                if let Some(chosen) = left.get_mut(choice as usize).and_then(|step| step.get_mut(lane)) {
                    std::mem::swap(drawn, chosen);
                }
            }
            self.drawn += 1;
            *step = drawn;
        }
    }
}

/// Each return in its place, unless it is left out: then the index after the last return stands there.
pub(crate) struct Skips {
    generator: Generator,
    returns: u32,
    next: u32,
    /// A return is left out when a number up to this is drawn: 2³² × probability, less one. `None` if none is left out.
    skips_up_to: Option<u32>,
}

impl Skips {
    /// `probability` is between 0 and 1.
    pub(crate) fn new(generator: Generator, returns: u32, probability: f64) -> Self {
        let numbers = 4_294_967_296.0 * probability;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates at 0"
        )]
        let skips_up_to = (numbers >= 1.0).then_some((numbers - 1.0) as u32);
        Self { generator, returns, next: 0, skips_up_to }
    }
}

impl Source for Skips {
    #[inline(always)]
    fn fill(&mut self, steps: &mut [Step]) {
        let (mut generator, returns) = (self.generator, self.returns);
        for (step, place) in steps.iter_mut().zip(self.next..) {
            *step = match self.skips_up_to {
                None => [place; LANES],
                Some(most) => each(generator.next(), |drawn| if drawn <= most { returns } else { place }),
            };
            self.next = place + 1;
        }
        self.generator = generator;
    }
}

/// How many levels of cost a return may meet.
pub(crate) const LEVELS: u32 = 16;

/// Each return in its place, at one of the levels of cost.
pub(crate) struct Costs {
    generator: Generator,
    next: u32,
}

impl Costs {
    pub(crate) const fn new(generator: Generator) -> Self {
        Self { generator, next: 0 }
    }
}

impl Source for Costs {
    #[inline(always)]
    fn fill(&mut self, steps: &mut [Step]) {
        let mut generator = self.generator;
        for (step, place) in steps.iter_mut().zip(self.next..) {
            *step = each(generator.next(), |drawn| place * LEVELS + drawn / (u32::MAX / LEVELS + 1));
            self.next = place + 1;
        }
        self.generator = generator;
    }
}
