//! The rows that were found in a spool, given back in order, one file in memory at a time.

use std::{collections::VecDeque, fs};

use super::{
    folder::{Stored, failure, foreign},
    format::{self, Found, Front},
    ledger::Ledger,
    log::Log,
};
use crate::{Error, limits::Limits, row::Row};

#[derive(Debug)]
pub(crate) struct Replay {
    files: VecDeque<Stored>,
    /// The file that is being read, its bytes, and where the next record begins.
    current: Option<(Stored, Vec<u8>, usize)>,
    /// A row that was read and did not fit into the batch before.
    held: Option<Row>,
}

impl Replay {
    pub(super) fn new(stored: Vec<Stored>) -> Self {
        Self { files: stored.into(), current: None, held: None }
    }

    /// Whether no file is to be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.current.is_none() && self.held.is_none()
    }

    /// The next rows that are not done, as many as a batch may hold; none once all are read. Blocks on the disk.
    pub(crate) fn next(&mut self, log: &Log, limits: &Limits) -> Result<Vec<Row>, Error> {
        let ledger = log.ledger();
        let (mut rows, mut weight) = (Vec::new(), 0);
        while rows.len() < limits.max_rows {
            let Some(row) = (match self.held.take() {
                Some(row) => Some(row),
                None => self.row(&ledger)?,
            }) else {
                break;
            };
            if row.seqs.iter().all(|seq| ledger.is_done(*seq)) {
                continue;
            }
            weight += row.weight;
            if weight > limits.bytes && !rows.is_empty() {
                self.held = Some(row);
                break;
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// The next row of any file that is not done.
    fn row(&mut self, ledger: &Ledger) -> Result<Option<Row>, Error> {
        loop {
            let Some((file, bytes, offset)) = &mut self.current else {
                let Some(file) = self.files.pop_front() else { return Ok(None) };
                // It may be removed at any time; others stay until their rows come out of here.
                if ledger.is_done_through(file.first, file.last) {
                    continue;
                }
                let bytes = fs::read(&file.path).map_err(failure(&file.path))?;
                let Front::Header(_, records) = format::front(&bytes) else { return Err(damaged(&file, 0)) };
                let offset = bytes.len() - records.len();
                self.current = Some((file, bytes, offset));
                continue;
            };
            match format::next(bytes.get(*offset..).unwrap_or_default()) {
                Found::Record { payload, size, .. } if !format::is_row(payload) => *offset += size,
                Found::Record { seq, payload, size } => {
                    let mut row = format::row(payload, &file.places).map_err(|reason| {
                        foreign(&file.path, format!("cannot be read at byte {offset}: {reason}"))
                    })?;
                    *offset += size;
                    row.seqs.push(seq);
                    return Ok(Some(row));
                }
                Found::End => self.current = None,
                // It was whole when the writer was built.
                Found::Short | Found::Damaged { .. } => return Err(damaged(file, *offset)),
            }
        }
    }
}

fn damaged(file: &Stored, offset: usize) -> Error {
    Error::SpoolDamaged { file: file.path.clone(), offset: offset as u64 }
}
