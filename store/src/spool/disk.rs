//! The file that a spool appends to, and the way from one file to the next.
//!
//! It knows how much of the file is certainly on the disk, and takes back what is not when something fails: rows
//! that are handed back in memory must not come again out of the spool.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::format::Header;

#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    /// What every file begins with, but for its first sequence number.
    header: Header,
    file: fs::File,
    /// The bytes of the file, and how many of them are on the disk.
    length: u64,
    synced: u64,
    /// The last row that is in a file, and the last one that is on the disk.
    pub(super) written: u64,
    pub(super) durable: u64,
}

impl Disk {
    /// Begins the first file.
    pub(super) fn begin(folder: &Path, header: Header, note: &[u8]) -> io::Result<Self> {
        let (file, length) = create(folder, &header, note)?;
        let before = header.first - 1;
        let folder = folder.to_owned();
        Ok(Self { folder, header, file, length, synced: length, written: before, durable: before })
    }

    /// Begins the next file, once this one is on the disk: after a crash only the last file may be cut short.
    pub(super) fn follow(&mut self, first: u64, note: &[u8]) -> io::Result<()> {
        self.sync()?;
        let header = Header { first, ..self.header.clone() };
        let (file, length) = create(&self.folder, &header, note)?;
        (self.file, self.length, self.synced) = (file, length, length);
        Ok(())
    }

    /// Appends records, of which `last` is the last row.
    pub(super) fn append(&mut self, bytes: &[u8], last: u64) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        self.written = last;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.synced < self.length {
            self.file.sync_data()?;
            self.synced = self.length;
        }
        self.durable = self.written;
        Ok(())
    }

    /// Cuts off what is not certainly on the disk.
    pub(super) fn take_back(&mut self) -> io::Result<()> {
        self.written = self.durable;
        self.file.set_len(self.synced)?;
        self.file.sync_all()
    }
}

fn create(folder: &Path, header: &Header, note: &[u8]) -> io::Result<(fs::File, u64)> {
    let path = folder.join(file_name(header.first));
    let write = || -> io::Result<(fs::File, u64)> {
        let mut file = fs::OpenOptions::new().append(true).create_new(true).open(&path)?;
        let bytes = [header.bytes().as_slice(), note].concat();
        file.write_all(&bytes)?;
        file.sync_all()?;
        sync_folder(folder)?;
        Ok((file, bytes.len() as u64))
    };
    write().inspect_err(|_| {
        // Half a header is no harm, only untidy: the next start removes it.
        let _ = fs::remove_file(&path);
    })
}

/// The name of the file whose first row has this sequence number; names sort as the numbers do.
pub(super) fn file_name(first: u64) -> String {
    format!("{first:016x}.spool")
}

/// Has the entries of a folder on the disk, where the system can do that.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
