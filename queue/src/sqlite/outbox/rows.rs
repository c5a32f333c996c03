//! The outbox's table, and everything that is done to it.
//!
//! Phases: 0 to be sent, 1 sent, 2 ended and kept, 3 refused. Records lie apart, because SQLite rewrites a whole row
//! when a task moves on.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::state::{OutboxState, OutboxStats};
use crate::clock::{length, moment, span};
use crate::sqlite::fault::Fault;
use crate::sqlite::ledger::Ledger;
use crate::{DeathReason, Enqueued, Error, NewTask, Novelty, QueueName, TaskId};

/// The version of the table, beside that of the queue's.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS cofferdam_outbox_tasks (
    seq INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    id TEXT NOT NULL,
    phase INTEGER NOT NULL DEFAULT 0 CHECK (phase BETWEEN 0 AND 3),
    written_at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    ending INTEGER,
    outcome BLOB,
    CHECK (phase < 2 OR (ending IS NOT NULL AND outcome IS NOT NULL)),
    UNIQUE (queue, id)
) STRICT;
CREATE INDEX IF NOT EXISTS cofferdam_outbox_waiting ON cofferdam_outbox_tasks (queue, seq) WHERE phase = 0;
CREATE INDEX IF NOT EXISTS cofferdam_outbox_sent ON cofferdam_outbox_tasks (queue, due) WHERE phase = 1;
CREATE INDEX IF NOT EXISTS cofferdam_outbox_ended ON cofferdam_outbox_tasks (queue, phase, due) WHERE phase > 1;
CREATE TABLE IF NOT EXISTS cofferdam_outbox_records (
    seq INTEGER PRIMARY KEY,
    record BLOB NOT NULL
) STRICT;
INSERT OR IGNORE INTO cofferdam_queue_meta (key, value) VALUES ('outbox_version', 1);
";

/// How an ended or refused task ended; part of the format. Deaths follow from 10 on, by their codes.
const DONE: i64 = 0;
const DUPLICATE: i64 = 1;
const REFUSED: i64 = 2;
const DEATHS: i64 = 10;

/// How many bytes of records one trip takes from the file, beyond the first one.
const TRIP_BYTES: usize = 8 << 20;

/// A task of the outbox on its way.
pub(super) struct Held {
    pub(super) seq: i64,
    pub(super) id: TaskId,
    /// For how long it has been here.
    pub(super) age: Duration,
}

/// What became of a task.
pub(super) enum Turn {
    /// The queue has it; look again after so long.
    Sent(Duration),
    /// It is to be sent, not before so long.
    Waiting(Duration),
    /// The outbox is done with it.
    Ended(OutboxState),
}

/// Makes the tables, or refuses those of a later version.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<(), Error> {
    let failed =
        |error: rusqlite::Error| Fault::from(error).into_error("prepare the outbox's tables", Duration::ZERO);
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} COMMIT")).map_err(failed)?;
    let version = "SELECT value FROM cofferdam_queue_meta WHERE key = 'outbox_version'";
    let found: i64 = connection.query_row(version, [], |row| row.get(0)).map_err(failed)?;
    if found > VERSION {
        return Err(Error::NewerSchema { path: path.to_owned(), found, supported: VERSION });
    }
    Ok(())
}

pub(super) fn write(
    ledger: &Ledger<'_>,
    queue: &QueueName,
    tasks: &[NewTask],
) -> Result<Vec<Enqueued>, Fault> {
    let mut insert = ledger.connection.prepare_cached(
        "INSERT INTO cofferdam_outbox_tasks (queue, id, written_at, due) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT (queue, id) DO NOTHING",
    )?;
    let mut keep = ledger
        .connection
        .prepare_cached("INSERT INTO cofferdam_outbox_records (seq, record) VALUES (?1, ?2)")?;
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        let added = insert.execute(params![queue.as_str(), task.id.as_str(), ledger.now])?;
        let novelty = if added == 0 { Novelty::Existing } else { Novelty::New };
        if novelty == Novelty::New {
            keep.execute(params![ledger.connection.last_insert_rowid(), task.to_record()])?;
        }
        answers.push(Enqueued::new(task.id.clone(), novelty));
    }
    Ok(answers)
}

/// The tasks that are to be sent now with their records, in the order in which they were written.
pub(super) fn to_send(
    ledger: &Ledger<'_>,
    queue: &QueueName,
    max: usize,
) -> Result<Vec<(Held, Vec<u8>)>, Fault> {
    let mut find = ledger.connection.prepare_cached(
        "SELECT t.seq, t.id, t.written_at, r.record FROM cofferdam_outbox_tasks t
         JOIN cofferdam_outbox_records r ON r.seq = t.seq
         WHERE t.queue = ?1 AND t.phase = 0 AND t.due <= ?2 ORDER BY t.seq LIMIT ?3",
    )?;
    let mut rows = find.query(params![queue.as_str(), ledger.now, most(max)])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let record: Vec<u8> = row.get(3)?;
        bytes += record.len();
        if bytes > TRIP_BYTES && !found.is_empty() {
            break;
        }
        found.push((read(ledger, row)?, record));
    }
    Ok(found)
}

/// The tasks that are to be looked up now.
pub(super) fn to_look_up(ledger: &Ledger<'_>, queue: &QueueName, max: usize) -> Result<Vec<Held>, Fault> {
    let mut find = ledger.connection.prepare_cached(
        "SELECT seq, id, written_at FROM cofferdam_outbox_tasks
         WHERE queue = ?1 AND phase = 1 AND due <= ?2 ORDER BY due LIMIT ?3",
    )?;
    let mut rows = find.query(params![queue.as_str(), ledger.now, most(max)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(ledger, row)?);
    }
    Ok(found)
}

fn read(ledger: &Ledger<'_>, row: &Row<'_>) -> Result<Held, Fault> {
    let id: String = row.get(1)?;
    let id = TaskId::new(&id).map_err(|_| Fault::Corrupt("task id"))?;
    Ok(Held { seq: row.get(0)?, id, age: length(ledger.now.saturating_sub(row.get(2)?)) })
}

/// How long until something is to be done, if anything is held.
pub(super) fn next_due(ledger: &Ledger<'_>, queue: &QueueName) -> Result<Option<Duration>, Fault> {
    let mut find = ledger.connection.prepare_cached(
        "SELECT min(due) FROM (SELECT min(due) AS due FROM cofferdam_outbox_tasks WHERE queue = ?1 AND phase = 0
         UNION ALL SELECT min(due) FROM cofferdam_outbox_tasks WHERE queue = ?1 AND phase = 1)",
    )?;
    let due: Option<i64> = find.query_row([queue.as_str()], |row| row.get(0))?;
    Ok(due.map(|due| length(due.saturating_sub(ledger.now))))
}

/// Moves tasks on. An ending is kept if outcomes are; a refusal is kept in any case.
pub(super) fn turn(ledger: &Ledger<'_>, turns: &[(i64, Turn)], keep: bool) -> Result<(), Fault> {
    let mut move_on = ledger.connection.prepare_cached(
        "UPDATE cofferdam_outbox_tasks SET phase = ?2, due = ?3 WHERE seq = ?1 AND phase < 2",
    )?;
    let mut end = ledger.connection.prepare_cached(
        "UPDATE cofferdam_outbox_tasks SET phase = ?2, due = ?3, ending = ?4, outcome = ?5 WHERE seq = ?1",
    )?;
    for (seq, turn) in turns {
        let at = |pause: &Duration| ledger.now.saturating_add(span(*pause));
        match turn {
            Turn::Waiting(pause) => drop(move_on.execute(params![seq, 0, at(pause)])?),
            Turn::Sent(pause) => drop(move_on.execute(params![seq, 1, at(pause)])?),
            Turn::Ended(state @ OutboxState::Refused { .. }) => {
                let (ending, outcome) = stored(state);
                end.execute(params![seq, 3, ledger.now, ending, outcome])?;
            }
            Turn::Ended(state) if keep => {
                let (ending, outcome) = stored(state);
                end.execute(params![seq, 2, ledger.now, ending, outcome])?;
                delete_record(ledger, *seq)?;
            }
            Turn::Ended(_) => delete(ledger, *seq)?,
        }
    }
    Ok(())
}

fn delete(ledger: &Ledger<'_>, seq: i64) -> Result<(), Fault> {
    ledger.connection.prepare_cached("DELETE FROM cofferdam_outbox_tasks WHERE seq = ?1")?.execute([seq])?;
    delete_record(ledger, seq)
}

fn delete_record(ledger: &Ledger<'_>, seq: i64) -> Result<(), Fault> {
    ledger
        .connection
        .prepare_cached("DELETE FROM cofferdam_outbox_records WHERE seq = ?1")?
        .execute([seq])?;
    Ok(())
}

/// Whether there are outcomes that were learned so long ago.
pub(super) fn is_any_old(ledger: &Ledger<'_>, queue: &QueueName, age: Duration) -> Result<bool, Fault> {
    let mut find = ledger.connection.prepare_cached(
        "SELECT 1 FROM cofferdam_outbox_tasks WHERE queue = ?1 AND phase = 2 AND due <= ?2 LIMIT 1",
    )?;
    Ok(find.exists(params![queue.as_str(), ledger.now.saturating_sub(span(age))])?)
}

/// Deletes at most so many outcomes that were learned so long ago, and answers how many.
pub(super) fn forget(
    ledger: &Ledger<'_>,
    queue: &QueueName,
    age: Duration,
    max: usize,
) -> Result<usize, Fault> {
    let mut delete = ledger.connection.prepare_cached(
        "DELETE FROM cofferdam_outbox_tasks WHERE seq IN (SELECT seq FROM cofferdam_outbox_tasks
         WHERE queue = ?1 AND phase = 2 AND due <= ?2 ORDER BY due LIMIT ?3)",
    )?;
    let before = ledger.now.saturating_sub(span(age));
    Ok(delete.execute(params![queue.as_str(), before, most(max)])?)
}

pub(super) fn state(
    ledger: &Ledger<'_>,
    queue: &QueueName,
    task: &TaskId,
) -> Result<Option<OutboxState>, Fault> {
    let mut find = ledger.connection.prepare_cached(
        "SELECT phase, ending, outcome FROM cofferdam_outbox_tasks WHERE queue = ?1 AND id = ?2",
    )?;
    let found = find.query_row([queue.as_str(), task.as_str()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<Vec<u8>>>(2)?))
    });
    match found.optional()? {
        None => Ok(None),
        Some((0, ..)) => Ok(Some(OutboxState::Waiting)),
        Some((1, ..)) => Ok(Some(OutboxState::Sent)),
        Some((_, ending, outcome)) => {
            let ended = ending.zip(outcome).and_then(|(ending, outcome)| from_stored(ending, outcome));
            Ok(Some(ended.ok_or(Fault::Corrupt("outcome"))?))
        }
    }
}

fn stored(state: &OutboxState) -> (i64, &[u8]) {
    match state {
        OutboxState::Done { result } => (DONE, result),
        OutboxState::Duplicate { of } => (DUPLICATE, of.as_str().as_bytes()),
        OutboxState::Dead { reason, error } => (DEATHS + i64::from(reason.code()), error.as_bytes()),
        OutboxState::Refused { error } => (REFUSED, error.as_bytes()),
        // These two are no endings and never come here; a refusal without words does no harm.
        OutboxState::Waiting | OutboxState::Sent => (REFUSED, b""),
    }
}

fn from_stored(ending: i64, outcome: Vec<u8>) -> Option<OutboxState> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
    Some(match ending {
        DONE => OutboxState::Done { result: outcome },
        DUPLICATE => OutboxState::Duplicate { of: TaskId::new(&text(outcome)?).ok()? },
        REFUSED => OutboxState::Refused { error: text(outcome)? },
        _ => OutboxState::Dead { reason: DeathReason::from_code(ending - DEATHS)?, error: text(outcome)? },
    })
}

pub(super) fn retry(ledger: &Ledger<'_>, queue: &QueueName, tasks: &[TaskId]) -> Result<u64, Fault> {
    let mut revive = ledger.connection.prepare_cached(
        "UPDATE cofferdam_outbox_tasks SET phase = 0, due = ?3, ending = NULL, outcome = NULL
         WHERE queue = ?1 AND id = ?2 AND phase = 3",
    )?;
    let mut found = 0;
    for task in tasks {
        found += revive.execute(params![queue.as_str(), task.as_str(), ledger.now])? as u64;
    }
    Ok(found)
}

pub(super) fn discard(ledger: &Ledger<'_>, queue: &QueueName, tasks: &[TaskId]) -> Result<u64, Fault> {
    let mut find = ledger.connection.prepare_cached(
        "SELECT seq FROM cofferdam_outbox_tasks WHERE queue = ?1 AND id = ?2 AND phase = 3",
    )?;
    let mut found = 0;
    for task in tasks {
        let seq = find.query_row([queue.as_str(), task.as_str()], |row| row.get(0)).optional()?;
        if let Some(seq) = seq {
            delete(ledger, seq)?;
            found += 1;
        }
    }
    Ok(found)
}

pub(super) fn stats(ledger: &Ledger<'_>, queue: &QueueName) -> Result<OutboxStats, Fault> {
    let mut count = ledger.connection.prepare_cached(
        "SELECT phase, count(*), min(written_at) FROM cofferdam_outbox_tasks WHERE queue = ?1 GROUP BY phase",
    )?;
    let mut rows = count.query([queue.as_str()])?;
    let mut stats = OutboxStats::default();
    while let Some(row) = rows.next()? {
        let number = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
        match row.get::<_, i64>(0)? {
            0 => {
                stats.waiting = number;
                stats.oldest_waiting = Some(moment(row.get(2)?));
            }
            1 => stats.sent = number,
            2 => stats.kept = number,
            _ => stats.refused = number,
        }
    }
    Ok(stats)
}

fn most(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
