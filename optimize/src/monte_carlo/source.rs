//! The order in which paths draw the returns, for eight paths at a time.

use super::generator::{Bound, Generator, LANES};

/// The indices of the returns that eight paths draw at one step.
pub(super) type Step = [u32; LANES];

/// Says which return each path draws next. Every index is below the number of returns.
pub(super) trait Source {
    fn fill(&mut self, steps: &mut [Step]);
}

/// Each return anew.
pub(super) struct Independent {
    generator: Generator,
    bound: Bound,
}

impl Independent {
    pub(super) const fn new(generator: Generator, returns: u32) -> Self {
        Self { generator, bound: Bound::new(returns) }
    }
}

impl Source for Independent {
    fn fill(&mut self, steps: &mut [Step]) {
        for step in steps {
            *step = self.generator.below(self.bound);
        }
    }
}

/// Runs of geometric length.
pub(super) struct StationaryBlocks {
    generator: Generator,
    returns: u32,
    bound: Bound,
    /// A run ends when a number up to this is drawn: 2³² / mean length, less one.
    ends_up_to: u32,
    current: Step,
}

impl StationaryBlocks {
    /// `mean_length` is at least 1.
    pub(super) fn new(mut generator: Generator, returns: u32, mean_length: f64) -> Self {
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
pub(super) struct CircularBlocks {
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
    pub(super) const fn new(generator: Generator, returns: u32, length: usize) -> Self {
        Self { generator, returns, bound: Bound::new(returns), length, left: 0, current: [0; LANES] }
    }
}

impl Source for CircularBlocks {
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
pub(super) struct Permutations {
    generator: Generator,
    /// Up to `drawn`, what the paths drew; after it, what is left to draw.
    order: Vec<Step>,
    drawn: usize,
}

impl Permutations {
    pub(super) fn new(generator: Generator, returns: u32) -> Self {
        Self { generator, order: (0..returns).map(|index| [index; LANES]).collect(), drawn: 0 }
    }
}

impl Source for Permutations {
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
