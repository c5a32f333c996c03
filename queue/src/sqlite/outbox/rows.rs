//! Everything that is done to the outbox's tables.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::outcome::{from_stored, stored};
use super::state::{OutboxState, OutboxStats};
use crate::clock::{length, moment, span};
use crate::sqlite::fault::Fault;
use crate::sqlite::ledger::Ledger;
use crate::{Enqueued, NewTask, Novelty, QueueName, TaskId};

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
