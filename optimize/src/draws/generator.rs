//! Random numbers for eight paths in lockstep.
//!
//! Each path has its own generator, and all that it draws depends on the study's seed and the path's number alone. So a
//! path is the same whichever thread walks it, and whichever paths are walked beside it.

use std::ops::BitXor as _;

use crate::lanes::{both, each};

/// How many paths walk in lockstep. Eight independent chains of additions keep the processor busy, and the compiler makes
/// vectors of them; no result depends on the number, since lanes never mix.
pub(crate) const LANES: usize = 8;

/// The increment of SplitMix64.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number for each lane.
type Words = [u32; LANES];

/// Eight xoshiro128++ generators (Blackman & Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM TOMS 47, 2021).
/// It is copied into a loop and back, since what is reached by a pointer is stored and loaded at each step.
#[derive(Clone, Copy)]
pub(crate) struct Generator {
    /// The four words of each state.
    state: [Words; 4],
}

impl Generator {
    /// The generators of the paths from `first_path` on.
    pub(crate) fn new(seed: u64, first_path: u64) -> Self {
        let mut state = [[0; LANES]; 4];
        let [a, b, c, d] = &mut state;
        let lanes = a.iter_mut().zip(b).zip(c).zip(d).map(|(((a, b), c), d)| [a, b, c, d]);
        for (path, lane) in (first_path..).zip(lanes) {
            for (word, value) in lane.into_iter().zip(path_state(seed, path)) {
                *word = value;
            }
        }
        Self { state }
    }

    /// The next number of each lane.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Words {
        let [a, b, c, d] = self.state;
        let drawn = both(each(both(a, d, u32::wrapping_add), |sum| sum.rotate_left(7)), a, u32::wrapping_add);
        let shifted = each(b, |word| word << 9);
        let (c, d) = (both(c, a, u32::bitxor), both(d, b, u32::bitxor));
        let (b, a) = (both(b, c, u32::bitxor), both(a, d, u32::bitxor));
        self.state = [a, b, both(c, shifted, u32::bitxor), each(d, |word| word.rotate_left(11))];
        drawn
    }

    /// An index below the bound for each lane, every one equally likely: Lemire, "Fast Random Integer Generation in an
    /// Interval", ACM TOMACS 29 (2019), algorithm 5.
    #[inline(always)]
    pub(crate) fn below(&mut self, bound: Bound) -> Words {
        let drawn = self.next();
        let mut indices = [0; LANES];
        let mut rejected = 0;
        for (index, drawn) in indices.iter_mut().zip(drawn) {
            let product = u64::from(drawn) * u64::from(bound.size);
            *index = high(product);
            rejected |= u32::from(low(product) < bound.rejected);
        }
        if rejected != 0 {
            (*self, indices) = self.draw_again(bound, drawn, indices);
        }
        indices
    }

    /// Draws again for the lanes whose number would make some indices likelier than others. With a thousand returns this
    /// happens to one number in four million.
    #[cold]
    #[inline(never)]
    fn draw_again(mut self, bound: Bound, drawn: Words, mut indices: Words) -> (Self, Words) {
        for (lane, (index, drawn)) in indices.iter_mut().zip(drawn).enumerate() {
            let mut product = u64::from(drawn) * u64::from(bound.size);
            while low(product) < bound.rejected {
                product = u64::from(self.next_of(lane)) * u64::from(bound.size);
            }
            *index = high(product);
        }
        (self, indices)
    }

    /// The next number of one lane; the others stand still.
    fn next_of(&mut self, lane: usize) -> u32 {
        let mut moved = *self;
        let drawn = moved.next();
        for (words, moved) in self.state.iter_mut().zip(moved.state) {
            if let (Some(word), Some(moved)) = (words.get_mut(lane), moved.get(lane)) {
                *word = *moved;
            }
        }
        drawn.get(lane).copied().unwrap_or(0)
    }
}

/// The upper end of a range of indices.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    /// Indices are below this; at least 1.
    size: u32,
    /// Numbers whose product with the size has a lower half below this are drawn again: 2³² modulo the size.
    rejected: u32,
}

impl Bound {
    pub(crate) const fn new(size: u32) -> Self {
        let size = if size == 0 { 1 } else { size };
        Self { size, rejected: size.wrapping_neg() % size }
    }
}

/// The first state of a path: two numbers out of a SplitMix64 sequence that starts at the mixed seed. The sequence never
/// repeats within 2⁶⁴ numbers, so no two paths of a study start alike.
fn path_state(seed: u64, path: u64) -> [u32; 4] {
    let start = mix(seed.wrapping_add(GAMMA));
    let number = |position: u64| {
        mix(start.wrapping_add(path.wrapping_mul(2).wrapping_add(position).wrapping_mul(GAMMA)))
    };
    let (first, second) = (number(1), number(2));
    if first == 0 && second == 0 {
        // The one state that xoshiro cannot leave.
        return [1, 0, 0, 0];
    }
    [low(first), high(first), low(second), high(second)]
}

/// The output function of SplitMix64 (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014,
/// with Stafford's variant 13).
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
const fn low(value: u64) -> u32 {
    value as u32
}

const fn high(value: u64) -> u32 {
    low(value >> 32)
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::Xoshiro128PlusPlus;
    use rand_xoshiro::rand_core::{Rng, SeedableRng};

    use super::*;

    fn reference(seed: u64, path: u64) -> Xoshiro128PlusPlus {
        let mut bytes = [0; 16];
        for (slot, word) in bytes.chunks_exact_mut(4).zip(path_state(seed, path)) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        Xoshiro128PlusPlus::from_seed(bytes)
    }

    #[test]
    fn every_lane_is_the_published_generator() {
        let mut lanes = Generator::new(7, 40);
        let mut references: Vec<_> = (40..48).map(|path| reference(7, path)).collect();
        for _ in 0..1000 {
            let expected: Vec<u32> = references.iter_mut().map(Rng::next_u32).collect();
            assert_eq!(lanes.next().to_vec(), expected);
        }
    }

    /// A bound just above half of the range rejects nearly every second number, so that lanes draw unequally often.
    #[test]
    fn rejection_redraws_a_lane_without_disturbing_the_others() {
        let size = (1_u32 << 31) + 1;
        let mut lanes = Generator::new(3, 0);
        let mut references: Vec<_> = (0..8).map(|path| reference(3, path)).collect();
        for _ in 0..200 {
            let expected: Vec<u32> = references
                .iter_mut()
                .map(|generator| {
                    loop {
                        let product = u64::from(generator.next_u32()) * u64::from(size);
                        if low(product) >= size.wrapping_neg() % size {
                            break high(product);
                        }
                    }
                })
                .collect();
            assert_eq!(lanes.below(Bound::new(size)).to_vec(), expected);
        }
    }

    #[test]
    fn splitmix_has_its_published_values() {
        // The first outputs for the seed 1234567, from the reference implementation.
        let outputs: Vec<u64> =
            (1..=3).map(|k| mix(1_234_567_u64.wrapping_add(GAMMA.wrapping_mul(k)))).collect();
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }
}
