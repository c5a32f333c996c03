//! How people look at the tasks of a queue.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rusqlite::{Row, params};

use super::fault::Fault;
use super::lanes::Head;
use super::ledger::{DEAD, Facts, Ledger, death_reason, label, limit, priority, task_id, traits};
use crate::clock::moment;
use crate::{Priority, Section, TaskView};

/// How many tasks of one lane are read at once where several lanes are merged.
const CHUNK: usize = 32;

/// The waiting tasks of one lane, or the ordinary ones of one priority, in their order.
struct Stream {
    rank: i64,
    lane: Option<i64>,
    buffer: VecDeque<Head>,
    read: usize,
}

impl Ledger<'_> {
    pub(super) fn peek(&self, facts: &Facts, section: Section, max: usize) -> Result<Vec<TaskView>, Fault> {
        self.list(facts, section, max)?.into_iter().map(|seq| self.view(seq)).collect()
    }

    /// The first tasks of a section, by the numbers of their rows.
    pub(super) fn list(&self, facts: &Facts, section: Section, max: usize) -> Result<Vec<i64>, Fault> {
        let sql = match section {
            Section::Ready | Section::Delayed => return self.list_waiting(facts, section, max),
            Section::Blocked => {
                "SELECT seq FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 0 ORDER BY seq LIMIT ?2"
            }
            Section::Leased => {
                "SELECT seq FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 2
                 ORDER BY lease_until, seq LIMIT ?2"
            }
            Section::Dead => {
                "SELECT seq FROM cofferdam_queue_tasks WHERE queue = ?1 AND phase = 4
                 ORDER BY finished_at DESC, seq DESC LIMIT ?2"
            }
        };
        let mut find = self.connection.prepare_cached(sql)?;
        Ok(find.query_map((facts.queue, limit(max)), |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Merges the ordinary tasks and those in lanes, none of which is read further than is shown of it.
    fn list_waiting(&self, facts: &Facts, section: Section, max: usize) -> Result<Vec<i64>, Fault> {
        let ready = section == Section::Ready;
        let mut streams = self.streams(facts, ready, max)?;
        let mut heads = BinaryHeap::new();
        for (number, stream) in streams.iter_mut().enumerate() {
            self.advance(facts, stream, ready, number, &mut heads)?;
        }
        let mut listed = Vec::new();
        while listed.len() < max
            && let Some(Reverse((_, head, number))) = heads.pop()
        {
            listed.push(head.seq);
            if let Some(stream) = streams.get_mut(number) {
                self.advance(facts, stream, ready, number, &mut heads)?;
            }
        }
        Ok(listed)
    }

    /// Where the first tasks of a section may lie.
    fn streams(&self, facts: &Facts, ready: bool, max: usize) -> Result<Vec<Stream>, Fault> {
        let mut find = self.connection.prepare_cached(if ready {
            // Of more lanes than tasks are asked for, those whose first task comes later need no look.
            "SELECT lane, priority FROM cofferdam_queue_lanes WHERE queue = ?1 AND head_at <= ?2
             ORDER BY priority, head_at, head_seq LIMIT ?3"
        } else {
            "SELECT lane, priority FROM cofferdam_queue_lanes WHERE queue = ?1 AND ?2 = ?2 AND ?3 = ?3"
        })?;
        let mut streams: Vec<Stream> = find
            .query_map((facts.queue, self.now, limit(max)), |row| {
                Ok(Stream::new(row.get(1)?, Some(row.get(0)?)))
            })?
            .collect::<Result<_, _>>()?;
        streams.extend(Priority::ALL.map(|priority| Stream::new(i64::from(priority.rank()), None)));
        Ok(streams)
    }

    /// Puts the next task of a stream among the heads, if there is one.
    fn advance(
        &self,
        facts: &Facts,
        stream: &mut Stream,
        ready: bool,
        number: usize,
        heads: &mut BinaryHeap<Reverse<(i64, Head, usize)>>,
    ) -> Result<(), Fault> {
        if stream.buffer.is_empty() && stream.read.is_multiple_of(CHUNK) {
            self.read_on(facts, stream, ready)?;
        }
        if let Some(head) = stream.buffer.pop_front() {
            // Delayed tasks are shown by their time alone.
            heads.push(Reverse((if ready { stream.rank } else { 0 }, head, number)));
        }
        Ok(())
    }

    fn read_on(&self, facts: &Facts, stream: &mut Stream, ready: bool) -> Result<(), Fault> {
        let mut find = self.connection.prepare_cached(match (stream.lane.is_some(), ready) {
            (false, true) => {
                "SELECT ready_at, seq FROM cofferdam_queue_tasks
                 WHERE phase = 1 AND lane IS NULL AND queue = ?1 AND priority = ?2 AND ready_at <= ?3
                 ORDER BY ready_at, seq LIMIT ?4 OFFSET ?5"
            }
            (false, false) => {
                "SELECT ready_at, seq FROM cofferdam_queue_tasks
                 WHERE phase = 1 AND lane IS NULL AND queue = ?1 AND priority = ?2 AND ready_at > ?3
                 ORDER BY ready_at, seq LIMIT ?4 OFFSET ?5"
            }
            (true, true) => {
                "SELECT ready_at, seq FROM cofferdam_queue_tasks
                 WHERE phase = 1 AND lane IS NOT NULL AND ?1 = ?1 AND lane = ?2 AND ready_at <= ?3
                 ORDER BY ready_at, seq LIMIT ?4 OFFSET ?5"
            }
            (true, false) => {
                "SELECT ready_at, seq FROM cofferdam_queue_tasks
                 WHERE phase = 1 AND lane IS NOT NULL AND ?1 = ?1 AND lane = ?2 AND ready_at > ?3
                 ORDER BY ready_at, seq LIMIT ?4 OFFSET ?5"
            }
        })?;
        let place = stream.lane.unwrap_or(stream.rank);
        let rows = find
            .query_map(params![facts.queue, place, self.now, limit(CHUNK), limit(stream.read)], |row| {
                Ok(Head { ready_at: row.get(0)?, seq: row.get(1)? })
            })?;
        for head in rows {
            stream.buffer.push_back(head?);
            stream.read += 1;
        }
        Ok(())
    }

    fn view(&self, seq: i64) -> Result<TaskView, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT id, kind, priority, class, tenant, failures, crashes, enqueued_at, ready_at, worker, phase, death,
                 error, traits, body
             FROM cofferdam_queue_tasks WHERE seq = ?1",
        )?;
        find.query_row([seq], |row| Ok(self.view_of(seq, row)))?
    }

    fn view_of(&self, seq: i64, row: &Row<'_>) -> Result<TaskView, Fault> {
        let worker: Option<String> = row.get(9)?;
        let worker = worker.map(|worker| worker.parse().map_err(|_| Fault::Corrupt("worker identity")));
        let phase: i64 = row.get(10)?;
        let apart = row.get::<_, i64>(13)? & traits::APART != 0;
        Ok(TaskView {
            id: task_id(row, 0)?,
            kind: label(row, 1)?,
            priority: priority(row.get(2)?)?,
            class: label(row, 3)?,
            tenant: label(row, 4)?,
            payload: if apart { self.payload(seq)? } else { row.get(14)? },
            failures: row.get(5)?,
            crashes: row.get(6)?,
            enqueued_at: moment(row.get(7)?),
            ready_at: moment(row.get(8)?),
            worker: worker.transpose()?,
            death: if phase == DEAD { Some((death_reason(row.get(11)?)?, row.get(12)?)) } else { None },
        })
    }
}

impl Stream {
    const fn new(rank: i64, lane: Option<i64>) -> Self {
        Self { rank, lane, buffer: VecDeque::new(), read: 0 }
    }
}
