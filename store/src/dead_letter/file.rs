//! A file of one JSON object a line, appended to and fsynced.
//!
//! It must never hold a part of a batch's letters, nor cut what was there before: an append that fails is taken back.

use std::{
    fs, io,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::letter::Letter;
use crate::Error;

#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    /// Shared with the blocking call that writes, which outlives the future that waits for it.
    file: Arc<Mutex<fs::File>>,
}

impl File {
    /// Opens or creates the file and locks it. A last line that a crash has cut short is kept, and ended.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        match open(&path) {
            Ok(file) => Ok(Self { path, file: Arc::new(Mutex::new(file)) }),
            Err(source) => Err(failure(&path, source)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends all letters and has them on the disk, or leaves the file as it was.
    pub(super) async fn append(&self, letters: &[Letter]) -> Result<(), Error> {
        let mut text = String::with_capacity(letters.iter().map(|letter| letter.json.len() + 1).sum());
        for letter in letters {
            text.push_str(&letter.json);
            text.push('\n');
        }
        let file = Arc::clone(&self.file);
        let write = move || append(&mut file.lock().unwrap_or_else(PoisonError::into_inner), text.as_bytes());
        let end = tokio::task::spawn_blocking(write).await.unwrap_or_else(|stopped| Err(stopped.into()));
        end.map_err(|source| failure(&self.path, source))
    }
}

fn open(path: &Path) -> io::Result<fs::File> {
    let mut file = fs::OpenOptions::new().read(true).append(true).create(true).open(path)?;
    file.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => {
            io::Error::new(io::ErrorKind::WouldBlock, "another writer holds the file")
        }
        fs::TryLockError::Error(error) => error,
    })?;
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            tracing::warn!(path = %path.display(), "the last line was cut short; it is kept as it is");
            file.write_all(b"\n")?;
        }
    }
    // A new file is there after a loss of power only if its folder is on the disk as well.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        sync_folder(folder)?;
    }
    Ok(file)
}

fn append(file: &mut fs::File, text: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    let end = file.write_all(text).and_then(|()| file.sync_data());
    if end.is_err() {
        // Nobody else writes here, so what follows `before` is this call's.
        file.set_len(before)?;
    }
    end
}

/// Has the entries of a folder on the disk, where the system can do that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

fn failure(path: &Path, source: io::Error) -> Error {
    Error::DeadLetters { sink: path.display().to_string(), source: Arc::new(source) }
}
