//! The outbox's tables.
//!
//! Phases of a task: 0 to be sent, 1 sent, 2 ended and kept, 3 refused. Records lie apart, because SQLite rewrites a
//! whole row when a task moves on.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use crate::Error;
use crate::sqlite::fault::Fault;

/// The version of the table, beside that of the queue's.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS cofferdam_outbox_tasks (
    seq INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    id TEXT NOT NULL,
    phase INTEGER NOT NULL DEFAULT 0 CHECK (phase BETWEEN 0 AND 3),
    written_at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    ending INTEGER,
    outcome BLOB,
    CHECK (phase < 2 OR (ending IS NOT NULL AND outcome IS NOT NULL)),
    UNIQUE (queue, id)
) STRICT;
CREATE INDEX IF NOT EXISTS cofferdam_outbox_waiting ON cofferdam_outbox_tasks (queue, seq) WHERE phase = 0;
CREATE INDEX IF NOT EXISTS cofferdam_outbox_sent ON cofferdam_outbox_tasks (queue, due) WHERE phase = 1;
CREATE INDEX IF NOT EXISTS cofferdam_outbox_ended ON cofferdam_outbox_tasks (queue, phase, due) WHERE phase > 1;
CREATE TABLE IF NOT EXISTS cofferdam_outbox_records (
    seq INTEGER PRIMARY KEY,
    record BLOB NOT NULL
) STRICT;
INSERT OR IGNORE INTO cofferdam_queue_meta (key, value) VALUES ('outbox_version', 1);
";

/// Makes the tables, or refuses those of a later version.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<(), Error> {
    let failed =
        |error: rusqlite::Error| Fault::from(error).into_error("prepare the outbox's tables", Duration::ZERO);
    // Before anything is made: what a later version has made stays as it is.
    let version = "SELECT value FROM cofferdam_queue_meta WHERE key = 'outbox_version'";
    let found: Option<i64> =
        connection.query_row(version, [], |row| row.get(0)).optional().map_err(failed)?;
    if let Some(found) = found.filter(|found| *found > VERSION) {
        return Err(Error::NewerSchema { path: path.to_owned(), found, supported: VERSION });
    }
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} COMMIT")).map_err(failed)?;
    Ok(())
}
