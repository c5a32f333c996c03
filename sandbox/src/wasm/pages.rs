//! Which pages of its memory an interpreter writes to whatever it runs, so that they are ready before it does.
//!
//! An instance shares the memory of the frozen interpreter until it writes to a page. A page that is read first and
//! written later costs two faults, and the second makes every processor of the process forget the page, which they do
//! by waiting for each other. So one interpreter is looked at after it ran an empty program, and all later ones write
//! to the same pages first. The pool keeps written pages where they are and only puts back what stood in them, but looks
//! at no more than [`RUNS_KEPT`] runs of them; therefore runs that are close to each other are made one.
//!
//! All this is about speed. Where the system does not say what was written to, nothing is made ready, and all works.

use std::io;

/// Bytes of a page, for `touch` as for the system. Where the system's are larger, the same is said more often.
const PAGE: usize = 4096;

/// Runs of written pages that wasmtime's pool keeps, in order of address (`MAX_REGIONS` in its `pagemap.rs`); all behind
/// them is given back to the system, and faulted in again.
const RUNS_KEPT: usize = 32;

/// Runs that are left to what the program itself writes to.
const RUNS_SPARED: usize = 4;

/// The most pages that are made ready: putting one back costs a tenth of a microsecond, even if nobody wrote to it.
const MOST: u32 = 1024;

/// Runs of pages, each with its first page and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pages(Vec<(u32, u32)>);

impl Pages {
    /// Chooses what to make ready from what was written to, given in order, of a memory that begins with so many bytes.
    pub(super) fn choose(written: &[u32], memory: u64) -> Self {
        let all = u32::try_from(memory / PAGE as u64).unwrap_or(u32::MAX);
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for page in written.iter().copied().filter(|page| *page < all) {
            match runs.last_mut() {
                Some((first, count)) if *first + *count == page => *count += 1,
                _ => runs.push((page, 1)),
            }
        }
        while runs.len() > RUNS_KEPT - RUNS_SPARED
            && let Some(at) = narrowest_gap(&runs)
        {
            let (next, more) = runs.remove(at + 1);
            if let Some((first, count)) = runs.get_mut(at) {
                *count = next + more - *first;
            }
        }
        let total: u32 = runs.iter().map(|(_, count)| count).sum();
        if total > MOST {
            tracing::debug!(total, "too many pages to make ready");
            runs.clear();
        }
        Self(runs)
    }

    pub(super) fn runs(&self) -> &[(u32, u32)] {
        &self.0
    }
}

/// The run before the narrowest gap.
fn narrowest_gap(runs: &[(u32, u32)]) -> Option<usize> {
    let gaps = runs.windows(2).map(|pair| match pair {
        [(first, count), (next, _)] => next - first - count,
        _ => u32::MAX,
    });
    gaps.enumerate().min_by_key(|(_, gap)| *gap).map(|(at, _)| at)
}

/// The pages of `memory` that this process has a copy of its own of.
#[cfg(target_os = "linux")]
pub(super) fn written(memory: &[u8]) -> io::Result<Vec<u32>> {
    use std::os::unix::fs::FileExt;

    /// A page that was swapped out was written to before.
    const THERE: u64 = 0b11 << 62;
    const OF_A_FILE: u64 = 1 << 61;
    const ENTRY: usize = size_of::<u64>();

    if rustix::param::page_size() != PAGE {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let first = memory.as_ptr().addr() / PAGE;
    let mut entries = vec![0; memory.len() / PAGE * ENTRY];
    // The system's table of this process's pages, one word for each: Documentation/admin-guide/mm/pagemap.rst.
    let table = std::fs::File::open("/proc/self/pagemap")?;
    table.read_exact_at(&mut entries, (first * ENTRY) as u64)?;
    let (entries, _) = entries.as_chunks();
    let own = entries.iter().zip(0..).filter(|(entry, _)| {
        let entry = u64::from_le_bytes(**entry);
        entry & THERE != 0 && entry & OF_A_FILE == 0
    });
    Ok(own.map(|(_, page)| page).collect())
}

/// Nobody says.
#[cfg(not(target_os = "linux"))]
pub(super) fn written(_: &[u8]) -> io::Result<Vec<u32>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_run() {
        assert_eq!(Pages::choose(&[], 1 << 30).runs(), []);
        assert_eq!(Pages::choose(&[3, 4, 5, 9], 1 << 30).runs(), [(3, 3), (9, 1)]);
        // The memory of the next one begins without what this one asked for.
        assert_eq!(Pages::choose(&[3, 4, 5, 9], 5 << 12).runs(), [(3, 2)]);
    }

    #[test]
    fn the_narrowest_gaps_are_closed_until_the_pool_keeps_all() {
        // A pair of pages in every ten, and one pair with a gap of one.
        let mut written: Vec<u32> = (0..40).flat_map(|pair| [pair * 10, pair * 10 + 1]).collect();
        written.push(13);
        written.sort_unstable();
        let pages = Pages::choose(&written, 1 << 30);
        assert_eq!(pages.runs().len(), RUNS_KEPT - RUNS_SPARED);
        assert!(pages.runs().iter().any(|(first, count)| *first <= 10 && first + count >= 14));
        for page in written {
            assert!(pages.runs().iter().any(|(first, count)| (*first..first + count).contains(&page)));
        }
    }

    #[test]
    fn what_lies_too_far_apart_is_left_to_the_system() {
        let written: Vec<u32> = (0..40).map(|page| page * 1000).collect();
        assert_eq!(Pages::choose(&written, 1 << 30), Pages::default());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_page_is_written_once_it_differs_from_its_file() {
        let pages = vec![1_u8; 64 * PAGE];
        let all = written(&pages).unwrap();
        assert!((62..=64).contains(&all.len()), "{all:?}");
    }
}
