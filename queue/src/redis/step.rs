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
use super::script::{LIBRARY, Request};
use super::shard::{Shard, Shards};
use super::values::{array, bytes, integer, into_bytes, odd, row, text};
use super::{Args, Inner};
use crate::clock::{length, moment, span};
use crate::rules::bounded;
use crate::{
    Delivery, Ending, Error, Label, Lease, LeaseToken, Places, Settlement, Step, StepReply, TaskId, Verdict,
    WorkerId,
};

/// Where the function's arguments say that a step is repeated: after the time, the channel, the worker, the token and the
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
        let mut reply =
            StepReply { settled: vec![Verdict::Unanswered; step.settle.len()], claimed: Vec::new() };
        let (mut failed, mut answered) = (None, false);
        let mut search = Search::new(self.answering(shards), step);
        let mut parts = search.first(shards, step);
        while !parts.is_empty() {
            for (part, outcome) in self.carry_out(shards, step, parts).await {
                match outcome {
                    Err(error) => failed = failed.or(Some(error)),
                    Ok(outcome) => {
                        answered = true;
                        for (place, verdict) in part.settle.iter().zip(outcome.verdicts) {
                            if let Some(settled) = reply.settled.get_mut(*place) {
                                *settled = verdict;
                            }
                        }
                        search.found(&part, &outcome.deliveries);
                        reply.claimed.extend(outcome.deliveries);
                        self.put_aside(shards, &step.worker, outcome.unreadable).await;
                        self.crashed(shards, outcome.crashed).await;
                    }
                }
            }
            parts = if shards.in_time() { search.next(usize::MAX) } else { Vec::new() };
        }
        match failed {
            Some(error) if !answered => Err(error),
            _ => Ok(reply),
        }
    }

    /// The shards that are worth asking for work: those of masters that answer. If none does, all, to find out.
    fn answering(&self, shards: &Shards) -> Vec<Arc<Shard>> {
        let answering: Vec<_> =
            shards.all().iter().filter(|shard| self.data.answers(shard.slot)).cloned().collect();
        if answering.is_empty() { shards.all().to_vec() } else { answering }
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
        self.request(&LIBRARY.step, shards, &part.shard, args).repeat_by(REPEATED)
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
            let request = self.request(&LIBRARY.step, shards, shard, args);
            if let Err(error) = self.call(&self.data, request).await {
                tracing::warn!(%error, "an unreadable task was not put aside, its lease will end");
            }
        }
    }

    /// Counts crashes of code where all its crashes are counted, and quarantines what crashed too often on all shards.
    pub(super) async fn crashed(&self, shards: &Shards, codes: Vec<Label>) {
        for code in codes {
            let Some(home) = shards.get(shards.of_name(code.as_str())) else { continue };
            let request = self.request(&LIBRARY.crash, shards, home, Args::default().text(code.as_str()));
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

/// The free places of each class and where they may still be filled.
struct Search(Vec<OfClass>);

struct OfClass {
    class: Option<Label>,
    free: usize,
    /// The shards that are still to be asked, and those that gave as many tasks as they were asked for.
    open: Vec<Arc<Shard>>,
    more: Vec<Arc<Shard>>,
}

impl Search {
    fn new(mut open: Vec<Arc<Shard>>, step: &Step) -> Self {
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let shards = open.len().max(1);
        open.rotate_left(turn % shards);
        let of_class = |places: &Places| OfClass {
            class: places.class.clone(),
            free: places.count,
            open: open.clone(),
            more: Vec::new(),
        };
        Self(step.claim.iter().map(of_class).collect())
    }

    /// The settlements by shard, each with as many places as are settled there; without settlements one shard.
    fn first(&mut self, shards: &Shards, step: &Step) -> Vec<Part> {
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
                // Where nobody else can be asked, all places go along.
                let count = if shards.all().len() == 1 { usize::MAX } else { settle.len() };
                let claim = self.take_at(shard, count);
                parts.push(Part { shard: Arc::clone(shard), settle: in_groups(step, settle), claim });
            }
        }
        if parts.is_empty() { self.next(1) } else { parts }
    }

    /// Takes up to so many places for one shard, which counts as asked then.
    fn take_at(&mut self, shard: &Arc<Shard>, mut count: usize) -> Vec<Places> {
        let mut taken = Vec::new();
        for of_class in &mut self.0 {
            let some = of_class.free.min(count);
            if some > 0 {
                of_class.free -= some;
                count -= some;
                of_class.open.retain(|open| open.number != shard.number);
                taken.push(Places { class: of_class.class.clone(), count: some });
            }
        }
        taken
    }

    /// Shares the free places of each class out over the next shards, at most so many of them.
    fn next(&mut self, at_once: usize) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for of_class in &mut self.0 {
            let from = if of_class.open.is_empty() { &mut of_class.more } else { &mut of_class.open };
            let count = from.len().min(at_once).min(of_class.free);
            for (asked, shard) in from.drain(..count).enumerate() {
                let share = of_class.free.div_ceil(count - asked);
                of_class.free -= share;
                let places = Places { class: of_class.class.clone(), count: share };
                match parts.iter_mut().find(|part| part.shard.number == shard.number) {
                    Some(part) => part.claim.push(places),
                    None => parts.push(Part { shard, settle: Vec::new(), claim: vec![places] }),
                }
            }
        }
        parts
    }

    /// Frees the places that were asked for and not filled, and notes who may have more.
    fn found(&mut self, part: &Part, deliveries: &[Delivery]) {
        for places in &part.claim {
            let used = deliveries.iter().filter(|delivery| delivery.lease.class == places.class).count();
            if let Some(of_class) = self.0.iter_mut().find(|of_class| of_class.class == places.class) {
                of_class.free += places.count.saturating_sub(used);
                if used >= places.count {
                    of_class.more.push(Arc::clone(&part.shard));
                }
            }
        }
    }
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

/// What a run used, in six bytes of microseconds, a zero that tells a result from a record, and the result.
fn result_of(settlement: &Settlement) -> Vec<u8> {
    let micros = u64::try_from(settlement.used.as_micros()).unwrap_or(u64::MAX).min((1 << 47) - 1);
    let result: &[u8] = match &settlement.ending {
        Ending::Done(result) => result,
        _ => &[],
    };
    let mut blob = Vec::with_capacity(result.len() + 7);
    blob.extend(micros.to_be_bytes().into_iter().skip(2));
    blob.push(0);
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
        let checkpoint = match checkpoints.next() {
            None | Some(Value::Nil) => None,
            Some(value) => Some(into_bytes(value)?),
        };
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
