//! Walk-forward analysis and Monte Carlo that repeat to the bit and say how much to believe.
