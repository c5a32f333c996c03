//! Prometheus metrics for the Cofferdam family, and the HTTP endpoint that serves them.
