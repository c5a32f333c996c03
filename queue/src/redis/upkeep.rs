//! The work that keeps a queue in order: renew, note, reap, forget.

use std::sync::Arc;
use std::time::Duration;

use ::redis::Value;

use super::script::{Function, LIBRARY, Request};
use super::shard::{Shard, Shards};
use super::values::{array, integer, odd, row, text};
use super::{Args, Inner};
use crate::clock::span;
use crate::{Error, Label, Lease, LeaseToken, Note, Priority, ReapScope, Reaped, TaskId, WorkerId};

impl Inner {
    pub(super) async fn renew(
        &self,
        shards: &Shards,
        worker: &WorkerId,
        leases: &[Lease],
        lease: Duration,
    ) -> Result<Vec<TaskId>, Error> {
        let mut requests = Vec::new();
        for shard in shards.all() {
            let of_shard: Vec<_> = leases.iter().filter(|one| one.shard == shard.number).collect();
            if !of_shard.is_empty() {
                let args = Args::default().text(&worker.to_string()).number(lease.as_millis());
                let args = by_token(args, &of_shard);
                requests.push(self.request(&LIBRARY.renew, shards, shard, args));
            }
        }
        collect_ids(self.call_all(&self.renewals, requests).await)
    }

    pub(super) async fn note(
        &self,
        shards: &Shards,
        worker: &WorkerId,
        notes: Vec<Note>,
    ) -> Result<Vec<TaskId>, Error> {
        let mut requests = Vec::new();
        for shard in shards.all() {
            let mut args = Args::default().text(&worker.to_string());
            let mut any = false;
            for note in notes.iter().filter(|note| note.lease.shard == shard.number) {
                let which = match (&note.checkpoint, &note.progress) {
                    (Some(_), Some(_)) => "cp",
                    (Some(_), None) => "c",
                    (None, Some(_)) => "p",
                    (None, None) => "",
                };
                args = args
                    .text(note.lease.task.as_str())
                    .bytes(note.lease.token.0.to_be_bytes())
                    .text(which)
                    .bytes(note.checkpoint.clone().unwrap_or_default())
                    .bytes(note.progress.clone().unwrap_or_default());
                any = true;
            }
            if any {
                requests.push(self.request(&LIBRARY.note, shards, shard, args));
            }
        }
        collect_ids(self.call_all(&self.data, requests).await)
    }

    pub(super) async fn reap(
        &self,
        shards: &Shards,
        scope: &ReapScope,
        max: usize,
    ) -> Result<Vec<Reaped>, Error> {
        let gone = match scope {
            ReapScope::Expired => String::new(),
            ReapScope::Worker(worker) => worker.to_string(),
        };
        let mut reaped = Vec::new();
        let mut failed = None;
        let mut asked: Vec<Arc<Shard>> = shards.all().to_vec();
        while !asked.is_empty() && reaped.len() < max {
            // Each shard gets its share of the bound; those that use it up are asked again.
            let share = (max - reaped.len()).div_ceil(asked.len());
            let fitting = (max - reaped.len()) / share;
            // Those beyond what the shares leave room for have their turn next.
            let later = asked.split_off(fitting.clamp(1, asked.len()));
            let request = |shard: &Arc<Shard>| {
                let args = Args::default().text(&gone).number(share as u64);
                self.request(&LIBRARY.reap, shards, shard, args)
            };
            let answers = self.call_all(&self.data, asked.iter().map(request).collect()).await;
            let mut more = Vec::new();
            for (shard, answer) in asked.into_iter().zip(answers) {
                match answer.and_then(read_reaped) {
                    Ok((tasks, crashed)) => {
                        if tasks.len() >= share {
                            more.push(shard);
                        }
                        reaped.extend(tasks);
                        self.crashed(shards, crashed).await;
                    }
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            asked = later;
            asked.extend(more);
        }
        match failed {
            Some(error) if reaped.is_empty() => Err(error),
            _ => Ok(reaped),
        }
    }

    pub(super) async fn forget(&self, shards: &Shards, age: Duration, max: usize) -> Result<u64, Error> {
        let age = span(age).to_string();
        self.in_turn(shards, &LIBRARY.forget, max, |args, most| args.text(&age).number(most)).await
    }

    /// Goes through the shards until so many things were dealt with, and answers how many.
    pub(super) async fn in_turn(
        &self,
        shards: &Shards,
        function: &'static Function,
        max: usize,
        arguments: impl Fn(Args, u64) -> Args,
    ) -> Result<u64, Error> {
        let max = max as u64;
        let mut total = 0;
        for shard in shards.all() {
            if total < max {
                let args = arguments(Args::default(), max - total);
                let value = self.call(&self.data, self.request(function, shards, shard, args)).await?;
                total += u64::try_from(integer(&value)?).map_err(|_| odd())?;
            }
        }
        Ok(total)
    }

    /// A call for each shard that holds one of these tasks, by the shards' order.
    pub(super) fn requests_by_shard(
        &self,
        function: &'static Function,
        shards: &Shards,
        places: &[Vec<usize>],
        tasks: &[TaskId],
    ) -> Vec<Request> {
        let with_places = shards.all().iter().zip(places).filter(|(_, places)| !places.is_empty());
        with_places
            .map(|(shard, places)| {
                let ids = places.iter().filter_map(|place| tasks.get(*place));
                let args = ids.fold(Args::default(), |args, id| args.text(id.as_str()));
                self.request(function, shards, shard, args)
            })
            .collect()
    }
}

/// Leases in groups of one token each.
fn by_token(mut args: Args, leases: &[&Lease]) -> Args {
    let mut groups: Vec<(LeaseToken, Vec<&Lease>)> = Vec::new();
    for lease in leases {
        match groups.iter_mut().find(|(token, _)| *token == lease.token) {
            Some((_, group)) => group.push(lease),
            None => groups.push((lease.token, vec![lease])),
        }
    }
    for (token, group) in groups {
        args = args.bytes(token.0.to_be_bytes()).number(group.len() as u64);
        for lease in group {
            args = args.text(lease.task.as_str());
        }
    }
    args
}

fn collect_ids(answers: Vec<Result<Value, Error>>) -> Result<Vec<TaskId>, Error> {
    let mut ids = Vec::new();
    for answer in answers {
        for id in array(answer?)? {
            ids.push(TaskId::from_stored(text(&id)?));
        }
    }
    Ok(ids)
}

fn read_reaped(value: Value) -> Result<(Vec<Reaped>, Vec<Label>), Error> {
    let [tasks, crashed] = row::<2>(value)?;
    let mut reaped = Vec::new();
    for task in array(tasks)? {
        let [id, worker, priority, dead] = row::<4>(task)?;
        let worker = text(&worker)?.parse().map_err(|_| Error::Corrupt { what: "worker identity" })?;
        let priority = Priority::from_rank(integer(&priority)?).ok_or_else(odd)?;
        reaped.push(Reaped::new(TaskId::from_stored(text(&id)?), priority, worker, text(&dead)? == "1"));
    }
    let crashed = array(crashed)?.iter().map(|code| Label::new(text(code)?)).collect::<Result<_, _>>()?;
    Ok((reaped, crashed))
}
