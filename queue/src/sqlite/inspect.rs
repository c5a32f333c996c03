//! Decides whether a file may become a queue, without changing a byte of it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::fault::Fault;
use super::schema::{APPLICATION_ID, SCHEMA_VERSION, read_version};
use crate::Error;

/// The length of an SQLite header, and the fields that we read from it, as the file format's page defines them
/// (<https://sqlite.org/fileformat2.html#the_database_header>).
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
const PAGE_SIZE_AT: usize = 16;
const CHANGE_COUNTER_AT: usize = 24;
const PAGE_COUNT_AT: usize = 28;
const VERSION_VALID_FOR_AT: usize = 92;

/// How long a look into the file waits for whoever is just opening or closing it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Accepts a file that is not there or empty, a database that holds our tables in a version that we know, and a
/// database that nobody has marked as his own. Refuses everything else.
pub(super) fn inspect(path: &Path) -> Result<(), Error> {
    if !inspect_header(path)? {
        return Ok(());
    }
    let cannot_open = |fault: Fault| match fault {
        Fault::Sqlite(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Error::NotADatabase { path: path.to_owned() }
        }
        Fault::Sqlite(error) => Error::CannotOpen { path: path.to_owned(), source: Box::new(error) },
        Fault::Corrupt(what) => Error::Corrupt { what },
        other => other.into_error("look into the file", BUSY_TIMEOUT),
    };
    let (application_id, version) = read_marks(path).map_err(cannot_open)?;
    match version {
        Some(found) if found > SCHEMA_VERSION => {
            Err(Error::NewerSchema { path: path.to_owned(), found, supported: SCHEMA_VERSION })
        }
        None if application_id != 0 && application_id != APPLICATION_ID => Err(Error::ForeignDatabase {
            path: path.to_owned(),
            application_id: application_id.cast_unsigned(),
        }),
        _ => Ok(()),
    }
}

/// Whether there is a database that must be looked into.
fn inspect_header(path: &Path) -> Result<bool, Error> {
    let cannot_open =
        |source: std::io::Error| Error::CannotOpen { path: path.to_owned(), source: Box::new(source) };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(cannot_open(error)),
    };
    let found = file.metadata().map_err(cannot_open)?.len();
    let mut header = Vec::with_capacity(HEADER_BYTES);
    Read::by_ref(&mut file).take(HEADER_BYTES as u64).read_to_end(&mut header).map_err(cannot_open)?;
    if header.is_empty() {
        return Ok(false);
    }
    if !header.starts_with(MAGIC) {
        return Err(Error::NotADatabase { path: path.to_owned() });
    }
    let expected = match header.len() {
        HEADER_BYTES => promised_bytes(&header),
        _ => HEADER_BYTES as u64,
    };
    // With a write-ahead log at hand, pages that the file lacks may lie there, after a stop in the middle of a
    // checkpoint: SQLite recovers them when it opens the file.
    if found < expected && !has_log(path) {
        return Err(Error::Truncated { path: path.to_owned(), expected, found });
    }
    Ok(true)
}

/// The size that a header promises; none when the program that wrote last did not keep the page count.
fn promised_bytes(header: &[u8]) -> u64 {
    if number(header, CHANGE_COUNTER_AT, 4) != number(header, VERSION_VALID_FOR_AT, 4) {
        return HEADER_BYTES as u64;
    }
    // 65536 does not fit the field and is written as 1.
    let page_size = match number(header, PAGE_SIZE_AT, 2) {
        1 => 65_536,
        size => size,
    };
    number(header, PAGE_COUNT_AT, 4) * page_size
}

/// The big-endian number of so many bytes at this place.
fn number(header: &[u8], at: usize, bytes: usize) -> u64 {
    header.iter().skip(at).take(bytes).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0)
}

/// The application's mark and the version of our tables, if they are there.
fn read_marks(path: &Path) -> Result<(i32, Option<i64>), Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let application_id = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok((application_id, read_version(&connection)?))
}
