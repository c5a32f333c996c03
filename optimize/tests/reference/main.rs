//! Agreement with values from elsewhere: numpy, scipy, skfolio, scikit-learn, arch, and the papers. README.md in this folder
//! says what made them. The price files belong to the repository, so no package contains these tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod block_length;
mod interval;
mod metrics;
mod monte_carlo;
mod overfitting;
mod support;
mod walk_forward;
