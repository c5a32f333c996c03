//! Settling and claiming, over as few shards as will do.
//!
//! A step goes first to the shards whose tasks it settles and claims there as many as it settles, so a busy worker makes
//! one trip to a shard and stays spread as it is. What places are left go to one further shard, in turn; then to all
//! others at once; then again to those that had more. No place is asked for twice at a time, so a worker never gets more
//! than it has room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::Value;

use super::record::decode;
use super::script::{Request, SCRIPTS};
use super::shard::{Shard, Shards};
use super::values::{array, bytes, integer, into_bytes, odd, row, text};
use super::{Args, Inner};
use crate::clock::{length, moment, span};
use crate::rules::bounded;
use crate::{
    Delivery, Ending, Error, Label, Lease, LeaseToken, Places, Settlement, Step, StepReply, TaskId, Verdict,
    WorkerId,
};

/// Where the scripts' arguments say that a step is repeated: after the time, the channel, the worker, the token and the
/// lease.
const REPEATED: usize = 5;

/// Which shard is asked next by those who settle nothing.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// What one call to one shard is about: the settlements by their places in the step, and the claims.
struct Part {
    shard: Arc<Shard>,
    settle: Vec<usize>,
    claim: Vec<Places>,
}

/// What one call answered.
struct Outcome {
    verdicts: Vec<Verdict>,
    deliveries: Vec<Delivery>,
    unreadable: Vec<Lease>,
    crashed: Vec<Label>,
}

impl Inner {
    pub(super) async fn step(&self, shards: &Shards, step: &Step) -> Result<StepReply, Error> {
        let mut seats = Seats::new(&step.claim);
        let mut reply =
            StepReply { settled: vec![Verdict::Unanswered; step.settle.len()], claimed: Vec::new() };
        let mut failed = None;
        let mut answered = 0_usize;
        // The shards that are still to be asked for tasks, and those that gave as many as they were asked for.
        let mut open: Vec<Arc<Shard>> = shards.all().to_vec();
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        open.rotate_left(turn % shards.all().len().max(1));
        let mut more: Vec<Arc<Shard>> = Vec::new();

        let mut parts = first_parts(shards, step, &mut seats);
        if parts.is_empty() {
            parts = next_parts(&mut open, &mut seats, 1);
        } else {
            open.retain(|shard| {
                !parts.iter().any(|part| part.shard.number == shard.number && !part.claim.is_empty())
            });
        }
        while !parts.is_empty() {
            let asked: Vec<_> =
                parts.iter().map(|part| (Arc::clone(&part.shard), part.claim.clone())).collect();
            for ((part, outcome), (shard, claim)) in
                self.carry_out(shards, step, parts).await.into_iter().zip(asked)
            {
                match outcome {
                    Err(error) => failed = failed.or(Some(error)),
                    Ok(outcome) => {
                        answered += 1;
                        for (place, verdict) in part.settle.iter().zip(outcome.verdicts) {
                            if let Some(settled) = reply.settled.get_mut(*place) {
                                *settled = verdict;
                            }
                        }
                        let places: usize = claim.iter().map(|places| places.count).sum();
                        if places > 0 && outcome.deliveries.len() >= places {
                            more.push(shard);
                        }
                        seats.give_back(&claim, &outcome.deliveries);
                        reply.claimed.extend(outcome.deliveries);
                        self.put_aside(shards, &step.worker, outcome.unreadable).await;
                        self.crashed(shards, outcome.crashed).await;
                    }
                }
            }
            parts = if !open.is_empty() {
                let count = open.len();
                next_parts(&mut open, &mut seats, count)
            } else {
                let count = more.len();
                next_parts(&mut more, &mut seats, count)
            };
        }
        match failed {
            Some(error) if answered == 0 => Err(error),
            _ => Ok(reply),
        }
    }

    async fn carry_out(
        &self,
        shards: &Shards,
        step: &Step,
        parts: Vec<Part>,
    ) -> Vec<(Part, Result<Outcome, Error>)> {
        let token = self.tokens.next();
        let requests = parts.iter().map(|part| self.step_request(shards, step, part, token)).collect();
        let settles = parts.iter().any(|part| !part.settle.is_empty());
        let answers = if settles {
            self.call_confirmed(requests).await
        } else {
            let answers = self.call_all(&self.data, requests).await;
            answers.into_iter().map(|answer| answer.map(|value| (value, Ok(())))).collect()
        };
        parts
            .into_iter()
            .zip(answers)
            .map(|(part, answer)| {
                let outcome = answer.and_then(|(value, confirmed)| {
                    let mut outcome = read_outcome(value, part.shard.number, token)?;
                    if confirmed.is_err() {
                        // The settlements stand on the master alone; the worker repeats them, its claims are good.
                        outcome.verdicts = vec![Verdict::Unanswered; part.settle.len()];
                    }
                    Ok(outcome)
                });
                (part, outcome)
            })
            .collect()
    }

    fn step_request(&self, shards: &Shards, step: &Step, part: &Part, token: LeaseToken) -> Request {
        let mut args = Args::default()
            .text(&step.worker.to_string())
            .bytes(token.0.to_be_bytes())
            .number(step.lease.as_millis())
            .text("0");
        let settlements: Vec<_> = part.settle.iter().filter_map(|place| step.settle.get(*place)).collect();
        args = settlements_of(args, &settlements);
        let classes: Vec<_> = part.claim.iter().filter(|places| places.count > 0).collect();
        args = args.number(classes.len() as u64);
        for places in classes {
            args = args
                .text(places.class.as_ref().map_or("", |class| class.as_str()))
                .number(places.count as u64);
        }
        self.request(&SCRIPTS.step, shards, &part.shard, args).repeat_by(REPEATED)
    }

    /// Sends tasks whose records cannot be read to the dead letters. If it fails, their leases end and it is done then.
    async fn put_aside(&self, shards: &Shards, worker: &WorkerId, unreadable: Vec<Lease>) {
        for lease in unreadable {
            tracing::error!(messaging.message.id = %lease.task, "the task's record cannot be read");
            let Some(shard) = shards.get(lease.shard) else { continue };
            let args = Args::default()
                .text(&worker.to_string())
                .bytes([0; 8])
                .number(1)
                .text("0")
                .number(0)
                .number(1)
                .text(lease.task.as_str())
                .bytes(lease.token.0.to_be_bytes())
                .text("u")
                .number(0)
                .text("its record is damaged: delete the task and enqueue it again")
                .number(0)
                .number(0);
            let request = self.request(&SCRIPTS.step, shards, shard, args);
            if let Err(error) = self.call(&self.data, request).await {
                tracing::warn!(%error, "an unreadable task was not put aside, its lease will end");
            }
        }
    }

    /// Counts crashes of code where all its crashes are counted, and quarantines what crashed too often on all shards.
    pub(super) async fn crashed(&self, shards: &Shards, codes: Vec<Label>) {
        for code in codes {
            let Some(home) = shards.get(shards.of_text(code.as_str())) else { continue };
            let request = self.request(&SCRIPTS.crash, shards, home, Args::default().text(code.as_str()));
            let counted = match self.call(&self.data, request).await {
                Ok(value) => array(value).map(|codes| !codes.is_empty()),
                Err(error) => Err(error),
            };
            let outcome = match counted {
                Ok(true) => self.quarantine(shards, &code).await,
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                tracing::warn!(%code, %error, "a crash of this code was not counted everywhere");
            }
        }
    }
}

/// The places that are still free, by class.
struct Seats(Vec<Places>);

impl Seats {
    fn new(places: &[Places]) -> Self {
        Self(places.to_vec())
    }

    fn free(&self) -> usize {
        self.0.iter().map(|places| places.count).sum()
    }

    /// Takes up to so many seats, the first classes first.
    fn take(&mut self, mut count: usize) -> Vec<Places> {
        let mut taken = Vec::new();
        for places in &mut self.0 {
            let some = places.count.min(count);
            if some > 0 {
                places.count -= some;
                count -= some;
                taken.push(Places { class: places.class.clone(), count: some });
            }
        }
        taken
    }

    /// Frees the seats that were asked for and not filled.
    fn give_back(&mut self, asked: &[Places], filled: &[Delivery]) {
        for places in asked {
            let used = filled.iter().filter(|delivery| delivery.lease.class == places.class).count();
            if let Some(of_class) = self.0.iter_mut().find(|of_class| of_class.class == places.class) {
                of_class.count += places.count.saturating_sub(used);
            }
        }
    }
}

/// The settlements by shard; each shard is asked for as many tasks as it had settled.
fn first_parts(shards: &Shards, step: &Step, seats: &mut Seats) -> Vec<Part> {
    let mut parts = Vec::new();
    for shard in shards.all() {
        let settle: Vec<usize> = step
            .settle
            .iter()
            .enumerate()
            .filter(|(_, settlement)| settlement.lease.shard == shard.number)
            .map(|(place, _)| place)
            .collect();
        if !settle.is_empty() {
            let claim = seats.take(settle.len());
            parts.push(Part { shard: Arc::clone(shard), settle: in_groups(step, settle), claim });
        }
    }
    if parts.len() == shards.all().len() && seats.free() > 0 {
        // Nobody else can be asked: a single server gets all the claims at once.
        let share = seats.free().div_ceil(parts.len());
        for part in &mut parts {
            part.claim = merged(std::mem::take(&mut part.claim), seats.take(share));
        }
    }
    parts
}

/// The order in which settlements are sent and answered: results by token, then what ended otherwise.
fn in_groups(step: &Step, mut places: Vec<usize>) -> Vec<usize> {
    let mut tokens: Vec<LeaseToken> = Vec::new();
    places.sort_by_cached_key(|place| match step.settle.get(*place) {
        Some(Settlement { lease, ending: Ending::Done(_), .. }) => {
            let known = tokens.iter().position(|token| *token == lease.token);
            known.unwrap_or_else(|| {
                tokens.push(lease.token);
                tokens.len() - 1
            })
        }
        _ => usize::MAX,
    });
    places
}

fn merged(mut one: Vec<Places>, other: Vec<Places>) -> Vec<Places> {
    for places in other {
        match one.iter_mut().find(|there| there.class == places.class) {
            Some(there) => there.count += places.count,
            None => one.push(places),
        }
    }
    one
}

/// Shares the free seats out over the next shards.
fn next_parts(open: &mut Vec<Arc<Shard>>, seats: &mut Seats, at_once: usize) -> Vec<Part> {
    let count = open.len().min(at_once).min(seats.free());
    let mut parts = Vec::with_capacity(count);
    for (asked, shard) in open.drain(..count).enumerate() {
        let share = seats.free().div_ceil(count - asked);
        parts.push(Part { shard, settle: Vec::new(), claim: seats.take(share) });
    }
    parts
}

/// Results go together, by the token under which they were claimed; what ended otherwise goes one by one.
fn settlements_of(mut args: Args, settlements: &[&Settlement]) -> Args {
    let mut groups: Vec<(LeaseToken, Vec<&Settlement>)> = Vec::new();
    let mut others = Vec::new();
    for settlement in settlements {
        match (&settlement.ending, groups.iter_mut().find(|(token, _)| *token == settlement.lease.token)) {
            (Ending::Done(_), Some((_, group))) => group.push(settlement),
            (Ending::Done(_), None) => groups.push((settlement.lease.token, vec![settlement])),
            _ => others.push(*settlement),
        }
    }
    args = args.number(groups.len() as u64);
    for (token, group) in groups {
        args = args.bytes(token.0.to_be_bytes()).number(group.len() as u64);
        for settlement in &group {
            args = args.text(settlement.lease.task.as_str());
        }
        for settlement in group {
            args = args.bytes(result_of(settlement));
        }
    }
    args = args.number(others.len() as u64);
    for settlement in others {
        let (kind, error, pause) = match &settlement.ending {
            Ending::Failed { error, retry_after } => ("f", bounded(error), *retry_after),
            Ending::Crashed { error, retry_after } => ("c", bounded(error), *retry_after),
            Ending::Rejected { error } => ("x", bounded(error), Duration::ZERO),
            Ending::HandedBack | Ending::Done(_) => ("h", String::new(), Duration::ZERO),
        };
        args = args
            .text(settlement.lease.task.as_str())
            .bytes(settlement.lease.token.0.to_be_bytes())
            .text(kind)
            .number(settlement.used.as_micros())
            .text(&error)
            .number(span(pause));
    }
    args
}

/// What a run used, in six bytes of microseconds, and its result.
fn result_of(settlement: &Settlement) -> Vec<u8> {
    let micros = u64::try_from(settlement.used.as_micros()).unwrap_or(u64::MAX).min((1 << 47) - 1);
    let result: &[u8] = match &settlement.ending {
        Ending::Done(result) => result,
        _ => &[],
    };
    let mut blob = Vec::with_capacity(result.len() + 6);
    blob.extend(micros.to_be_bytes().into_iter().skip(2));
    blob.extend(result);
    blob
}

fn read_outcome(value: Value, shard: u16, token: LeaseToken) -> Result<Outcome, Error> {
    let [now, verdicts, crashed, out, checkpoints] = row::<5>(value)?;
    let now = integer(&now)?;
    let verdicts = bytes(&verdicts)?.iter().map(|letter| verdict(*letter)).collect::<Result<_, _>>()?;
    let crashed = array(crashed)?.iter().map(|code| Label::new(text(code)?)).collect::<Result<_, _>>()?;
    let mut checkpoints = array(checkpoints)?.into_iter();
    let (mut deliveries, mut unreadable) = (Vec::new(), Vec::new());
    let mut out = array(out)?.into_iter();
    while let (Some(id), Some(record)) = (out.next(), out.next()) {
        let task = TaskId::from_stored(text(&id)?);
        let checkpoint = checkpoints.next().map(into_bytes).transpose()?.filter(|bytes| !bytes.is_empty());
        match decode(bytes(&record)?) {
            Some(record) => {
                let lease = Lease { task, token, priority: record.priority, class: record.class, shard };
                deliveries.push(Delivery {
                    lease,
                    attempt: record.failures.saturating_add(1),
                    crashes: record.crashes,
                    backoff: record.backoff,
                    enqueued_at: moment(record.enqueued_at),
                    ready_at: moment(record.ready_at),
                    waited: length(now.saturating_sub(record.ready_at)),
                    kind: record.kind,
                    tenant: record.tenant,
                    code: record.code,
                    deadline: record.deadline.map(moment),
                    checkpoint,
                    payload: record.payload,
                });
            }
            None => {
                unreadable.push(Lease { task, token, priority: crate::Priority::Normal, class: None, shard });
            }
        }
    }
    Ok(Outcome { verdicts, deliveries, unreadable, crashed })
}

fn verdict(letter: u8) -> Result<Verdict, Error> {
    match letter {
        b'1' => Ok(Verdict::Recorded),
        b'r' => Ok(Verdict::Retrying),
        b'd' => Ok(Verdict::Dead),
        b'h' => Ok(Verdict::HandedBack),
        b'l' => Ok(Verdict::LeaseLost),
        _ => Err(odd()),
    }
}
