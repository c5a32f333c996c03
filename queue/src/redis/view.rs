//! The questions that change nothing: where does a task stand, how full is the queue, what lies in it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ::redis::Value;

use super::record::{dated, decode, holder};
use super::script::LIBRARY;
use super::shard::Shards;
use super::values::{array, bytes, integer, odd, row, text};
use super::{Args, Inner};
use crate::clock::moment;
use crate::{
    DeathReason, Error, Label, Priority, QueueName, QueueStats, Section, TaskId, TaskState, TaskView,
    WorkerId, WorkerLoad,
};

/// What a result's record holds between its moment and the result: the token, what the run used, and a zero.
const BEFORE_RESULT: usize = 15;

impl Inner {
    pub(super) async fn lookup(
        &self,
        queue: &QueueName,
        shards: &Shards,
        tasks: &[TaskId],
    ) -> Result<Vec<Option<TaskState>>, Error> {
        let mut states: Vec<Option<TaskState>> = vec![None; tasks.len()];
        for home in [true, false] {
            let places = sought(shards, tasks, home, |place| states.get(place).is_some_and(Option::is_none));
            let requests = self.requests_by_shard(&LIBRARY.lookup, shards, &places, tasks);
            let answers = self.call_all(&self.data, requests).await;
            let asked = shards.all().iter().zip(places).filter(|(_, places)| !places.is_empty());
            for ((shard, places), answer) in asked.zip(answers) {
                for (place, value) in places.into_iter().zip(array(answer?)?) {
                    if let (Some(state), Some(known)) = (states.get_mut(place), read_state(value)?) {
                        if !home && let Some(task) = tasks.get(place) {
                            // Whoever waits for it must listen where it is.
                            self.ears.found(&self.io, queue, shards, shard, task);
                        }
                        *state = Some(known);
                    }
                }
            }
        }
        Ok(states)
    }

    pub(super) async fn stats(&self, shards: &Shards) -> Result<QueueStats, Error> {
        let mut stats = QueueStats::default();
        for answer in self.ask_all(&LIBRARY.stats, shards, &Args::default()).await {
            for (priority, counted) in Priority::ALL.into_iter().zip(array(answer?)?) {
                let [ready, delayed, blocked, leased, dead, oldest] = row::<6>(counted)?;
                let number = |value| Ok::<u64, Error>(u64::try_from(integer(&value)?).unwrap_or(0));
                let counts = stats.of_mut(priority);
                counts.ready += number(ready)?;
                counts.delayed += number(delayed)?;
                counts.blocked += number(blocked)?;
                counts.leased += number(leased)?;
                counts.dead += number(dead)?;
                let oldest = integer(&oldest)?;
                let since = (oldest >= 0).then(|| moment(oldest));
                counts.oldest_ready = counts.oldest_ready.into_iter().chain(since).min();
            }
        }
        Ok(stats)
    }

    pub(super) async fn peek(
        &self,
        shards: &Shards,
        section: Section,
        max: usize,
    ) -> Result<Vec<TaskView>, Error> {
        let args = Args::default().text("peek").text(section.as_str()).number(max as u64);
        let mut views = Vec::new();
        for answer in self.ask_all(&LIBRARY.sections, shards, &args).await {
            for task in array(answer?)? {
                views.push(read_view(task)?);
            }
        }
        // The functions answer in order, and the sort keeps what is equal in that order.
        match section {
            Section::Ready => views.sort_by_key(|(_, view)| (view.priority.rank(), view.ready_at)),
            Section::Delayed => views.sort_by_key(|(_, view)| view.ready_at),
            Section::Blocked => views.sort_by_key(|(_, view)| view.enqueued_at),
            Section::Leased => views.sort_by_key(|(at, _)| *at),
            Section::Dead => views.sort_by_key(|(at, _)| Reverse(*at)),
        }
        views.truncate(max);
        Ok(views.into_iter().map(|(_, view)| view).collect())
    }

    pub(super) async fn workers(&self, shards: &Shards) -> Result<Vec<WorkerLoad>, Error> {
        let mut loads: BTreeMap<WorkerId, WorkerLoad> = BTreeMap::new();
        for answer in self.ask_all(&LIBRARY.workers, shards, &Args::default()).await {
            for load in array(answer?)? {
                let [worker, leased, until] = row::<3>(load)?;
                let worker: WorkerId =
                    text(&worker)?.parse().map_err(|_| Error::Corrupt { what: "worker identity" })?;
                let leased = u64::try_from(integer(&leased)?).map_err(|_| odd())?;
                let until = moment(integer(&until)?);
                let load = loads.entry(worker.clone()).or_insert_with(|| WorkerLoad::new(worker, 0, until));
                load.leased += leased;
                load.until = load.until.min(until);
            }
        }
        Ok(loads.into_values().collect())
    }
}

/// The places of tasks by shard: where their ids lead them, or everywhere else.
pub(super) fn sought(
    shards: &Shards,
    tasks: &[TaskId],
    home: bool,
    open: impl Fn(usize) -> bool,
) -> Vec<Vec<usize>> {
    let mut places = vec![Vec::new(); shards.all().len()];
    for (place, task) in tasks.iter().enumerate().filter(|(place, _)| open(*place)) {
        let at_home = usize::from(shards.of_name(task.as_str()));
        for (number, of_shard) in places.iter_mut().enumerate() {
            if (number == at_home) == home {
                of_shard.push(place);
            }
        }
    }
    places
}

fn read_state(value: Value) -> Result<Option<TaskState>, Error> {
    let answer = array(value)?;
    let [letter, rest @ ..] = answer.as_slice() else { return Err(odd()) };
    let first = || bytes(rest.first().ok_or_else(odd)?);
    let state = match text(letter)? {
        "" => return Ok(None),
        "d" => {
            let (at, rest) = dated(first()?).ok_or(Error::Corrupt { what: "result" })?;
            let result = rest.get(BEFORE_RESULT..).ok_or(Error::Corrupt { what: "result" })?;
            TaskState::Done { result: result.to_vec(), at }
        }
        "x" => {
            let (at, reason, error) = read_death(first()?)?;
            TaskState::Dead { reason, error, at }
        }
        "l" => {
            let (worker, until) = holder(first()?).ok_or(Error::Corrupt { what: "lease" })?;
            let worker = worker.parse().map_err(|_| Error::Corrupt { what: "worker identity" })?;
            let shown = integer(rest.get(2).ok_or_else(odd)?)? == 1;
            let progress = rest.get(1).filter(|_| shown).map(bytes).transpose()?.map(<[u8]>::to_vec);
            TaskState::Leased { worker, until: moment(until), progress }
        }
        "b" => {
            let remaining = integer(rest.first().ok_or_else(odd)?)?;
            TaskState::Blocked { remaining: u32::try_from(remaining).map_err(|_| odd())? }
        }
        "w" => {
            let (ready_at, _) = dated(first()?).ok_or(Error::Corrupt { what: "time" })?;
            TaskState::Waiting { ready_at }
        }
        _ => return Err(odd()),
    };
    Ok(Some(state))
}

fn read_death(bytes: &[u8]) -> Result<(std::time::SystemTime, DeathReason, String), Error> {
    let corrupt = || Error::Corrupt { what: "reason of death" };
    let (at, rest) = dated(bytes).ok_or_else(corrupt)?;
    let (reason, error) = rest.split_first().ok_or_else(corrupt)?;
    let reason = DeathReason::from_code(i64::from(*reason)).ok_or_else(corrupt)?;
    Ok((at, reason, String::from_utf8_lossy(error).into_owned()))
}

/// A task, and the moment by which its section is ordered beyond its own times.
fn read_view(value: Value) -> Result<(i64, TaskView), Error> {
    let [id, record, hold, death] = row::<4>(value)?;
    let id = TaskId::from_stored(text(&id)?);
    let (hold, death) = (bytes(&hold)?, bytes(&death)?);
    let mut at = 0;
    let worker = match hold {
        [] => None,
        hold => {
            let (worker, until) = holder(hold).ok_or(Error::Corrupt { what: "lease" })?;
            at = until;
            Some(worker.parse().map_err(|_| Error::Corrupt { what: "worker identity" })?)
        }
    };
    let death = match death {
        [] => None,
        death => {
            let (died, reason, error) = read_death(death)?;
            at = crate::clock::millis(died);
            Some((reason, error))
        }
    };
    // A record that cannot be read is shown with its bytes: somebody has to look at it.
    let raw = bytes(&record)?;
    let read = decode(raw);
    let label = |of: fn(&super::record::Record) -> &Option<Label>| {
        read.as_ref().and_then(|record| of(record).clone())
    };
    let view = TaskView {
        id,
        kind: label(|record| &record.kind),
        priority: read.as_ref().map_or(Priority::Normal, |record| record.priority),
        class: label(|record| &record.class),
        tenant: label(|record| &record.tenant),
        failures: read.as_ref().map_or(0, |record| record.failures),
        crashes: read.as_ref().map_or(0, |record| record.crashes),
        enqueued_at: moment(read.as_ref().map_or(0, |record| record.enqueued_at)),
        ready_at: moment(read.as_ref().map_or(0, |record| record.ready_at)),
        payload: read.map_or_else(|| raw.to_vec(), |record| record.payload),
        worker,
        death,
    };
    Ok((at, view))
}
