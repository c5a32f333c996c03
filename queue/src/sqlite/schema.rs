//! The connection that is ready for use, on tables of this version.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::fault::Fault;
use super::inspect::inspect;
use super::tables::{META, TABLES};
use super::upgrade;
use crate::Error;

/// "CFDM" in ASCII: marks a file that nobody else has marked as one of the Cofferdam family.
pub(super) const APPLICATION_ID: i32 = 0x4346_444d;

/// The version of the tables. It stands in a table of ours and not in `user_version`, which belongs to whoever
/// else uses the file.
pub(super) const SCHEMA_VERSION: i64 = 2;

/// Statements that are kept prepared: all that this module has, with room to spare.
const STATEMENT_CACHE: usize = 256;

/// After how many pages the write-ahead log is worked into the file. Each time costs two waits for the disk, and a page
/// that was changed often meanwhile is written once: four times SQLite's default, 16 MiB of log.
const CHECKPOINT_PAGES: i64 = 4096;

/// How long to pause before the journal mode is asked for again; SQLite does not wait for that lock by itself.
const JOURNAL_RETRY: Duration = Duration::from_millis(10);

/// Opens the file for writing, after it was found fit, and makes the tables if they are not there. Answers the
/// connection and its write-ahead log.
pub(super) fn open(path: &Path, busy_timeout: Duration) -> Result<(Connection, File), Error> {
    inspect(path)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let cannot_open = |source| Error::CannotOpen { path: path.to_owned(), source };
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|source| cannot_open(Box::new(source)))?;
    prepare(&mut connection, busy_timeout)
        .map_err(|fault| fault.into_error("prepare the queue's tables", busy_timeout))?;
    let log = open_log(&connection).map_err(|source| cannot_open(Box::new(source)))?;
    Ok((connection, log))
}

/// The write-ahead log as a file. It is there as long as a connection is, under the name that SQLite has found for the
/// database, which a symbolic link does not have.
fn open_log(connection: &Connection) -> io::Result<File> {
    let mut path = OsString::from(connection.path().unwrap_or_default());
    path.push("-wal");
    OpenOptions::new().write(true).open(path)
}

fn prepare(connection: &mut Connection, busy_timeout: Duration) -> Result<(), Fault> {
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    use_write_ahead_log(connection, busy_timeout)?;
    // The wait for the disk comes after the commit, in a thread of its own.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
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

/// Makes the tables, or brings those of an earlier version to this one, as one step that others do not see half of.
fn make_tables(connection: &mut Connection) -> Result<(), Fault> {
    if read_version(connection)? == Some(SCHEMA_VERSION) {
        return Ok(());
    }
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    // Somebody else may have done it while we waited for the lock.
    match read_version(&transaction)? {
        None => create(&transaction)?,
        Some(1) => upgrade::from_version_1(&transaction)?,
        Some(SCHEMA_VERSION) => {}
        Some(_) => return Err(Fault::Corrupt("schema version")),
    }
    transaction.commit()?;
    Ok(())
}

fn create(transaction: &Transaction<'_>) -> Result<(), Fault> {
    transaction.execute_batch(META)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute(
        "INSERT INTO cofferdam_queue_meta (key, value) VALUES ('schema_version', ?1)",
        [SCHEMA_VERSION],
    )?;
    let application_id: i32 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application_id == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    Ok(())
}

/// A bound on the file in its pages, whose size is its maker's choice.
pub(super) fn pages(connection: &Connection, bytes: u64) -> Result<i64, Fault> {
    let page_bytes: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    Ok(i64::try_from(bytes).unwrap_or(i64::MAX) / page_bytes.max(1))
}

/// The version of the tables; `None` if there are none.
pub(super) fn read_version(connection: &Connection) -> Result<Option<i64>, Fault> {
    let present = "SELECT 1 FROM sqlite_schema WHERE name = 'cofferdam_queue_meta'";
    if connection.query_row(present, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    let version = connection
        .query_row("SELECT value FROM cofferdam_queue_meta WHERE key = 'schema_version'", [], |row| {
            row.get(0)
        })
        .optional()?;
    version.map(Some).ok_or(Fault::Corrupt("schema version (none)"))
}
