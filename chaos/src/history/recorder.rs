//! Writing a history.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Event, What};
use crate::clock::now;
use crate::error::{Context, Result};

/// Appends the events of one process to its file. Cheap to clone; clones write to the same file.
#[derive(Debug, Clone)]
pub struct Recorder {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    process: String,
    file: Mutex<File>,
    calls: AtomicU64,
}

impl Recorder {
    /// Opens `<process>.jsonl` in this folder.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(folder: &Path, process: &str) -> Result<Self> {
        let path = folder.join(format!("{process}.jsonl"));
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = Mutex::new(file.context(|| format!("open the history {}", path.display()))?);
        Ok(Self { inner: Arc::new(Inner { process: process.to_owned(), file, calls: AtomicU64::new(0) }) })
    }

    /// A number for a call that no other call of this process has.
    #[must_use]
    pub fn next_call(&self) -> u64 {
        self.inner.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes down what happened. It is with the kernel when this returns, so that the end of the process does not undo
    /// it.
    ///
    /// # Panics
    /// When it cannot be written: a run with holes in its history could be judged good that was not.
    #[allow(clippy::panic)]
    pub fn write(&self, what: What) {
        let mut file = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner);
        // The clock is read under the lock, so that the order in the file is the order of times.
        let event = Event { at: now(), process: self.inner.process.clone(), what };
        let written = serde_json::to_vec(&event).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            // One write a line: a kill falls before it or after it, or tears this line alone.
            file.write_all(&line)
        });
        if let Err(error) = written {
            panic!("the history of {} cannot be written: {error}", self.inner.process);
        }
    }
}
