//! Failures, sorted by what a writer does about them.

use std::{sync::Arc, time::Duration};

use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::{Error, batch::Verdict, table::Table};

/// What a failure calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// A row is at fault: single it out.
    Row,
    /// Somebody else holds the database, or it is out of reach for now: nothing was written, try again.
    Busy,
    /// The connection broke while the commit was under way: it may have been written or not. SQLite has none that
    /// could break.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        allow(dead_code, reason = "of servers only")
    )]
    InDoubt,
    /// The disk is full: stop.
    Full,
    /// The statement does not fit the schema: stop.
    Schema,
    /// Anything else: stop.
    Other,
}

/// A failed call and what it calls for.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) severity: Severity,
    source: sqlx::Error,
    /// What is so of the rows if the commit that is in doubt has taken place.
    pub(super) doubtful: Option<Box<Verdict>>,
}

impl Fault {
    pub(super) fn new(severity: Severity, source: sqlx::Error) -> Self {
        Self { severity, source, doubtful: None }
    }

    /// The database's own code, if it was the database that said no.
    #[cfg(feature = "postgres")]
    pub(super) fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.source.as_database_error()?.code()
    }

    /// The same failure, met while the commit was under way.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(super) fn in_doubt(self) -> Self {
        Self { severity: Severity::InDoubt, ..self }
    }

    /// The same failure, where no row can be at fault.
    pub(super) fn of_no_row(self) -> Self {
        let severity = if self.severity == Severity::Row { Severity::Other } else { self.severity };
        Self { severity, ..self }
    }

    /// The same failure of the commit of rows of which this was to be so.
    pub(super) fn committing(self, verdict: Verdict) -> Self {
        Self { doubtful: (self.severity == Severity::InDoubt).then(|| Box::new(verdict)), ..self }
    }

    /// The same failure, where writing again does no harm.
    pub(super) fn repeatable(self) -> Self {
        Self { severity: Severity::Busy, ..self }
    }

    pub(super) fn into_error(self, table: &Table) -> Error {
        let table = table.name;
        let source = DbErr::Exec(RuntimeErr::SqlxError(Arc::new(self.source)));
        match self.severity {
            Severity::Row => Error::Constraint { table, source },
            Severity::Busy => Error::Busy { table, waited: Duration::ZERO, source },
            Severity::InDoubt => Error::InDoubt { table, source },
            Severity::Full => Error::Full { table, source },
            Severity::Schema => Error::Schema { table, source },
            Severity::Other => Error::Database { table, source },
        }
    }
}
