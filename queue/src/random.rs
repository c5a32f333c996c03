//! Randomness for identities and jitter, from the operating system by way of random UUIDs.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::LeaseToken;

/// 64 random bits. Folding the halves covers the six bits that a version 4 UUID fixes.
pub(crate) fn random_u64() -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    high ^ low.rotate_left(32)
}

/// Makes lease tokens that no other delivery has: a counter that starts at a random place, so that two processes
/// on one store do not meet (n tokens made after a start collide with another process's with odds of n in 2⁶³).
pub(crate) struct TokenSource {
    next: AtomicU64,
}

impl TokenSource {
    pub(crate) fn new() -> Self {
        Self { next: AtomicU64::new(random_u64()) }
    }

    pub(crate) fn next(&self) -> LeaseToken {
        LeaseToken(self.next.fetch_add(1, Ordering::Relaxed))
    }
}
