//! The order in which paths draw the returns.

use super::generator::{Bound, Generator, LANES};

/// The indices of the returns that eight paths draw at one step.
pub(crate) type Step = [u32; LANES];

/// Says which return each path draws next. Every index is below the number of returns.
pub(crate) trait Source {
    /// Draws the next steps. An implementation is `#[inline(always)]`, see [`Work`](crate::wide::Work).
    fn fill(&mut self, steps: &mut [Step]);
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
        for step in steps {
            *step = self.generator.below(self.bound);
        }
    }
}

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
        for step in steps {
            let ends = self.generator.next();
            let fresh = self.generator.below(self.bound);
            for ((current, ends), fresh) in self.current.iter_mut().zip(ends).zip(fresh) {
                let following = *current + 1;
                let following = if following == self.returns { 0 } else { following };
                *current = if ends <= self.ends_up_to { fresh } else { following };
            }
            *step = self.current;
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
        for step in steps {
            if self.left == 0 {
                self.left = self.length;
                self.current = self.generator.below(self.bound);
            } else {
                for current in &mut self.current {
                    *current = if *current + 1 == self.returns { 0 } else { *current + 1 };
                }
            }
            self.left -= 1;
            *step = self.current;
        }
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
    /// A return is left out when a number below this is drawn: 2³² × probability.
    skipped_below: u64,
}

impl Skips {
    /// `probability` is between 0 and 1.
    pub(crate) fn new(generator: Generator, returns: u32, probability: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 2^32")]
        let skipped_below = (4_294_967_296.0 * probability) as u64;
        Self { generator, returns, next: 0, skipped_below }
    }
}

impl Source for Skips {
    #[inline(always)]
    fn fill(&mut self, steps: &mut [Step]) {
        for step in steps {
            for (index, drawn) in step.iter_mut().zip(self.generator.next()) {
                *index = if u64::from(drawn) < self.skipped_below { self.returns } else { self.next };
            }
            self.next += 1;
        }
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
        for step in steps {
            for (index, drawn) in step.iter_mut().zip(self.generator.next()) {
                *index = self.next * LEVELS + drawn / (u32::MAX / LEVELS + 1);
            }
            self.next += 1;
        }
    }
}
