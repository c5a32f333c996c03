//! A batch inside its transaction: statements of many rows, and the search for the rows that are refused.

use std::collections::HashMap;

use super::{
    database::{Database, Session as _, Touched},
    fault::{Fault, Severity},
    part::Part,
};
use crate::{
    Error,
    batch::Verdict,
    operation::Operation,
    row::{Row, Shape},
    table::Table,
};

/// Whether a refused row is looked for, or ends the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    No,
    Yes,
}

/// Writes all rows, decides each. An error means that the transaction is to be rolled back. `last` says that nothing
/// follows in it.
pub(super) async fn apply<D: Database>(
    database: &mut D,
    session: &mut D::Session,
    table: &Table,
    operation: &Operation,
    rows: &[Row],
    search: Search,
    last: bool,
) -> Result<Verdict, Fault> {
    let mut verdict = Verdict { settled: rows.len(), ..Verdict::default() };
    let groups = match operation {
        Operation::Insert(_) => runs(rows),
        Operation::Update => by_shape(rows),
    };
    let mut groups = groups.into_iter().peekable();
    while let Some(places) = groups.next() {
        let part = Part::new(rows, &places);
        let last = last && groups.peek().is_none();
        let (rushed, touched) = database.rush(session, part, last).await?;
        let (head, rest) = part.split(rushed);
        verdict.count(&touched, head, table);
        write(database, session, table, rest, search, &mut verdict).await?;
    }
    Ok(verdict)
}

/// Whether the rows are one statement.
pub(super) fn is_one_statement<D: Database>(database: &D, rows: &[Row]) -> bool {
    let Some((first, others)) = rows.split_first() else { return false };
    let places: Vec<usize> = (0..rows.len()).collect();
    others.iter().all(|row| row.shape == first.shape) && database.fit(Part::new(rows, &places)) == rows.len()
}

/// Neighbours of one shape: inserts keep their order, since a later row may refer to an earlier one and
/// auto-increment counts in it.
fn runs(rows: &[Row]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut last: Option<&Shape> = None;
    for (place, row) in rows.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if last == Some(&row.shape) => group.push(place),
            _ => groups.push(vec![place]),
        }
        last = Some(&row.shape);
    }
    groups
}

/// All of one shape: the rows of an update have different keys, so their order says nothing.
fn by_shape(rows: &[Row]) -> Vec<Vec<usize>> {
    let mut places: HashMap<&Shape, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let group = *places.entry(&row.shape).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.push(place),
            None => groups.push(vec![place]),
        }
    }
    groups
}

/// Writes rows of one shape in statements as large as may be. A statement that is refused has changed nothing, once
/// the session is back where it was before, so its halves are tried, down to the single rows at fault.
async fn write<D: Database>(
    database: &mut D,
    session: &mut D::Session,
    table: &Table,
    part: Part<'_>,
    search: Search,
    verdict: &mut Verdict,
) -> Result<(), Fault> {
    let mut parts = vec![part];
    while let Some(part) = parts.pop() {
        if part.len() == 0 {
            continue;
        }
        let (part, rest) = part.split(database.fit(part));
        parts.push(rest);
        if search == Search::Yes && database.forgets() {
            session.mark().await?;
        }
        match database.write(session, part).await {
            Ok(touched) => verdict.count(&touched, part, table),
            Err(fault) if fault.severity != Severity::Row || search == Search::No => return Err(fault),
            // The transaction is gone, and with it what was written before: only a new one can go on.
            Err(fault) if !session.undo().await => return Err(fault),
            Err(fault) => match part.place(0) {
                Some(place) if part.len() == 1 => verdict.reject(place, fault.into_error(table)),
                _ => {
                    let (first, second) = part.split(part.len() / 2);
                    parts.push(second);
                    parts.push(first);
                }
            },
        }
    }
    Ok(())
}

impl Verdict {
    /// Takes over what a statement did.
    pub(super) fn count(&mut self, touched: &Touched, part: Part<'_>, table: &Table) {
        let rows = part.len() as u64;
        let written = touched.written.min(rows);
        self.written += written;
        // What was not touched and is there was left out as asked, was kept by a trigger, or shares its row with
        // another spelling of the same key (which counts as written where each row is stepped alone).
        self.skipped += (rows - written).saturating_sub(touched.missing.len() as u64);
        for place in touched.missing.iter().filter_map(|number| part.place(*number)) {
            self.reject(place, Error::Missing { table: table.name });
        }
    }
}
