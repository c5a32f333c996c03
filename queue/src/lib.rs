//! A task queue with leases, retries and exactly-once recorded results, embedded in SQLite or in memory.
