//! Which faults come in which order.

use std::marker::PhantomData;
use std::time::Duration;

use fastrand::Rng;

use super::Fault;

/// The pause before a fault, in milliseconds: from one in the dust of the last to one in a calm.
const PAUSES: std::ops::Range<u64> = 200..2_000;

/// An endless row of faults. Every kind comes once, in an order that the seed decides, before any comes again, so that a
/// short run meets many.
#[derive(Debug, Clone)]
pub struct Schedule<F> {
    rng: Rng,
    deck: Vec<usize>,
    kind: PhantomData<F>,
}

/// A fault and the pause before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned<F> {
    /// The pause.
    pub pause: Duration,
    /// The fault.
    pub fault: F,
}

impl<F: Fault> Schedule<F> {
    /// The row that belongs to a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), deck: Vec::new(), kind: PhantomData }
    }

    fn draw(&mut self) -> Planned<F> {
        if self.deck.is_empty() {
            self.deck = (0..F::KINDS).collect();
            self.rng.shuffle(&mut self.deck);
        }
        let kind = self.deck.pop().unwrap_or_default();
        Planned { pause: Duration::from_millis(self.rng.u64(PAUSES)), fault: F::draw(kind, &mut self.rng) }
    }
}

impl<F: Fault> Iterator for Schedule<F> {
    type Item = Planned<F>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.draw())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Debug;
    use std::mem::{Discriminant, discriminant};

    use super::super::{CrewFault, NodeFault};
    use super::*;

    fn deals_every_kind_and_repeats_itself<F: Fault + Debug + PartialEq>() {
        for seed in 0..20 {
            let faults: Vec<Planned<F>> = Schedule::new(seed).take(3 * F::KINDS).collect();
            assert_eq!(faults, Schedule::new(seed).take(3 * F::KINDS).collect::<Vec<_>>());
            for round in faults.chunks(F::KINDS) {
                let kinds: HashSet<Discriminant<F>> =
                    round.iter().map(|one| discriminant(&one.fault)).collect();
                assert_eq!(kinds.len(), F::KINDS, "{round:?}");
            }
            assert_ne!(faults, Schedule::new(seed + 1).take(3 * F::KINDS).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_seed_deals_every_kind_before_one_comes_again_and_the_same_each_time() {
        deals_every_kind_and_repeats_itself::<CrewFault>();
        deals_every_kind_and_repeats_itself::<NodeFault>();
    }
}
