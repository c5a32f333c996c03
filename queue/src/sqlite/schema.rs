//! The tables, and the connection that is ready to use them.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::fault::Fault;
use super::inspect::inspect;
use crate::Error;

/// "CFDM" in ASCII: marks a file that nobody else has marked as one of the Cofferdam family.
pub(super) const APPLICATION_ID: i32 = 0x4346_444d;

/// The version of the tables below. It stands in a table of ours and not in `user_version`, which belongs to whoever
/// else uses the file.
pub(super) const SCHEMA_VERSION: i64 = 1;

/// Statements that are kept prepared: all that this module has, with room to spare.
const STATEMENT_CACHE: usize = 64;

/// How long to pause before the journal mode is asked for again; SQLite does not wait for that lock by itself.
const JOURNAL_RETRY: Duration = Duration::from_millis(10);

/// Phases of a task: 0 waiting, 1 leased, 2 done, 3 dead. Each phase has its own partial index, so the cost of
/// finding the next task does not depend on how many are in the other phases. Payloads lie apart, because SQLite
/// rewrites a whole row when a task moves on. The first check makes a leased task without a lease impossible.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS cofferdam_queue_meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cofferdam_queue_tasks (
    seq INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    id TEXT NOT NULL,
    phase INTEGER NOT NULL CHECK (phase BETWEEN 0 AND 3),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 2),
    enqueued_at INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    max_crashes INTEGER NOT NULL,
    backoff_base INTEGER,
    backoff_cap INTEGER,
    worker TEXT,
    token INTEGER,
    lease_until INTEGER,
    finished_at INTEGER,
    death INTEGER,
    outcome BLOB,
    CHECK (phase <> 1 OR (worker IS NOT NULL AND token IS NOT NULL AND lease_until IS NOT NULL)),
    CHECK (phase < 2 OR (finished_at IS NOT NULL AND outcome IS NOT NULL)),
    UNIQUE (queue, id)
) STRICT;
CREATE INDEX IF NOT EXISTS cofferdam_queue_waiting
    ON cofferdam_queue_tasks (queue, priority, ready_at) WHERE phase = 0;
CREATE INDEX IF NOT EXISTS cofferdam_queue_leased
    ON cofferdam_queue_tasks (queue, lease_until) WHERE phase = 1;
CREATE INDEX IF NOT EXISTS cofferdam_queue_finished
    ON cofferdam_queue_tasks (queue, finished_at) WHERE phase >= 2;
CREATE TABLE IF NOT EXISTS cofferdam_queue_payloads (
    seq INTEGER PRIMARY KEY,
    payload BLOB NOT NULL
) STRICT;
";

/// Opens the file for writing, after it was found fit, and makes the tables if they are not there.
pub(super) fn open(path: &Path, busy_timeout: Duration) -> Result<Connection, Error> {
    inspect(path)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)
        .map_err(|source| Error::CannotOpen { path: path.to_owned(), source: Box::new(source) })?;
    prepare(&mut connection, busy_timeout)
        .map_err(|fault| fault.into_error("prepare the queue's tables", busy_timeout))?;
    Ok(connection)
}

fn prepare(connection: &mut Connection, busy_timeout: Duration) -> Result<(), Fault> {
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    use_write_ahead_log(connection, busy_timeout)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    make_tables(connection)?;
    Ok(())
}

fn use_write_ahead_log(connection: &Connection, busy_timeout: Duration) -> Result<(), Fault> {
    let start = Instant::now();
    loop {
        let answer: Result<String, _> =
            connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match answer.map_err(Fault::from) {
            Err(fault) if fault.is_busy() && start.elapsed() < busy_timeout => sleep(JOURNAL_RETRY),
            Err(fault) => return Err(fault),
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(Fault::Corrupt("journal mode (the file system cannot share memory)")),
        }
    }
}

fn make_tables(connection: &mut Connection) -> Result<(), Fault> {
    let present = "SELECT 1 FROM sqlite_schema WHERE name = 'cofferdam_queue_payloads'";
    if connection.query_row(present, [], |_| Ok(())).optional()?.is_some() {
        return Ok(());
    }
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute(
        "INSERT OR IGNORE INTO cofferdam_queue_meta (key, value) VALUES ('schema_version', ?1)",
        [SCHEMA_VERSION],
    )?;
    let application_id: i32 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application_id == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()?;
    Ok(())
}

/// A bound on the file in its pages, whose size is its maker's choice.
pub(super) fn pages(connection: &Connection, bytes: u64) -> Result<i64, Fault> {
    let page_bytes: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    Ok(i64::try_from(bytes).unwrap_or(i64::MAX) / page_bytes.max(1))
}

pub(super) fn read_version(connection: &Connection) -> Result<i64, Fault> {
    let version = connection
        .query_row("SELECT value FROM cofferdam_queue_meta WHERE key = 'schema_version'", [], |row| {
            row.get(0)
        })
        .optional()?;
    version.ok_or(Fault::Corrupt("schema version (none)"))
}
