//! The roads that are compared: which there are, and what each is called.

use super::site::Kind;

/// The most rows of a road that waits for the disk at each of them, or for a driver's thread. On SQLite it is not less,
/// since what a commit costs there is mostly the checkpoint that comes with every thousandth page.
const FEW: i64 = 1_000;
const FEW_ON_SQLITE: i64 = 10_000;

/// The most rows of a road that takes tens of microseconds a row.
const SOME: i64 = 5_000;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Insert,
    Update,
}

/// Whose a road is, which decides what it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Ours,
    /// The base: row by row with sea-orm, a commit each.
    Base,
    /// What an ORM offers.
    Orm,
    /// Written by hand for one table, so one of those that make the limit.
    Hand,
}

/// A way of writing rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Road {
    /// Our writer, with batches of exactly so many rows where that is said.
    Ours(Option<usize>),
    Each,
    /// The same by `ActiveModel::insert` and `update`, which also read the row back.
    EachBack,
    InOne,
    /// `insert_many`, or a CASE a column, of so many rows.
    SeaOrm(usize),
    /// sqlx with a placeholder a value and so many rows a statement.
    Rows(usize),
    /// UNNEST of so many rows.
    Arrays(usize),
    Copy,
    CopyAny,
    /// COPY or LOAD DATA to a temporary table, and an UPDATE from there.
    Stage,
    /// rusqlite with so many rows a statement.
    Directly(usize),
    Load,
    SqlAlchemy,
    PsycopgCopy,
}

impl Job {
    pub(super) const ALL: [Self; 2] = [Self::Insert, Self::Update];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
        }
    }
}

impl Road {
    /// All that lead to a database.
    pub(super) fn all(kind: Kind, job: Job) -> Vec<Self> {
        let shared = [
            Self::Ours(None),
            Self::Ours(Some(50)),
            Self::Each,
            Self::EachBack,
            Self::InOne,
            Self::SeaOrm(50),
            Self::SeaOrm(500),
            Self::SqlAlchemy,
        ];
        let by_hand: &[Self] = match (kind, job) {
            (Kind::Sqlite, Job::Insert) => &[
                Self::Rows(500),
                Self::Directly(1),
                Self::Directly(25),
                Self::Directly(50),
                Self::Directly(100),
            ],
            (Kind::Sqlite, Job::Update) => &[Self::Rows(500), Self::Directly(1)],
            (Kind::Postgres, Job::Insert) => &[
                Self::Rows(500),
                Self::Arrays(500),
                Self::Arrays(2_000),
                Self::Arrays(5_000),
                Self::Copy,
                Self::CopyAny,
                Self::PsycopgCopy,
            ],
            (Kind::Postgres, Job::Update) => {
                &[Self::Rows(500), Self::Arrays(500), Self::Arrays(2_000), Self::Arrays(5_000), Self::Stage]
            }
            (Kind::Mysql, Job::Insert) => {
                &[Self::Rows(500), Self::Rows(2_000), Self::Rows(5_000), Self::Load]
            }
            (Kind::Mysql, Job::Update) => {
                &[Self::Rows(500), Self::Rows(2_000), Self::Rows(5_000), Self::Stage]
            }
        };
        shared.into_iter().chain(by_hand.iter().copied()).collect()
    }

    pub(super) const fn owner(self) -> Owner {
        match self {
            Self::Ours(_) => Owner::Ours,
            Self::Each => Owner::Base,
            Self::EachBack | Self::InOne | Self::SeaOrm(_) | Self::SqlAlchemy => Owner::Orm,
            _ => Owner::Hand,
        }
    }

    /// How many of `rows` rows it writes: a slow one is told by its first.
    pub(super) fn share(self, kind: Kind, job: Job, rows: i64) -> i64 {
        match (self, kind, job) {
            (Self::Each | Self::EachBack, Kind::Sqlite, _) => rows.min(FEW_ON_SQLITE),
            (Self::Each | Self::EachBack, ..) => rows.min(FEW),
            (Self::InOne, ..) | (Self::SeaOrm(_), _, Job::Update) => rows.min(SOME),
            _ => rows,
        }
    }

    /// For people.
    pub(super) fn name(self, kind: Kind, job: Job) -> String {
        match (self, kind, job) {
            (Self::Ours(None), _, Job::Insert) => "BatchWriter, as it comes".to_owned(),
            (Self::Ours(None), _, Job::Update) => "BatchUpdateWriter, as it comes".to_owned(),
            (Self::Ours(Some(size)), _, Job::Insert) => format!("BatchWriter, batches of {size}"),
            (Self::Ours(Some(size)), _, Job::Update) => format!("BatchUpdateWriter, batches of {size}"),
            (Self::Each, ..) => "sea-orm row by row, a commit each".to_owned(),
            (Self::EachBack, ..) => "sea-orm ActiveModel, each read back".to_owned(),
            (Self::InOne, ..) => "sea-orm row by row, one transaction".to_owned(),
            (Self::SeaOrm(size), _, Job::Insert) => format!("sea-orm insert_many of {size}"),
            (Self::SeaOrm(size), _, Job::Update) => format!("sea-orm CASE WHEN of {size}"),
            (Self::Rows(size), Kind::Mysql, Job::Update) => {
                format!("by hand: sqlx ON DUPLICATE KEY of {size}")
            }
            (Self::Rows(size), _, Job::Update) => format!("by hand: sqlx FROM (VALUES) of {size}"),
            (Self::Rows(size), _, Job::Insert) => format!("by hand: sqlx multi-row of {size}"),
            (Self::Arrays(size), ..) => format!("by hand: sqlx UNNEST of {size}"),
            (Self::Copy, ..) => "by hand: binary COPY".to_owned(),
            (Self::CopyAny, ..) => "by hand: binary COPY of any entity".to_owned(),
            (Self::Stage, Kind::Mysql, _) => "by hand: LOAD DATA to a stage, UPDATE JOIN".to_owned(),
            (Self::Stage, ..) => "by hand: COPY to a stage, UPDATE FROM".to_owned(),
            (Self::Directly(1), ..) => "by hand: rusqlite, a prepared row".to_owned(),
            (Self::Directly(size), ..) => format!("by hand: rusqlite, prepared rows of {size}"),
            (Self::Load, ..) => "by hand: LOAD DATA".to_owned(),
            (Self::SqlAlchemy, ..) => format!("SQLAlchemy, executemany{}", driver(kind)),
            (Self::PsycopgCopy, ..) => "psycopg, binary COPY".to_owned(),
        }
    }

    /// The part of the name of its field in the last line.
    pub(super) fn field(self) -> String {
        match self {
            Self::Ours(None) => "ours".to_owned(),
            Self::Ours(Some(size)) => format!("ours_of_{size}"),
            Self::Each => "row".to_owned(),
            Self::EachBack => "row_read_back".to_owned(),
            Self::InOne => "one_transaction".to_owned(),
            Self::SeaOrm(size) => format!("sea_orm_{size}"),
            Self::Rows(size) => format!("rows_{size}"),
            Self::Arrays(size) => format!("unnest_{size}"),
            Self::Copy => "copy".to_owned(),
            Self::CopyAny => "copy_any".to_owned(),
            Self::Stage => "stage".to_owned(),
            Self::Directly(size) => format!("rusqlite_{size}"),
            Self::Load => "load_data".to_owned(),
            Self::SqlAlchemy => "sqlalchemy".to_owned(),
            Self::PsycopgCopy => "psycopg_copy".to_owned(),
        }
    }
}

const fn driver(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => " by sqlite3",
        Kind::Postgres => " by psycopg",
        Kind::Mysql => " by PyMySQL",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_roads_share_a_field_and_each_database_has_its_base_and_its_limit() {
        for kind in [Kind::Sqlite, Kind::Postgres, Kind::Mysql] {
            for job in Job::ALL {
                let roads = Road::all(kind, job);
                let fields: BTreeSet<_> = roads.iter().map(|road| road.field()).collect();
                assert_eq!(fields.len(), roads.len());
                for owner in [Owner::Ours, Owner::Base, Owner::Hand] {
                    assert!(roads.iter().any(|road| road.owner() == owner), "{kind:?} {job:?} {owner:?}");
                }
            }
        }
    }

    #[test]
    fn only_slow_roads_write_less_than_all() {
        assert_eq!(Road::Each.share(Kind::Postgres, Job::Insert, 10_000), 1_000);
        assert_eq!(Road::Each.share(Kind::Sqlite, Job::Insert, 100), 100);
        assert_eq!(Road::SeaOrm(50).share(Kind::Mysql, Job::Update, 100_000), 5_000);
        for road in [Road::Ours(None), Road::Ours(Some(50)), Road::SeaOrm(50), Road::Copy, Road::SqlAlchemy] {
            assert_eq!(road.share(Kind::Postgres, Job::Insert, 100_000), 100_000);
        }
    }
}
