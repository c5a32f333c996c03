//! MySQL's and MariaDB's failures, <https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference>.

use sea_orm::sqlx::{self, mysql::MySqlDatabaseError};

use crate::road::fault::{Fault, Severity};

pub(super) fn fault(source: sqlx::Error) -> Fault {
    Fault::new(severity(&source), source)
}

/// What a failed call calls for.
pub(in crate::road) fn severity(error: &sqlx::Error) -> Severity {
    match error {
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<MySqlDatabaseError>()
            .map_or(Severity::Other, |error| of_number(error.number())),
        // The server went away, or every connection of the pool is taken.
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => Severity::Busy,
        sqlx::Error::Encode(_) => Severity::Row,
        _ => Severity::Other,
    }
}

/// What a commit that failed calls for: a server that goes away may have committed before.
pub(super) fn of_commit(fault: Fault) -> Fault {
    if fault.severity == Severity::Busy { fault.in_doubt() } else { fault }
}

fn of_number(number: u16) -> Severity {
    match number {
        // NULL where none may be; a key that is there; foreign keys; a column without a default.
        1048 | 1062 | 1169 | 1216 | 1217 | 1364 | 1451 | 1452 | 1586 | 1761 | 1762 => Severity::Row,
        // A value out of range, cut off, malformed, too long; a row too large.
        1118 | 1264 | 1265 | 1292 | 1366 | 1367 | 1406 | 1411 | 1416 | 1441 | 1690 | 3140 | 3144 | 3156 => {
            Severity::Row
        }
        // Checks, of MySQL and of MariaDB; a view's check; a trigger's own word (SIGNAL).
        3819 | 4025 | 1369 | 1644 => Severity::Row,
        // Lock wait, deadlock, no wait.
        1205 | 1213 | 3572 => Severity::Busy,
        // Read-only, as the old master is after a failover; shutting down; too many connections; killed or lost.
        1290 | 1792 | 1836 | 1053 | 1077 | 1079 | 1040 | 1203 | 1158..=1161 | 1184 | 1927 | 2006 | 2013 => {
            Severity::Busy
        }
        // The disk, or a table at its limit.
        1021 | 1114 => Severity::Full,
        // The statements are this crate's own, so what does not compile misses a database, a table or a column.
        1049 | 1051 | 1054 | 1109 | 1136 | 1146 => Severity::Schema,
        _ => Severity::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_whose_fault_it_is() {
        for (number, expected) in [
            (1062, Severity::Row),
            (1406, Severity::Row),
            (1213, Severity::Busy),
            (1290, Severity::Busy),
            (2013, Severity::Busy),
            (1114, Severity::Full),
            (1146, Severity::Schema),
            (1142, Severity::Other),
        ] {
            assert_eq!(of_number(number), expected, "{number}");
        }
    }
}
