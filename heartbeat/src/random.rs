//! Randomness for identities and jitter, from the operating system by way of random UUIDs.

/// 64 random bits. Folding the halves covers the six bits that a version 4 UUID fixes.
pub(crate) fn random_u64() -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    high ^ low.rotate_left(32)
}
