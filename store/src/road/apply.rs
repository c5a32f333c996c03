//! A batch inside its transaction: statements of many rows, and the search for the rows that are refused.

use super::{
    apart::{Apart, Rules},
    database::{Database, Session as _, Touched},
    fault::{Fault, Severity},
    order::{is_mixed, strict},
    part::Part,
};
use crate::{
    Error,
    batch::Verdict,
    conflict::Conflict,
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

/// Writes all rows in the strict order, decides each. An error means that the transaction is to be rolled back. `last`
/// says that nothing follows in it.
pub(super) async fn apply<D: Database>(
    database: &mut D,
    session: &mut D::Session,
    table: &Table,
    rows: &[&Row],
    search: Search,
    last: bool,
) -> Result<Verdict, Fault> {
    let mut verdict = Verdict { settled: rows.len(), ..Verdict::default() };
    let mut groups = strict(rows, &table.key).into_iter().peekable();
    while let Some(places) = groups.next() {
        let part = Part::new(rows, &places);
        let part =
            rush(database, session, table, part, last && groups.peek().is_none(), &mut verdict).await?;
        write(database, session, table, part, search, &mut verdict).await?;
    }
    Ok(verdict)
}

/// Writes rows in another order; `None` if one of them met another fate than to be written, save for new ones that are
/// left out because they are there. Then, as when a row is refused, all is to be undone, and written in the strict order.
pub(super) async fn apply_apart<D: Database>(
    database: &mut D,
    session: &mut D::Session,
    table: &Table,
    conflict: &Conflict,
    apart: &Apart<'_>,
) -> Result<Option<Verdict>, Fault> {
    let rows = apart.rows();
    let mut verdict = Verdict { coalesced: apart.merged, ..Verdict::default() };
    for places in apart.groups(&rows, &table.key) {
        let part = Part::new(&rows, &places);
        let may_skip = match part.shape().map(Shape::operation) {
            Some(Operation::Insert) => !matches!(conflict, Conflict::Reject),
            _ => false,
        };
        let before = verdict.written;
        let rest = rush(database, session, table, part, false, &mut verdict).await?;
        write(database, session, table, rest, Search::No, &mut verdict).await?;
        if !may_skip && verdict.written - before < part.len() as u64 {
            return Ok(None);
        }
    }
    Ok(Some(verdict))
}

/// Writes rows of both operations, cut in halves until the rows of each piece are of one operation, or may be written
/// apart with success. The pieces are in order, and so the outcome is that of the strict order.
pub(super) async fn apply_halves<D: Database>(
    database: &mut D,
    session: &mut D::Session,
    table: &Table,
    rules: &Rules<'_>,
    rows: &[&Row],
) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::default();
    let mut pieces = Vec::from_iter(halves(rows));
    while let Some(piece) = pieces.pop() {
        if !is_mixed(piece) {
            let part = apply(database, session, table, piece, Search::Yes, false).await?;
            verdict.absorb(part);
            continue;
        }
        if let Some(apart) = rules.apart(piece) {
            session.mark().await?;
            match apply_apart(database, session, table, rules.conflict, &apart).await {
                Ok(Some(part)) => {
                    verdict.absorb(Verdict { settled: piece.len(), ..part });
                    session.release().await?;
                    continue;
                }
                Ok(None) => session.back().await?,
                // The transaction may be gone with the row: then only a new one can go on.
                Err(fault) if fault.severity != Severity::Row || session.back().await.is_err() => {
                    return Err(fault);
                }
                Err(_) => {}
            }
        }
        pieces.extend(halves(piece));
    }
    Ok(verdict)
}

/// The second half and the first: the last one is to be taken first.
fn halves<'a, 'r>(rows: &'a [&'r Row]) -> [&'a [&'r Row]; 2] {
    let (first, second) = rows.split_at(rows.len() / 2);
    [second, first]
}

/// Whether the rows are one statement.
pub(super) fn is_one_statement<D: Database>(database: &D, table: &Table, rows: &[&Row]) -> bool {
    match strict(rows, &table.key).as_slice() {
        [places] => database.fit(Part::new(rows, places)) == rows.len(),
        _ => false,
    }
}

/// Writes the first of the rows by the fastest way, as far as it goes; gives back the others.
async fn rush<'a, D: Database>(
    database: &mut D,
    session: &mut D::Session,
    table: &Table,
    part: Part<'a>,
    last: bool,
    verdict: &mut Verdict,
) -> Result<Part<'a>, Fault> {
    let (rushed, touched) = database.rush(session, part, last).await?;
    let (head, rest) = part.split(rushed);
    verdict.count(&touched, head, table);
    Ok(rest)
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
        let refused = touched.missing.len() + touched.stale.len();
        self.skipped += (rows - written).saturating_sub(refused as u64);
        let table = table.name;
        for place in touched.missing.iter().filter_map(|number| part.place(*number)) {
            self.reject(place, Error::Missing { table });
        }
        for place in touched.stale.iter().filter_map(|number| part.place(*number)) {
            self.reject(place, Error::Stale { table });
        }
    }
}
