//! Operations on a few numbers at once, written so that the compiler makes one vector instruction of each.
//!
//! It does so with whole arrays that stay in registers, operation by operation; loops that do all operations for one number
//! after the other end up as numbers that are shuffled in and out of vectors, and cost twice as much.

/// The result of an operation on each number.
#[inline(always)]
pub(crate) fn each<T: Copy, const N: usize>(mut numbers: [T; N], operation: impl Fn(T) -> T) -> [T; N] {
    for number in &mut numbers {
        *number = operation(*number);
    }
    numbers
}

/// The result of an operation on each pair.
#[inline(always)]
pub(crate) fn both<T: Copy, U: Copy, const N: usize>(
    mut left: [T; N],
    right: [U; N],
    operation: impl Fn(T, U) -> T,
) -> [T; N] {
    for (left, right) in left.iter_mut().zip(right) {
        *left = operation(*left, right);
    }
    left
}

/// The higher of each pair. A comparison, since `f64::max` also answers for NaN, which costs as much again.
#[inline(always)]
pub(crate) fn higher<const N: usize>(left: [f64; N], right: [f64; N]) -> [f64; N] {
    both(left, right, |left, right| if left > right { left } else { right })
}

/// The lower of each pair.
#[inline(always)]
pub(crate) fn lower<const N: usize>(left: [f64; N], right: [f64; N]) -> [f64; N] {
    both(left, right, |left, right| if left < right { left } else { right })
}
