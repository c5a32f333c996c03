//! The folder of a spool when a writer is built: locked, read through, and mended where a crash has cut it.
//!
//! It must never pass over a row in silence. What a crash in the middle of a write explains is cut off with a
//! warning; anything else is an error, unless damage is to be put in quarantine.

use std::{
    fs, io,
    io::Write as _,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    disk::{file_name, sync_folder},
    format::{self, Found, Front, Header},
    ledger::Ledger,
    schema::{Places, Schema},
    settings::Spool,
};
use crate::Error;

/// How many of a sequence number's bits count within one opening of the spool. The bits above count the openings, so
/// that a number is never used again, even if the rows that had it were never on the disk.
const BITS: u32 = 40;
/// The numbers are kept in a signed column of 64 bits.
const OPENINGS: u64 = 1 << (63 - BITS);

/// A spool as it was found.
#[derive(Debug)]
pub(super) struct Opened {
    /// Held open for the lock on it.
    pub(super) lock: fs::File,
    pub(super) id: u128,
    pub(super) stored: Vec<Stored>,
    /// The last note in it.
    pub(super) note: Ledger,
    /// The first sequence number of this opening.
    pub(super) first: u64,
}

/// A file that was found.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) path: PathBuf,
    pub(super) first: u64,
    /// The last sequence number in it; below `first` if there is none.
    pub(super) last: u64,
    pub(super) bytes: u64,
    pub(super) places: Places,
}

pub(super) fn open(settings: &Spool, schema: &Schema) -> Result<Opened, Error> {
    let folder = &settings.folder;
    fs::create_dir_all(folder).map_err(failure(folder))?;
    let lock = lock(folder)?;
    let mut id = None;
    let mut note = Ledger::default();
    let mut stored: Vec<Stored> = Vec::new();
    let files = files(folder).map_err(failure(folder))?;
    let newest = files.last().map_or(0, |(first, _)| *first);
    for (first, path) in files {
        let bytes = fs::read(&path).map_err(failure(&path))?;
        let found = Reading { settings, schema, path: &path, first, is_last: first == newest };
        let Some((header, scan)) = found.read(&bytes)? else { continue };
        if *id.get_or_insert(header.id) != header.id {
            return Err(foreign(&path, "belongs to another spool than the files before it".to_owned()));
        }
        if let Some(before) = stored.last() {
            found.check_gap(before)?;
        }
        note = scan.note.unwrap_or(note);
        let places = schema.places(&header.schema).map_err(|reason| foreign(&path, reason))?;
        stored.push(Stored { path, first, last: scan.last, bytes: scan.bytes, places });
    }
    let opening = (newest >> BITS) + 1;
    if opening >= OPENINGS {
        return Err(foreign(folder, "was opened so often that its numbers are used up".to_owned()));
    }
    let id = id.unwrap_or_else(|| fastrand::u128(..));
    Ok(Opened { lock, id, stored, note, first: (opening << BITS) | 1 })
}

fn lock(folder: &Path) -> Result<fs::File, Error> {
    let path = folder.join("lock");
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failure(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::SpoolLocked { spool: folder.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(failure(&path)(source)),
    }
}

/// The spool's files with their first sequence numbers, oldest first.
fn files(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        match path.extension().and_then(|extension| extension.to_str()) {
            // What a crash left of a file in the making.
            Some("tmp") => fs::remove_file(&path)?,
            Some("spool") => {
                if let Ok(first) = u64::from_str_radix(stem, 16)
                    && path.file_name().is_some_and(|name| name == file_name(first).as_str())
                {
                    files.push((first, path));
                }
            }
            _ => {}
        }
    }
    files.sort();
    Ok(files)
}

/// A file that is being read.
struct Reading<'a> {
    settings: &'a Spool,
    schema: &'a Schema,
    path: &'a Path,
    first: u64,
    /// Only the last file can have been cut by a crash: each was on the disk before the next was begun.
    is_last: bool,
}

/// What the records of a file are.
#[derive(Debug, Default)]
struct Scan {
    last: u64,
    note: Option<Ledger>,
    bytes: u64,
    /// Where whole records stand in the file, with the header at the front.
    whole: Vec<Range<usize>>,
    /// Where the first thing is that is no record.
    damaged: Option<usize>,
    /// Where a record begins that the end of the file cuts.
    cut: Option<usize>,
}

impl Reading<'_> {
    /// Reads the file and mends it; `None` if there is nothing in it to go on with.
    fn read(&self, bytes: &[u8]) -> Result<Option<(Header, Scan)>, Error> {
        let (header, records) = match format::front(bytes) {
            Front::Header(header, records) if header.first == self.first => (header, records),
            Front::Version(version) => {
                return Err(foreign(
                    self.path,
                    format!("is of version {version} of the format, not of {} or earlier", format::VERSION),
                ));
            }
            Front::Short if self.is_last => {
                tracing::warn!(file = %self.path.display(), "a file without rows was cut short by a crash; removed");
                fs::remove_file(self.path).map_err(failure(self.path))?;
                return Ok(None);
            }
            Front::Header(..) | Front::Short | Front::Damaged => {
                self.quarantine(0)?;
                fs::remove_file(self.path).map_err(failure(self.path))?;
                return Ok(None);
            }
        };
        let start = bytes.len() - records.len();
        let mut scan = self.scan(bytes, start);
        if let Some(offset) = scan.damaged {
            self.quarantine(offset)?;
            let mut mended = bytes.get(..start).unwrap_or_default().to_vec();
            for range in &scan.whole {
                mended.extend_from_slice(bytes.get(range.clone()).unwrap_or_default());
            }
            self.replace(&mended).map_err(failure(self.path))?;
            scan.bytes = mended.len() as u64;
        } else if let Some(offset) = scan.cut {
            tracing::warn!(
                file = %self.path.display(),
                offset,
                bytes = bytes.len() - offset,
                "a record was cut short by a crash and is dropped; all before it is kept"
            );
            let cut = || -> io::Result<()> {
                let file = fs::OpenOptions::new().write(true).open(self.path)?;
                file.set_len(offset as u64)?;
                file.sync_all()
            };
            cut().map_err(failure(self.path))?;
            scan.bytes = offset as u64;
        }
        Ok(Some((header, scan)))
    }

    fn scan(&self, bytes: &[u8], start: usize) -> Scan {
        let mut scan = Scan { last: self.first - 1, bytes: bytes.len() as u64, ..Scan::default() };
        let mut offset = start;
        loop {
            let rest = bytes.get(offset..).unwrap_or_default();
            match format::next(rest) {
                Found::End => return scan,
                Found::Record { seq, payload, size } if self.is_next(seq, payload, scan.last) => {
                    if format::is_row(payload) {
                        scan.last = seq;
                    } else if let Ok(note) = format::note(payload) {
                        scan.note = Some(note);
                    }
                    scan.whole.push(offset..offset + size);
                    offset += size;
                }
                Found::Short if self.is_last && scan.damaged.is_none() => {
                    scan.cut = Some(offset);
                    return scan;
                }
                Found::Damaged { size: Some(size) } => {
                    scan.damaged.get_or_insert(offset);
                    offset += size;
                }
                Found::Record { .. } | Found::Short | Found::Damaged { size: None } => {
                    scan.damaged.get_or_insert(offset);
                    // Where the next record begins is not known, but a head can hardly be there by chance.
                    let sound = |at: &usize| {
                        matches!(
                            format::next(bytes.get(*at..).unwrap_or_default()),
                            Found::Record { seq, payload, .. } if self.is_next(seq, payload, scan.last)
                        )
                    };
                    let Some(next) = (offset + 1..bytes.len()).find(sound) else { return scan };
                    offset = next;
                }
            }
        }
    }

    /// Whether a sound record can follow: rows are numbered upwards, from the file's first number on.
    fn is_next(&self, seq: u64, payload: &[u8], last: u64) -> bool {
        if format::is_row(payload) { seq > last && seq >> BITS == self.first >> BITS } else { seq == 0 }
    }

    /// Whether the file goes on where the one before it ends, as it does within one opening of the spool.
    fn check_gap(&self, before: &Stored) -> Result<(), Error> {
        let goes_on = self.first >> BITS != before.first >> BITS || self.first == before.last + 1;
        if goes_on || self.settings.quarantine || damaged_copy(&before.path).exists() {
            return Ok(());
        }
        Err(Error::SpoolDamaged { file: before.path.clone(), offset: before.bytes })
    }

    /// Keeps a copy of the file, or refuses to go on.
    fn quarantine(&self, offset: usize) -> Result<(), Error> {
        if !self.settings.quarantine {
            return Err(Error::SpoolDamaged { file: self.path.to_owned(), offset: offset as u64 });
        }
        let copy = damaged_copy(self.path);
        let keep = || -> io::Result<()> {
            if copy.exists() {
                return Ok(());
            }
            fs::copy(self.path, &copy)?;
            fs::OpenOptions::new().write(true).open(&copy)?.sync_all()?;
            sync_folder(&self.settings.folder)
        };
        keep().map_err(failure(&copy))?;
        tracing::error!(
            file = %self.path.display(),
            offset,
            copy = %copy.display(),
            table = self.schema.table.name,
            "a damaged file of the spool is put in quarantine; what is whole in it is replayed"
        );
        Ok(())
    }

    /// Puts other bytes in the file's place, at once.
    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let making = self.path.with_extension("tmp");
        let mut file = fs::File::create(&making)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&making, self.path)?;
        sync_folder(&self.settings.folder)
    }
}

/// The name for a copy of a damaged file. A file is mended when it is copied, so it comes to this once; damaged
/// again, it holds nothing that the first copy has not.
fn damaged_copy(path: &Path) -> PathBuf {
    path.with_extension("spool.damaged")
}

pub(super) fn foreign(file: &Path, reason: String) -> Error {
    Error::SpoolForeign { file: file.to_owned(), reason }
}

pub(super) fn failure(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::SpoolFailed { file: path.to_owned(), source: Arc::new(source) }
}
