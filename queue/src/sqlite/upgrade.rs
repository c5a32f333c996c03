//! Brings the tables of an earlier version to this one.

use rusqlite::Transaction;

use super::fault::Fault;
use super::payloads::INLINE_BYTES;
use super::schema::SCHEMA_VERSION;
use super::tables::TABLES;

/// Makes room for the new tables under the old names. The old form of ALTER TABLE leaves the views and triggers of
/// others alone, which may be in any state.
const SET_ASIDE: &str = "
PRAGMA legacy_alter_table = ON;
DROP INDEX cofferdam_queue_waiting;
DROP INDEX cofferdam_queue_leased;
DROP INDEX cofferdam_queue_finished;
ALTER TABLE cofferdam_queue_tasks RENAME TO cofferdam_queue_tasks_1;
ALTER TABLE cofferdam_queue_payloads RENAME TO cofferdam_queue_payloads_1;
PRAGMA legacy_alter_table = OFF;
";

/// The phases moved up by one, as tasks can be blocked now; names of queues became numbers; small payloads moved into
/// the rows.
const COPY: &str = "
INSERT INTO cofferdam_queue_queues (name) SELECT DISTINCT queue FROM cofferdam_queue_tasks_1;
INSERT INTO cofferdam_queue_tasks (seq, queue, id, phase, traits, priority, enqueued_at, ready_at, failures, crashes,
    max_attempts, max_crashes, backoff_base, backoff_cap, worker, token, lease_until, finished_at, death, error, body)
SELECT t.seq, q.queue, t.id, t.phase + 1, coalesce(length(p.payload) > {inline}, 0), t.priority, t.enqueued_at,
    t.ready_at, t.failures, t.crashes, t.max_attempts, t.max_crashes, t.backoff_base, t.backoff_cap, t.worker, t.token,
    t.lease_until, t.finished_at, t.death, CASE WHEN t.phase = 3 THEN CAST(t.outcome AS TEXT) END,
    CASE WHEN t.phase = 2 THEN t.outcome WHEN length(p.payload) <= {inline} THEN p.payload END
FROM cofferdam_queue_tasks_1 t
JOIN cofferdam_queue_queues q ON q.name = t.queue
LEFT JOIN cofferdam_queue_payloads_1 p ON p.seq = t.seq
ORDER BY t.seq;
INSERT INTO cofferdam_queue_payloads (seq, payload)
SELECT seq, payload FROM cofferdam_queue_payloads_1 WHERE length(payload) > {inline} ORDER BY seq;
DROP TABLE cofferdam_queue_tasks_1;
DROP TABLE cofferdam_queue_payloads_1;
";

/// Version 1 knew neither classes nor tenants, limits, keys, groups and settings, so nothing must be made up for them.
pub(super) fn from_version_1(transaction: &Transaction<'_>) -> Result<(), Fault> {
    transaction.execute_batch(SET_ASIDE)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(&COPY.replace("{inline}", &INLINE_BYTES.to_string()))?;
    transaction.execute(
        "UPDATE cofferdam_queue_meta SET value = ?1 WHERE key = 'schema_version'",
        [SCHEMA_VERSION],
    )?;
    Ok(())
}
