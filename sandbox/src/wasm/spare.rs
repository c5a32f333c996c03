//! Interpreters that are made before anybody asks for them.
//!
//! Making one and running it in takes longer than a small program does. A session's thread does that when its session is
//! over, for a session to come, which then only loads its program. A spare has never seen a program, is handed out once,
//! and is the same, to the byte, as one made on demand: who gets which cannot be told from inside. It must never be an
//! instance that somebody has used.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::guest::Blank;
use crate::Error;

/// The spares of one sandbox.
pub(super) struct Spares {
    /// How many there should be.
    count: usize,
    stock: Mutex<Stock>,
}

#[derive(Default)]
struct Stock {
    ready: Vec<Blank>,
    /// How many are being made.
    making: usize,
}

impl Spares {
    pub(super) fn new(count: usize) -> Self {
        Self { count, stock: Mutex::default() }
    }

    /// A spare, if one is ready.
    pub(super) fn take(&self) -> Option<Blank> {
        self.stock().ready.pop()
    }

    /// Makes one spare, unless there are enough; says whether it did.
    pub(super) fn make(&self, make: impl FnOnce() -> Result<Blank, Error>) -> bool {
        {
            let mut stock = self.stock();
            if stock.ready.len() + stock.making >= self.count {
                return false;
            }
            stock.making += 1;
        }
        let made = make();
        let mut stock = self.stock();
        stock.making -= 1;
        match made {
            Ok(blank) => {
                stock.ready.push(blank);
                true
            }
            // The next session makes its own, and tells its user what is wrong.
            Err(error) => {
                tracing::warn!(%error, "an interpreter could not be made in advance");
                false
            }
        }
    }

    /// Nothing that holds the lock can leave the stock half-changed.
    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
