//! A batch inside its transaction: statements of many rows, and the search for the rows that are refused.

use std::collections::HashMap;

use sea_orm::{sea_query::Values, sqlx::SqlitePool};
use sea_query_sqlx::SqlxValues;

use super::{
    fault::{Fault, Severity},
    session::Session,
    statement::{Operation, Statements},
};
use crate::{
    Error,
    batch::Verdict,
    row::{Row, Shape},
    table::Table,
};

/// Rows of one shape, by their places in the batch.
struct Group<'a> {
    shape: &'a Shape,
    places: Vec<usize>,
}

/// Writes all rows, decides each. An error means that the transaction is to be rolled back.
pub(super) async fn apply(
    session: &mut Session,
    statements: &mut Statements,
    table: &Table,
    rows: &[Row],
) -> Result<Verdict, Fault> {
    let mut verdict = Verdict { settled: rows.len(), ..Verdict::default() };
    let groups = match statements.operation() {
        Operation::Insert(_) => runs(rows),
        Operation::Update => by_shape(rows),
    };
    for group in groups {
        write(session, statements, table, rows, &group, &mut verdict).await?;
    }
    Ok(verdict)
}

/// Whether the rows are one INSERT. Never so for updates: when a key is missing, a second statement finds out which,
/// and must see the same table.
pub(super) fn is_one_statement(statements: &Statements, rows: &[Row]) -> bool {
    let Some((first, others)) = rows.split_first() else { return false };
    matches!(statements.operation(), Operation::Insert(_))
        && statements.fit(&first.shape, rows.len()) == rows.len()
        && others.iter().all(|row| row.shape == first.shape)
}

/// Writes rows that are one INSERT, without a transaction around it.
pub(super) async fn apply_one(
    pool: &SqlitePool,
    statements: &mut Statements,
    rows: &[Row],
) -> Result<Verdict, Fault> {
    let mut verdict = Verdict { settled: rows.len(), ..Verdict::default() };
    if let Some(first) = rows.first() {
        let places: Vec<usize> = (0..rows.len()).collect();
        let text = statements.text(&first.shape, rows.len());
        let result = Session::single(pool).await?.execute(text, values(rows, &places)).await?;
        verdict.written = result.rows_affected().min(rows.len() as u64);
        verdict.skipped = rows.len() as u64 - verdict.written;
    }
    Ok(verdict)
}

/// Neighbours of one shape: inserts keep their order, since a later row may refer to an earlier one and
/// auto-increment counts in it.
fn runs(rows: &[Row]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if *group.shape == row.shape => group.places.push(place),
            _ => groups.push(Group { shape: &row.shape, places: vec![place] }),
        }
    }
    groups
}

/// All of one shape: the rows of an update have different keys, so their order says nothing.
fn by_shape(rows: &[Row]) -> Vec<Group<'_>> {
    let mut places: HashMap<&Shape, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let group = *places.entry(&row.shape).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.places.push(place),
            None => groups.push(Group { shape: &row.shape, places: vec![place] }),
        }
    }
    groups
}

/// Writes a group in statements as large as may be. A statement that is refused has changed nothing (SQLite undoes
/// it alone), so its halves are tried, down to the single rows at fault.
async fn write(
    session: &mut Session,
    statements: &mut Statements,
    table: &Table,
    rows: &[Row],
    group: &Group<'_>,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let mut parts = vec![group.places.as_slice()];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let (part, rest) = part.split_at(statements.fit(group.shape, part.len()));
        parts.push(rest);
        let values = values(rows, part);
        match session.execute(statements.text(group.shape, part.len()), values).await {
            Ok(result) => {
                let touched = result.rows_affected().min(part.len() as u64);
                verdict.written += touched;
                if touched < part.len() as u64 {
                    let untouched = part.len() as u64 - touched;
                    match statements.operation() {
                        Operation::Insert(_) => verdict.skipped += untouched,
                        Operation::Update => {
                            let missing = missing(session, statements, table, rows, part).await?;
                            // What was not touched and is there was kept by a trigger, or shares its row with
                            // another spelling of the same key.
                            verdict.skipped += untouched.saturating_sub(missing.len() as u64);
                            for place in missing {
                                verdict.reject(place, Error::Missing { table: table.name });
                            }
                        }
                    }
                }
            }
            Err(fault) if fault.severity != Severity::Row => return Err(fault),
            // The transaction is gone, and with it what was written before: only a new one can go on.
            Err(fault) if !session.still_open().await => return Err(fault),
            Err(fault) => match part {
                [place] => verdict.reject(*place, fault.into_error(table)),
                _ => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.push(second);
                    parts.push(first);
                }
            },
        }
    }
    Ok(())
}

/// The places of the rows whose key the table does not hold.
async fn missing(
    session: &mut Session,
    statements: &mut Statements,
    table: &Table,
    rows: &[Row],
    part: &[usize],
) -> Result<Vec<usize>, Fault> {
    let keys = part.iter().filter_map(|place| rows.get(*place)?.key(&table.key)).flatten().collect();
    let text = statements.absent(part.len());
    let numbers = session.numbers(text, SqlxValues(Values(keys))).await?;
    Ok(numbers
        .into_iter()
        .filter_map(|number| usize::try_from(number).ok().and_then(|number| part.get(number).copied()))
        .collect())
}

/// The arguments of a statement. They are copied: the rows stay in memory until their transaction is committed.
fn values(rows: &[Row], part: &[usize]) -> SqlxValues {
    let rows = part.iter().filter_map(|place| rows.get(*place));
    SqlxValues(Values(rows.flat_map(|row| row.values.iter().cloned()).collect()))
}
