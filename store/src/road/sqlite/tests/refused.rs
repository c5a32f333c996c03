//! Rows that are refused, skipped or missing, and transactions that end before their time.

use std::{borrow::Cow, time::Duration};

use sea_orm::{Value, sqlx};

use super::{Case, batches, both, connect, rows, same};
use crate::{batch::Verdict, conflict::Conflict, operation::Operation};

const LOOK: &str = "SELECT id || ' ' || coalesce(k, '-') || ' ' || coalesce(v, '-') FROM t ORDER BY id";

fn case(
    setup: impl Into<Cow<'static, str>>,
    operation: Operation,
    rows: impl IntoIterator<Item = (i64, String, i64)>,
) -> Case {
    let rows = rows.into_iter().map(|(id, k, v)| vec![Value::from(id), k.into(), v.into()]);
    Case {
        setup: setup.into(),
        columns: &["id", "k", "v"],
        key: vec![0],
        operation,
        conflict: Conflict::Reject,
        rows: rows.collect(),
        look: LOOK,
    }
}

fn numbered(rows: i64) -> impl Iterator<Item = (i64, String, i64)> {
    (1..=rows).map(|id| (id, format!("k{id}"), id))
}

/// Fills the table `n`.
const FIFTY: &str = "WITH RECURSIVE c(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM c WHERE value < 50) \
    INSERT INTO n SELECT value FROM c";

#[test]
fn refused_rows_are_named_and_the_others_are_there() {
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE, v INTEGER CHECK (v <> 13))";
    for rows in [20, 500] {
        let mut given: Vec<_> = numbered(rows).collect();
        given[7].1 = "k3".to_owned();
        let mut outcome = same(&case(setup, Operation::Insert, given.clone()));
        assert_eq!(outcome.rejected.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [7, 12]);
        assert!(outcome.rejected[0].1.contains("UNIQUE constraint failed: t.k"), "{:?}", outcome.rejected);
        assert_eq!(outcome.written, given.len() as u64 - 2);
        // Nothing but bad rows.
        given.iter_mut().for_each(|row| row.2 = 13);
        outcome = same(&case(setup, Operation::Insert, given.clone()));
        assert_eq!((outcome.written, outcome.rejected.len(), outcome.table.len()), (0, given.len(), 0));
    }
}

#[test]
fn triggers_mean_what_they_say() {
    for (raise, rejected, kept) in [("ABORT, 'no'", 2, 48), ("ROLLBACK, 'no'", 2, 48), ("IGNORE", 0, 48)] {
        for operation in [Operation::Insert, Operation::Update] {
            let (event, filled, left) = match operation {
                Operation::Update => ("UPDATE", "INSERT INTO t (id) SELECT value FROM n;", 2),
                Operation::Insert => ("INSERT", "", 0),
            };
            let setup = format!(
                "CREATE TABLE n (value INTEGER PRIMARY KEY); {FIFTY}; \
                 CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, v INTEGER); {filled} \
                 CREATE TRIGGER g BEFORE {event} ON t WHEN new.v IN (9, 40) BEGIN SELECT RAISE({raise}); END"
            );
            let outcome = same(&case(setup, operation, numbered(50)));
            assert_eq!((outcome.written, outcome.rejected.len()), (kept, rejected), "{raise} {event}");
            assert_eq!(outcome.skipped, 2 - rejected as u64);
            assert_eq!(outcome.table.iter().filter(|row| row.ends_with('-')).count(), left);
        }
    }
}

#[test]
fn missing_rows_are_told_from_skipped_ones() {
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE, v INTEGER);
        WITH RECURSIVE n(id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < 600) INSERT INTO t (id) SELECT id FROM n WHERE id % 3 > 0;
        CREATE TRIGGER g BEFORE UPDATE ON t WHEN new.v = 5 BEGIN SELECT RAISE(IGNORE); END";
    for total in [10, 600] {
        // With a refused row in the middle, and without.
        for refused in [0, 8] {
            let given = numbered(total)
                .map(|(id, k, v)| if id == refused { (id, "k1".to_owned(), v) } else { (id, k, v) });
            let outcome = same(&case(setup, Operation::Update, given));
            let missing: Vec<usize> = outcome
                .rejected
                .iter()
                .filter(|(_, error)| error.starts_with("Missing"))
                .map(|(place, _)| *place)
                .collect();
            let expected: Vec<usize> =
                (0..usize::try_from(total).unwrap()).filter(|place| place % 3 == 2).collect();
            let mut sorted = missing;
            sorted.sort_unstable();
            assert_eq!(sorted, expected);
            assert_eq!(
                (outcome.skipped, outcome.rejected.len() - expected.len()),
                (1, usize::from(refused > 0))
            );
        }
    }
}

#[test]
fn upserts_count_what_they_wrote() {
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE, v INTEGER);
        INSERT INTO t VALUES (3, 'old', 0), (4, 'k400', 0)";
    let mut nothing = case(setup, Operation::Insert, numbered(400));
    nothing.conflict = Conflict::DoNothing { target: vec![0] };
    let outcome = same(&nothing);
    // The key 400 is taken by a row of another key in `k`, which no target excuses.
    assert_eq!((outcome.written, outcome.skipped, outcome.rejected.len()), (397, 2, 1));
    let mut update = case(setup, Operation::Insert, numbered(300).chain(numbered(30)));
    update.conflict = Conflict::Update { target: vec![0], columns: vec![2] };
    let outcome = same(&update);
    assert_eq!((outcome.written, outcome.skipped, outcome.rejected.len()), (330, 0, 0));
    assert!(outcome.table.contains(&"3 old 3".to_owned()));
}

#[test]
fn a_batch_that_the_commit_refuses_is_cut_down_to_the_row_at_fault() {
    let setup = "CREATE TABLE other (id INTEGER PRIMARY KEY); INSERT INTO other SELECT value FROM json_each('[1,2,3,4,5,6,7,8,9,11,12]');
        CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, v INTEGER REFERENCES other DEFERRABLE INITIALLY DEFERRED)";
    let outcome = same(&case(setup, Operation::Insert, numbered(12)));
    assert_eq!((outcome.written, outcome.rejected.len(), outcome.rejected[0].0), (11, 1, 9));
    assert!(outcome.rejected[0].1.contains("FOREIGN KEY"), "{:?}", outcome.rejected);
}

#[test]
fn a_failure_that_is_no_rows_fault_stops_the_batch_with_the_same_words() {
    let full = "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, v INTEGER); PRAGMA max_page_count = 6";
    let bare = "CREATE TABLE other (id INTEGER PRIMARY KEY)";
    let narrow = "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT)";
    for (setup, look, words) in [
        (full, LOOK, "Full: "),
        (bare, "SELECT name FROM sqlite_schema WHERE name = 't'", "no such table"),
        (narrow, "SELECT k FROM t", "no column named v"),
    ] {
        let mut case = case(setup, Operation::Insert, numbered(3_000));
        case.look = look;
        let outcome = same(&case);
        assert!(outcome.stopped.as_ref().unwrap().contains(words), "{:?}", outcome.stopped);
        assert_eq!((outcome.written, &outcome.table[..]), (0, &[][..]));
    }
}

/// The one difference, which also tells the ways apart: steps see each spelling of a key, in order.
#[test]
fn the_last_of_two_spellings_of_a_key_wins_by_steps() {
    let setup = "CREATE TABLE t (id INTEGER, k TEXT PRIMARY KEY COLLATE NOCASE, v INTEGER);
        INSERT INTO t VALUES (1, 'a', 0), (2, 'b', 0), (3, 'c', 0), (4, 'd', 0), (5, 'e', 0), (6, 'f', 0), (7, 'g', 0)";
    let keys = ["a", "b", "c", "d", "e", "f", "g", "A"];
    let mut case = case(setup, Operation::Update, (1..).zip(keys).map(|(v, k)| (v, k.to_owned(), v)));
    case.key = vec![1];
    let [values, steps] = both(&case);
    assert_eq!((values.written, values.skipped), (7, 1));
    assert_eq!((steps.written, steps.skipped), (8, 0));
    assert!(steps.table.contains(&"8 a 8".to_owned()), "{steps:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_batch_is_there_whole_or_not_at_all() {
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, v INTEGER)";
    let folder = tempfile::tempdir().unwrap();
    let pool = connect(&folder.path().join("test.sqlite3")).await;
    sqlx::raw_sql(setup).execute(&pool).await.unwrap();
    for round in 0..150_u64 {
        let case =
            case(setup, Operation::Insert, numbered(100).map(|(id, k, v)| (id + 100 * round as i64, k, v)));
        let rows = rows(&case);
        let mut verdict = Verdict::default();
        let mut batches = batches(&pool, &case);
        let write = batches.write(&rows, &mut verdict, None);
        let done = tokio::time::timeout(Duration::from_micros(round * 4), write).await.is_ok();
        // The one connection is free again, and no transaction is left on it.
        let mut connection = pool.acquire().await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut *connection).await.unwrap();
        let sql = "SELECT count(*) FROM t WHERE id > ?";
        let found: i64 =
            sqlx::query_scalar(sql).bind(100 * round as i64).fetch_one(&mut *connection).await.unwrap();
        assert!(found == 100 || (found == 0 && !done), "{found} rows in round {round}, done: {done}");
    }
}
