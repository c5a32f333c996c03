//! The text of the tables, version 2.

/// Where the version of the tables stands, the same in every version.
pub(super) const META: &str = "
CREATE TABLE cofferdam_queue_meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// The tables. A task has one row, and its phase says which of the partial indexes it stands in: none but that of its
/// phase, so finding the next task does not depend on how many are in the others. What most tasks do not use is NULL,
/// and an index leaves it out. The checks make a leased task without a lease impossible, and an end without its
/// outcome.
///
/// `body` is the payload until the task is done, then its result. SQLite rewrites a whole row when a task moves on, so
/// a large payload lies apart, and `body` is NULL meanwhile.
pub(super) const TABLES: &str = "
CREATE TABLE cofferdam_queue_queues (
    queue INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    mode INTEGER NOT NULL DEFAULT 0 CHECK (mode BETWEEN 0 AND 2),
    -- NULL until it is set, 0 for never.
    quarantine_after INTEGER,
    -- Whether it has had tasks with a tenant. From then on those without one stand in lanes as well.
    shared INTEGER NOT NULL DEFAULT 0,
    -- The virtual time of the tenant last claimed.
    clock INTEGER NOT NULL DEFAULT 0,
    -- How many tasks wait, ready or delayed; NULL until somebody enqueues with a bound, and counted from then on.
    waiting INTEGER
) STRICT;
CREATE TABLE cofferdam_queue_tasks (
    seq INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    id TEXT NOT NULL,
    -- 0 blocked, 1 waiting, 2 leased, 3 done, 4 dead.
    phase INTEGER NOT NULL CHECK (phase BETWEEN 0 AND 4),
    -- What must be looked at beyond this row when the task moves on; 0 for nothing.
    traits INTEGER NOT NULL,
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 2),
    -- The lane that the task waits in, NULL for the ordinary one; means nothing in other phases.
    lane INTEGER,
    enqueued_at INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    max_crashes INTEGER NOT NULL,
    backoff_base INTEGER,
    backoff_cap INTEGER,
    worker TEXT,
    -- Stays with a result, so that a repeated settlement is recognised.
    token INTEGER,
    lease_until INTEGER,
    finished_at INTEGER,
    death INTEGER,
    error TEXT,
    kind TEXT,
    class TEXT,
    tenant TEXT,
    code TEXT,
    limit_name TEXT,
    group_name TEXT,
    unique_key TEXT,
    deadline_at INTEGER,
    -- How many tasks a blocked one still waits for.
    remaining INTEGER,
    -- What the tenant was charged for this lease.
    charge INTEGER,
    body BLOB,
    CHECK (phase <> 2 OR (worker IS NOT NULL AND token IS NOT NULL AND lease_until IS NOT NULL)),
    CHECK (phase < 3 OR finished_at IS NOT NULL),
    CHECK (phase <> 3 OR body IS NOT NULL),
    CHECK (phase <> 4 OR (death IS NOT NULL AND error IS NOT NULL)),
    UNIQUE (queue, id)
) STRICT;
CREATE INDEX cofferdam_queue_blocked ON cofferdam_queue_tasks (queue) WHERE phase = 0;
CREATE INDEX cofferdam_queue_waiting
    ON cofferdam_queue_tasks (queue, priority, ready_at) WHERE phase = 1 AND lane IS NULL;
CREATE INDEX cofferdam_queue_laned
    ON cofferdam_queue_tasks (lane, ready_at) WHERE phase = 1 AND lane IS NOT NULL;
CREATE INDEX cofferdam_queue_laned_by_time
    ON cofferdam_queue_tasks (queue, priority, ready_at) WHERE phase = 1 AND lane IS NOT NULL;
CREATE INDEX cofferdam_queue_leased ON cofferdam_queue_tasks (queue, lease_until) WHERE phase = 2;
CREATE INDEX cofferdam_queue_done ON cofferdam_queue_tasks (queue, finished_at) WHERE phase = 3;
CREATE INDEX cofferdam_queue_dead ON cofferdam_queue_tasks (queue, finished_at) WHERE phase = 4;
CREATE TABLE cofferdam_queue_payloads (
    seq INTEGER PRIMARY KEY,
    payload BLOB NOT NULL
) STRICT;
CREATE TABLE cofferdam_queue_notes (
    seq INTEGER PRIMARY KEY,
    checkpoint BLOB,
    progress BLOB
) STRICT;
-- The waiting tasks that are alike in class, priority, tenant and limit, unless they have neither. A row is there as
-- long as they are; '' stands for none.
CREATE TABLE cofferdam_queue_lanes (
    lane INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    class TEXT NOT NULL,
    priority INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    limit_name TEXT NOT NULL,
    -- 0 delayed: its first task waits for its time. 1 open: it may be claimed. 2 held: its limit was found closed.
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    -- The virtual time of its tenant; NULL if it has none or is delayed.
    share INTEGER,
    -- Its first task.
    head_at INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,
    UNIQUE (queue, tenant, limit_name, class, priority)
) STRICT;
CREATE INDEX cofferdam_queue_delayed ON cofferdam_queue_lanes (queue, head_at) WHERE state = 0;
CREATE INDEX cofferdam_queue_order
    ON cofferdam_queue_lanes (queue, class, priority, state, share, head_at, head_seq);
CREATE INDEX cofferdam_queue_held
    ON cofferdam_queue_lanes (queue, limit_name, class, priority, share, head_at, head_seq) WHERE state = 2;
-- Shares, as far as they are known; '' stands for the tasks without a tenant.
CREATE TABLE cofferdam_queue_tenants (
    queue INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    spent INTEGER NOT NULL DEFAULT 0,
    -- What its last run used, in microseconds.
    estimate INTEGER,
    weight INTEGER,
    PRIMARY KEY (queue, tenant)
) STRICT, WITHOUT ROWID;
CREATE TABLE cofferdam_queue_limits (
    queue INTEGER NOT NULL,
    limit_name TEXT NOT NULL,
    running INTEGER NOT NULL DEFAULT 0,
    concurrency INTEGER,
    starts INTEGER,
    per_millis INTEGER,
    -- Whether there is a setting; without one the row only counts.
    is_set INTEGER NOT NULL DEFAULT 0,
    -- The state of the rate: the theoretical arrival time in microseconds.
    arrival INTEGER NOT NULL DEFAULT 0,
    -- When lanes that the rate holds must be looked at again.
    opens_at INTEGER,
    PRIMARY KEY (queue, limit_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX cofferdam_queue_opening
    ON cofferdam_queue_limits (queue, opens_at) WHERE opens_at IS NOT NULL;
CREATE TABLE cofferdam_queue_codes (
    queue INTEGER NOT NULL,
    code TEXT NOT NULL,
    crashes INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    PRIMARY KEY (queue, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE cofferdam_queue_schedules (
    queue INTEGER NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (queue, name)
) STRICT;
CREATE TABLE cofferdam_queue_keys (
    queue INTEGER NOT NULL,
    unique_key TEXT NOT NULL,
    holder TEXT NOT NULL,
    -- Whether the first claim frees it.
    until_started INTEGER NOT NULL,
    -- When it is free whatever happens; NULL if the holder's end frees it.
    free_at INTEGER,
    PRIMARY KEY (queue, unique_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX cofferdam_queue_freed ON cofferdam_queue_keys (free_at) WHERE free_at IS NOT NULL;
-- Which blocked task waits for which.
CREATE TABLE cofferdam_queue_waits (
    parent INTEGER NOT NULL,
    child INTEGER NOT NULL,
    PRIMARY KEY (parent, child)
) STRICT, WITHOUT ROWID;
CREATE INDEX cofferdam_queue_waiters ON cofferdam_queue_waits (child);
";
