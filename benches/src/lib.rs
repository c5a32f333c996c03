//! Side-by-side benchmarks of the Cofferdam family and its peers.
