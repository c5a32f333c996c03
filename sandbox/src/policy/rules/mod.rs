//! The tables that the checker compares against: one file a family, plain data.
//!
//! Nothing here looks at syntax. The tables are lists of strings on purpose, so that the same data can be handed
//! to a second checker that knows Python's own grammar.
//!
//! An allow-list is preferred wherever the good names can be listed (modules, special methods). Where they cannot,
//! because any object of any library may carry the name (attributes, methods), a deny-list is used, and the
//! isolation behind this check has to hold on its own.

pub(super) mod attributes;
pub(super) mod calls;
pub(super) mod guarded;
pub(super) mod modules;
pub(super) mod names;
pub(super) mod numeric;
pub(super) mod standard;

/// Whether the sorted or unsorted list holds the word.
pub(super) fn lists(list: &[&str], word: &str) -> bool {
    list.contains(&word)
}
