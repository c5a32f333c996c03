//! Prepared statements on the driver's own handle, without its thread between: the one place of this crate with
//! `unsafe` code, since SQLite is a C library.
//!
//! What makes it sound, whatever its callers do:
//! - A [`Raw`] holds the driver's lock, so nobody else calls into the connection, and the driver does not close it.
//! - A [`Statement`] borrows its `Raw`, so it is finalised before the lock goes.
//! - Text and blobs are bound where they lie, not copied. They are borrowed for the whole of [`Statement::run`], and
//!   its guard unbinds them before it returns or unwinds. Nothing but `run` steps a statement.
//!
//! What it must never do: decide. Why a row was refused, and what becomes of it, is said elsewhere.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_int},
    marker::PhantomData,
    ptr::{self, NonNull},
};

use libsqlite3_sys as ffi;
use sea_orm::sqlx::sqlite::LockedSqliteHandle;

use super::{cell::Cell, fault::Refusal};

/// A connection that is locked for the caller.
pub(super) struct Raw<'connection> {
    handle: NonNull<ffi::sqlite3>,
    /// Held until all statements are gone.
    _locked: LockedSqliteHandle<'connection>,
}

impl<'connection> Raw<'connection> {
    pub(super) fn new(mut locked: LockedSqliteHandle<'connection>) -> Self {
        Self { handle: locked.as_raw_handle(), _locked: locked }
    }

    /// Prepares a statement that returns no rows.
    pub(super) fn prepare(&self, sql: &str) -> Result<Statement<'_>, Refusal> {
        let length = c_int::try_from(sql.len())
            .map_err(|_| Refusal::new(ffi::SQLITE_TOOBIG, "the statement is too long".to_owned()))?;
        let mut raw = ptr::null_mut();
        // SAFETY: the handle is open and locked for `self`. The text has `length` bytes, and SQLite reads no more and
        // keeps a copy. `raw` is a place for the result.
        let code = unsafe {
            let text = sql.as_ptr().cast();
            ffi::sqlite3_prepare_v3(self.handle.as_ptr(), text, length, 0, &raw mut raw, ptr::null_mut())
        };
        match NonNull::new(raw) {
            Some(raw) if code == ffi::SQLITE_OK => {
                // SAFETY: the statement was just prepared.
                let variables = unsafe { ffi::sqlite3_bind_parameter_count(raw.as_ptr()) };
                Ok(Statement { raw, variables, connection: self })
            }
            _ => Err(self.refusal(code)),
        }
    }

    /// Whether a transaction is open. SQLite ends one by itself in some failures.
    pub(super) fn in_transaction(&self) -> bool {
        // SAFETY: the handle is open and locked for `self`.
        unsafe { ffi::sqlite3_get_autocommit(self.handle.as_ptr()) == 0 }
    }

    /// What SQLite says of the call before, which failed with this code.
    fn refusal(&self, code: c_int) -> Refusal {
        // SAFETY: the handle is open and locked for `self`, so that no other call replaces the message. It is never
        // null, ends with a NUL, and is copied before the next call.
        let message = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(self.handle.as_ptr())) };
        Refusal::new(code, message.to_string_lossy().into_owned())
    }
}

/// A prepared statement.
pub(super) struct Statement<'raw> {
    raw: NonNull<ffi::sqlite3_stmt>,
    variables: c_int,
    connection: &'raw Raw<'raw>,
}

impl Statement<'_> {
    /// Runs the statement with these values, one for each of its variables, and returns how many rows it changed.
    ///
    /// Refused, it has changed nothing. Too few values or too many are refused too.
    pub(super) fn run<'values>(
        &mut self,
        cells: impl Iterator<Item = Cell<'values>>,
    ) -> Result<u64, Refusal> {
        let bound = Bound { raw: self.raw, values: PhantomData };
        let mut count = 0;
        for (cell, number) in cells.zip(1..) {
            let code = bound.bind(number, cell);
            if code != ffi::SQLITE_OK {
                return Err(self.connection.refusal(code));
            }
            count = number;
        }
        if count != self.variables {
            return Err(Refusal::new(ffi::SQLITE_RANGE, "not each variable has a value".to_owned()));
        }
        // SAFETY: the statement is not finalised, and each of its variables is bound to what outlives this call.
        let code = unsafe { ffi::sqlite3_step(self.raw.as_ptr()) };
        if code != ffi::SQLITE_DONE {
            return Err(self.connection.refusal(code));
        }
        // SAFETY: the handle is open and locked for the connection, so no other statement ran since.
        let changes = unsafe { ffi::sqlite3_changes(self.connection.handle.as_ptr()) };
        Ok(u64::try_from(changes).unwrap_or(0))
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: the statement is finalised here only, and its connection is still open and locked. The code that
        // this returns is the one of the last step again.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// A statement whose variables point to values; dropped, they do not any more, and the statement may be run again.
struct Bound<'values> {
    raw: NonNull<ffi::sqlite3_stmt>,
    values: PhantomData<Cell<'values>>,
}

impl<'values> Bound<'values> {
    fn bind(&self, number: c_int, cell: Cell<'values>) -> c_int {
        let raw = self.raw.as_ptr();
        // SAFETY: the statement is not finalised, and SQLite refuses a number that it does not have. Text and blobs
        // lie there until `self` is gone, for as long as their `'values`, and have the lengths given; those that were
        // made for this call are copied by SQLite before they go. The pointers are not null, not even to what is
        // empty, so nothing becomes NULL.
        unsafe {
            match cell {
                Cell::Null => ffi::sqlite3_bind_null(raw, number),
                Cell::Integer(value) => ffi::sqlite3_bind_int64(raw, number, value),
                Cell::Real(value) => ffi::sqlite3_bind_double(raw, number, value),
                Cell::Text(text) => bind_text(raw, number, text, ffi::SQLITE_STATIC()),
                Cell::Made(text) => bind_text(raw, number, &text, ffi::SQLITE_TRANSIENT()),
                Cell::Blob(blob) => {
                    let (data, length) = (blob.as_ptr().cast(), blob.len() as u64);
                    ffi::sqlite3_bind_blob64(raw, number, data, length, ffi::SQLITE_STATIC())
                }
            }
        }
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        // SAFETY: the statement is not finalised. Neither call fails; the first returns the code of the last step
        // again.
        unsafe {
            ffi::sqlite3_reset(self.raw.as_ptr());
            ffi::sqlite3_clear_bindings(self.raw.as_ptr());
        }
    }
}

/// Binds a text.
///
/// # Safety
/// The statement must not be finalised, and if `keep` says that the text stays where it is, it must outlive the
/// binding.
unsafe fn bind_text(
    raw: *mut ffi::sqlite3_stmt,
    number: c_int,
    text: &str,
    keep: ffi::sqlite3_destructor_type,
) -> c_int {
    let (data, length) = (text.as_ptr().cast(), text.len() as u64);
    // SAFETY: as the caller says; the text has that length, and is UTF-8 as Rust's texts are.
    unsafe { ffi::sqlite3_bind_text64(raw, number, data, length, keep, ffi::SQLITE_UTF8 as _) }
}
