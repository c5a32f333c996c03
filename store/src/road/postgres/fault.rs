//! PostgreSQL's failures, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use sea_orm::sqlx::{self, error::BoxDynError};

use crate::road::fault::{Fault, Severity};

pub(super) fn fault(source: sqlx::Error) -> Fault {
    Fault::new(severity(&source), source)
}

/// What a failed call calls for.
pub(in crate::road) fn severity(error: &sqlx::Error) -> Severity {
    match error {
        sqlx::Error::Database(error) => error.code().map_or(Severity::Other, |code| of_code(&code)),
        // The server went away, or every connection of the pool is taken.
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => Severity::Busy,
        sqlx::Error::Encode(_) => Severity::Row,
        _ => Severity::Other,
    }
}

/// What a commit that failed calls for. A server that shuts down may have committed before it says so; only a
/// transaction that was chosen as the victim of a conflict is certainly undone.
pub(super) fn of_commit(fault: Fault) -> Fault {
    let undone = matches!(fault.code().as_deref(), Some("40001" | "40P01"));
    if fault.severity == Severity::Busy && !undone { fault.in_doubt() } else { fault }
}

/// A value that could not be encoded.
pub(super) fn encoding(source: BoxDynError) -> Fault {
    fault(sqlx::Error::Encode(source))
}

/// An update that did not touch every row, and does not say which.
pub(super) fn untold() -> Fault {
    Fault::new(Severity::Row, sqlx::Error::Encode("some rows were not touched by the update".into()))
}

fn of_code(code: &str) -> Severity {
    match code {
        // An index entry that is too long; a row that is updated twice in one statement.
        "54000" | "21000" => Severity::Row,
        // A trigger's own word (RAISE in PL/pgSQL), and a view's check.
        "P0001" | "44000" => Severity::Row,
        // A serialization failure, a deadlock, a lock that is not to be had.
        "40001" | "40P01" | "55P03" => Severity::Busy,
        // A standby, as the old master is after a failover; shutting down, crashed, starting; too many connections.
        "25006" | "57P01" | "57P02" | "57P03" | "53300" => Severity::Busy,
        "53100" => Severity::Full,
        _ => match code.get(..2) {
            // A value that its type does not take, and a constraint.
            Some("22" | "23") => Severity::Row,
            Some("08") => Severity::Busy,
            // The statements are this crate's own, so what does not compile misses a table or a column. Rights are
            // not among it.
            Some("42" | "3F") if code != "42501" => Severity::Schema,
            _ => Severity::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_whose_fault_it_is() {
        for (code, expected) in [
            ("23505", Severity::Row),
            ("22021", Severity::Row),
            ("40P01", Severity::Busy),
            ("57P01", Severity::Busy),
            ("08006", Severity::Busy),
            ("53100", Severity::Full),
            ("42P01", Severity::Schema),
            ("42501", Severity::Other),
            ("57014", Severity::Other),
            ("", Severity::Other),
        ] {
            assert_eq!(of_code(code), expected, "{code}");
        }
    }
}
