//! When a batch is due, how large it gets, and how much may wait.

use std::time::Duration;

use sea_orm::DbBackend;

use crate::Error;

/// A writer's settings, with their defaults; `check` refuses what makes no sense.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) rows: usize,
    pub(crate) max_rows: usize,
    pub(crate) bytes: usize,
    pub(crate) linger: Duration,
    pub(crate) capacity: usize,
    pub(crate) capacity_bytes: usize,
    pub(crate) retry_for: Duration,
    pub(crate) max_rejected: usize,
}

impl Default for Limits {
    /// For SQLite, and where no database is known.
    fn default() -> Self {
        Self {
            rows: 50,
            // A commit costs the same whatever its size: batches of 50 rows reach a quarter to a half of what
            // batches of 500 reach. So a writer under load shall get past 500; 2,048 is four such batches, a choice
            // and not a measured optimum, since a batch holds the write lock for as long as it takes.
            max_rows: 2_048,
            bytes: 4 << 20,
            linger: Duration::from_millis(100),
            // Four of the largest batches: one is being written while the next ones gather.
            capacity: 8_192,
            capacity_bytes: 64 << 20,
            retry_for: Duration::from_secs(30),
            // Whoever collects rejected rows at all does so long before this; whoever never does must not fill the
            // memory.
            max_rejected: 10_000,
        }
    }
}

impl Limits {
    /// The defaults for a database.
    ///
    /// A server locks the rows of a batch and not the table, and what a batch costs beside its rows is trips over a
    /// network: so a batch may be larger there. 10,000 rows are 30 to 150 ms, and well beyond what COPY needs to be
    /// the fastest way into PostgreSQL.
    pub(crate) fn of(backend: DbBackend) -> Self {
        match backend {
            DbBackend::Postgres | DbBackend::MySql => {
                Self { max_rows: 10_000, bytes: 8 << 20, capacity: 32_768, ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |setting, reason: String| Err(Error::Configuration { setting, reason });
        if self.rows == 0 {
            return refuse("rows", "is 0; a batch needs at least 1 row".to_owned());
        }
        if self.max_rows < self.rows {
            return refuse(
                "max_rows",
                format!("{} is below rows ({}); make it at least that", self.max_rows, self.rows),
            );
        }
        if self.capacity < self.rows {
            return refuse(
                "capacity",
                format!(
                    "{} is below rows ({}), so no batch would ever fill; make it at least that",
                    self.capacity, self.rows
                ),
            );
        }
        if self.bytes == 0 {
            return refuse("bytes", "is 0; a batch needs room for at least one row".to_owned());
        }
        if self.capacity_bytes < self.bytes {
            return refuse(
                "capacity_bytes",
                format!(
                    "{} is below bytes ({}), so no batch would ever fill; make it at least that",
                    self.capacity_bytes, self.bytes
                ),
            );
        }
        // The counts are handed to semaphores, which take 32 bits at a time.
        if u32::try_from(self.capacity_bytes).is_err() || u32::try_from(self.capacity).is_err() {
            return refuse("capacity", "is above 4,294,967,295 rows or bytes; make it smaller".to_owned());
        }
        if self.max_rejected == 0 {
            return refuse("max_rejected", "is 0; the first refused row would stop the writer".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_each_database_hold_together() {
        for backend in [DbBackend::Sqlite, DbBackend::Postgres, DbBackend::MySql] {
            let limits = Limits::of(backend);
            limits.check().unwrap();
            // One batch is being written while others gather.
            assert!(limits.capacity >= 3 * limits.max_rows, "{limits:?}");
            assert!(limits.capacity_bytes >= 4 * limits.bytes, "{limits:?}");
        }
    }
}
