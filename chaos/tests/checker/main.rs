//! The checker on histories that no queue should make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod figures;
mod known_bad;
mod property;
mod tale;
