//! One thing for each name, and one for those without a name: most queues know nothing else, so it is at hand at once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::Label;

/// Things by name. The nameless one is always there.
#[derive(Default)]
pub(super) struct PerName<T> {
    nameless: T,
    named: HashMap<Label, T>,
}

impl<T: Default> PerName<T> {
    pub(super) fn get(&self, name: &Option<Label>) -> Option<&T> {
        match name {
            None => Some(&self.nameless),
            Some(name) => self.named.get(name),
        }
    }

    pub(super) fn get_mut(&mut self, name: &Option<Label>) -> Option<&mut T> {
        match name {
            None => Some(&mut self.nameless),
            Some(name) => self.named.get_mut(name),
        }
    }

    /// The thing of this name, which is made if it is not there.
    pub(super) fn make(&mut self, name: &Option<Label>) -> &mut T {
        match name {
            None => &mut self.nameless,
            Some(name) => self.named.entry(name.clone()).or_default(),
        }
    }

    /// Drops the things of names of which this is not true.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.named.retain(|_, thing| keep(thing));
    }

    pub(super) fn remove(&mut self, name: &Option<Label>) {
        if let Some(name) = name {
            self.named.remove(name);
        }
    }

    /// How many have a name.
    pub(super) fn len(&self) -> usize {
        self.named.len()
    }
}

/// Finds things by numbers that this broker has counted itself, so nobody can choose them to collide.
pub(super) type ByNumber<T> = HashMap<u64, T, BuildHasherDefault<Spread>>;

/// Spreads consecutive numbers over all bits (multiplicative hashing by the golden ratio; Knuth, volume 3, 6.4).
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
