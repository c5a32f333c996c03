//! Runs tight loops with the widest vectors that give the same bits everywhere.
//!
//! The compiler makes vectors of plain loops, and without being told more it may use only what every processor of the
//! family has. Here a loop is compiled a second time for AVX2. That may never change a result: AVX2 adds no operation that
//! rounds differently (fused multiplication is a feature of its own and stays off), and no loop is written so that the
//! order of its additions depends on the width.

/// A loop that is worth two versions.
pub(crate) trait Work {
    /// What it computes.
    type Output;

    /// Computes it. An implementation is `#[inline(always)]`, since code of its own would be compiled only once.
    fn run(self) -> Self::Output;
}

/// Runs the version for this processor.
pub(crate) fn wide<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && !narrow() {
        #[expect(unsafe_code, reason = "a call that demands a processor with AVX2")]
        // SAFETY: the function is safe but for its demand of AVX2, and the processor has just said that it has that.
        return unsafe { with_avx2(work) };
    }
    work.run()
}

/// Never a part of its caller, whose other variables would take the registers of the loop.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline(never)]
fn with_avx2<W: Work>(work: W) -> W::Output {
    work.run()
}

#[cfg(all(target_arch = "x86_64", not(test)))]
const fn narrow() -> bool {
    false
}

#[cfg(all(target_arch = "x86_64", test))]
fn narrow() -> bool {
    NARROW.load(std::sync::atomic::Ordering::Relaxed)
}

/// Forbids the version for AVX2, so that a test can compare the two. It counts for all threads; a test that runs beside
/// such a one must not notice.
#[cfg(test)]
pub(crate) static NARROW: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// What this gives with vectors of every width.
#[cfg(test)]
pub(crate) fn in_both_widths<R>(compute: impl Fn() -> R) -> [R; 2] {
    [false, true].map(|narrow| {
        NARROW.store(narrow, std::sync::atomic::Ordering::Relaxed);
        let result = compute();
        NARROW.store(false, std::sync::atomic::Ordering::Relaxed);
        result
    })
}
