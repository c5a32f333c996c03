//! What can be chosen.

use std::num::NonZeroUsize;

use clap::Parser;

use super::Problem;
use super::site::Kind;

/// The size at which roads are held against each other in the last line, where it is among those that are measured.
const REFERENCE: i64 = 10_000;

/// Measures the writers of the store side by side with sea-orm, with the fast roads that one writes by hand, and with
/// Python.
///
/// Servers are taken from --postgres and --mysql, else from COFFERDAM_POSTGRES_URL and COFFERDAM_MARIADB_URL, else from
/// what `cargo xtask services up postgres mariadb` started. Only the table compare_store_fill is touched; it is removed
/// at the end. The last line is one JSON object with every figure.
#[derive(Parser)]
pub(super) struct Arguments {
    /// The databases, with commas in between.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Sqlite, Kind::Postgres, Kind::Mysql])]
    pub(super) databases: Vec<Kind>,
    /// Rows of an empty table that are inserted, and then those that are updated, with commas in between.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, REFERENCE, 100_000],
          value_parser = clap::value_parser!(i64).range(100..=10_000_000))]
    rows: Vec<i64>,
    /// Rounds; their medians are told.
    #[arg(long, default_value = "5")]
    rounds: NonZeroUsize,
    /// One round without the 100,000 rows, to see that it works; its figures say little.
    #[arg(long, conflicts_with_all = ["rows", "rounds"])]
    quick: bool,
    /// A PostgreSQL.
    #[arg(long, value_name = "URL")]
    pub(super) postgres: Option<String>,
    /// A MariaDB or MySQL.
    #[arg(long, value_name = "URL")]
    pub(super) mysql: Option<String>,
}

/// How much is measured.
pub(super) struct Effort {
    pub(super) rows: Vec<i64>,
    pub(super) rounds: usize,
}

impl Effort {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, Problem> {
        let mut rows = if arguments.quick { vec![1_000, REFERENCE] } else { arguments.rows.clone() };
        rows.sort_unstable();
        rows.dedup();
        if rows.is_empty() || arguments.databases.is_empty() {
            return Err("there is nothing to measure: name some --databases and --rows".into());
        }
        Ok(Self { rows, rounds: if arguments.quick { 1 } else { arguments.rounds.get() } })
    }

    /// The number of rows at which roads are held against each other.
    pub(super) fn reference(&self) -> i64 {
        let most = self.rows.iter().copied().max().unwrap_or(REFERENCE);
        if self.rows.contains(&REFERENCE) { REFERENCE } else { most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effort(words: &[&str]) -> Result<Effort, Problem> {
        Effort::new(&Arguments::try_parse_from([&["compare-store"], words].concat())?)
    }

    #[test]
    fn roads_are_compared_at_ten_thousand_rows_or_at_the_most() {
        assert_eq!(effort(&[]).unwrap().reference(), 10_000);
        assert_eq!(effort(&["--rows", "20000,500"]).unwrap().reference(), 20_000);
        assert_eq!(effort(&["--rows", "20000,500,500"]).unwrap().rows, [500, 20_000]);
    }

    #[test]
    fn quick_is_one_round_and_no_more_than_the_reference() {
        let quick = effort(&["--quick"]).unwrap();
        assert_eq!((quick.rows, quick.rounds), (vec![1_000, 10_000], 1));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [["--rows", "0"], ["--rows", "many"], ["--rounds", "0"], ["--databases", "oracle"]] {
            assert!(effort(&words).is_err(), "{words:?}");
        }
    }
}
