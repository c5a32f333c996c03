//! What is known of a spool that is in use, under its lock: plain data and short steps, no waiting.

use std::{collections::VecDeque, io, path::PathBuf, sync::Arc};

use super::{folder::Stored, ledger::Ledger};

/// What the spool's thread is to bring onto the disk, in order.
#[derive(Debug)]
pub(super) enum Chunk {
    /// Records, up to this sequence number.
    Records { bytes: Vec<u8>, last: u64 },
    /// A new file for the rows from this number on, with this note at its front.
    File { first: u64, note: Ledger },
}

/// A file that is there, or will be once the thread has come to it.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    first: u64,
    /// The last row in it; below `first` while there is none.
    last: u64,
    /// The room that its rows take.
    bytes: u64,
}

#[derive(Debug)]
pub(super) struct State {
    /// The sequence number of the next row.
    next: u64,
    pub(super) pending: Vec<Chunk>,
    /// Oldest first; the last one takes the new rows, and always is there.
    files: VecDeque<File>,
    /// The last row that is in a file, and the last one that is on the disk.
    pub(super) written: u64,
    pub(super) durable: u64,
    /// What is done as far as this process knows, for the notes. The database's row is never ahead of it but by one
    /// batch.
    pub(super) ledger: Ledger,
    /// Whether the ledger has changed since it was last noted.
    pub(super) unnoted: bool,
    /// Somebody waits for an fsync, or for a write.
    pub(super) sync: bool,
    pub(super) hurry: bool,
    /// How many calls of `add` wait for room on the disk.
    pub(super) waiting: usize,
    /// By how much the files that were found exceed the room; it is taken off what is given back.
    pub(super) deficit: u64,
    /// No more rows will come.
    pub(super) ending: bool,
    /// The thread has ended.
    pub(super) ended: bool,
    /// Why no more can be written, if so.
    pub(super) failure: Option<Arc<io::Error>>,
    /// The lock on the folder, until the writer is through with the database.
    pub(super) lock: Option<std::fs::File>,
}

impl State {
    pub(super) fn new(
        first: u64,
        path: PathBuf,
        stored: &[Stored],
        note: Ledger,
        deficit: u64,
        lock: std::fs::File,
    ) -> Self {
        let mut files: VecDeque<File> = stored
            .iter()
            .map(|Stored { path, first, last, bytes, .. }| File {
                path: path.clone(),
                first: *first,
                last: *last,
                bytes: *bytes,
            })
            .collect();
        files.push_back(File { path, first, last: first - 1, bytes: 0 });
        Self {
            next: first,
            pending: Vec::new(),
            files,
            written: first - 1,
            durable: first - 1,
            ledger: note,
            unnoted: false,
            sync: false,
            hurry: false,
            waiting: 0,
            deficit,
            ending: false,
            ended: false,
            failure: None,
            lock: Some(lock),
        }
    }

    /// The number of the row that came last.
    pub(super) const fn last(&self) -> u64 {
        self.next - 1
    }

    /// Gives the next row its number.
    pub(super) const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Takes a row's bytes; begins a new file first where the present one is full.
    pub(super) fn push(
        &mut self,
        seq: u64,
        bytes: Vec<u8>,
        room: u64,
        file_bytes: u64,
        path: impl Fn(u64) -> PathBuf,
    ) {
        if self.files.back().is_some_and(|file| file.last >= file.first && file.bytes >= file_bytes) {
            self.begin_file(seq, path(seq));
        }
        if let Some(file) = self.files.back_mut() {
            file.last = seq;
            file.bytes += room;
        }
        match self.pending.last_mut() {
            Some(Chunk::Records { bytes: pending, last }) => {
                pending.extend_from_slice(&bytes);
                *last = seq;
            }
            _ => self.pending.push(Chunk::Records { bytes, last: seq }),
        }
    }

    fn begin_file(&mut self, first: u64, path: PathBuf) {
        self.pending.push(Chunk::File { first, note: self.ledger.clone() });
        self.files.push_back(File { path, first, last: first - 1, bytes: 0 });
    }

    /// Whether the present file holds only rows that are done, and a new one would make room for somebody.
    pub(super) fn can_roll(&self) -> bool {
        (self.waiting > 0 || self.ending)
            && self.pending.is_empty()
            && self.files.back().is_some_and(|file| file.last >= file.first && self.is_done(file))
    }

    /// Begins a new file in place of one that is done with.
    pub(super) fn roll(&mut self, path: impl Fn(u64) -> PathBuf) {
        self.begin_file(self.next, path(self.next));
    }

    /// Whether the oldest file is done with.
    pub(super) fn can_remove(&self) -> bool {
        self.files.len() > 1 && self.files.front().is_some_and(|file| self.is_done(file))
    }

    /// Takes the oldest files that are done with, and the room that their removal gives.
    pub(super) fn take_done(&mut self) -> (Vec<PathBuf>, u64) {
        let (mut paths, mut room) = (Vec::new(), 0);
        while self.can_remove() {
            let Some(file) = self.files.pop_front() else { break };
            paths.push(file.path);
            room += file.bytes;
        }
        let paid = room.min(self.deficit);
        self.deficit -= paid;
        (paths, room - paid)
    }

    fn is_done(&self, file: &File) -> bool {
        self.ledger.is_done_through(file.first, file.last)
    }
}
