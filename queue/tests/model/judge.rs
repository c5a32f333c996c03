//! What must hold whatever happens. The judge follows what was asked and answered and knows nothing of how a broker
//! keeps it.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, UNIX_EPOCH};

use cofferdam_queue::{
    Cancelled, DeathReason, Delivery, LeaseToken, Limit, Mode, Novelty, TaskId, TaskState, Verdict, WorkerId,
};

use super::plan::{Act, Draft, Pick, Span, Tie};
use super::scene;
use super::stage::{Answer, Scene, Stage, id, label, worker};

/// One record of a task, from its enqueue until it is deleted.
struct Life {
    draft: Draft,
    payload: Vec<u8>,
    enqueued_at: std::time::SystemTime,
    /// The lives that it waited for, and by which of their ends it is released.
    parents: Vec<(usize, usize)>,
    /// How it ended, each time that it did: well or badly. A replay may let it end again.
    ends: Vec<bool>,
    alive: bool,
    replayed: bool,
    started: bool,
    checkpoint: Option<Vec<u8>>,
    recorded: Option<LeaseToken>,
}

#[derive(Default)]
pub(crate) struct Judge {
    lives: Vec<Life>,
    /// The life that holds each id now.
    present: HashMap<u8, usize>,
    leases: HashMap<u8, (WorkerId, LeaseToken)>,
    /// The theoretical arrival time of each limit, in microseconds.
    arrivals: HashMap<u8, i128>,
}

fn number(id: &TaskId) -> u8 {
    id.as_str().trim_start_matches("task ").parse().unwrap()
}

fn micros(scene: &Scene) -> i128 {
    i128::try_from(scene.now.duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// The interval of a rate and its whole span.
fn pace(limit: &Limit) -> Option<(i128, i128)> {
    let rate = limit.rate?;
    let per = i128::from(rate.per_millis.get()) * 1000;
    Some((per / i128::from(rate.starts.get()), per))
}

impl Judge {
    pub(crate) fn hear(&mut self, act: &Act, answer: &Answer, before: &Scene, after: &Scene, stage: &Stage) {
        match (act, answer) {
            (Act::Enqueue { .. } | Act::Purge { section: 3, .. }, Answer::Refused(why)) => {
                let untouched = Scene { now: before.now, ..after.clone() };
                assert_eq!(*before, untouched, "refused because {why}, but something changed");
            }
            (Act::Enqueue { tasks, .. }, Answer::Enqueued(answers)) => {
                assert_ne!(before.settings.mode, Mode::Draining);
                for (draft, answer) in tasks.iter().zip(answers) {
                    self.enqueued(draft, number(&answer.id), answer.novelty, after);
                }
            }
            (Act::Step { worker: by, settle, claim }, Answer::Stepped { settled, claimed }) => {
                // The picks were made before the new deliveries came to the front.
                let picked = |pick: &Pick| stage.picked(Pick(pick.0 + claimed.len()));
                let spoken = settle.iter().filter_map(|(pick, ..)| picked(pick));
                for (delivery, verdict) in spoken.zip(settled) {
                    self.settled(&worker(*by), delivery, *verdict);
                }
                let new: Vec<_> = stage.deliveries[..claimed.len()].iter().rev().cloned().collect();
                self.claimed(&worker(*by), &new, claim, after);
            }
            (Act::Renew { worker: by, leases, .. }, Answer::Lost(lost)) => {
                let spoken = leases.iter().filter_map(|pick| stage.picked(*pick));
                let expected = spoken.filter(|delivery| !self.holds(&worker(*by), delivery));
                let expected: Vec<_> = expected.map(|delivery| delivery.lease.task.clone()).collect();
                assert_eq!(*lost, expected);
            }
            (Act::Note { worker: by, notes }, Answer::Lost(lost)) => {
                let mut expected = Vec::new();
                for (pick, checkpoint, _) in notes {
                    let Some(delivery) = stage.picked(*pick) else { continue };
                    if !self.holds(&worker(*by), delivery) {
                        expected.push(delivery.lease.task.clone());
                    } else if let Some(byte) = checkpoint {
                        self.life(number(&delivery.lease.task)).checkpoint = Some(vec![*byte]);
                    }
                }
                assert_eq!(*lost, expected);
            }
            (Act::Reap { max, .. }, Answer::Reaped(reaped)) => {
                assert!(reaped.len() <= *max);
                for one in reaped {
                    let lease = self.leases.remove(&number(&one.task)).expect("it was leased");
                    assert_eq!(lease.0, one.worker);
                }
            }
            (Act::Cancel(tasks), Answer::Cancelled(answers)) => {
                for (task, answer) in tasks.iter().zip(answers) {
                    let was_leased = self.leases.remove(task).is_some();
                    assert_eq!(*answer == Cancelled::Running, was_leased);
                }
            }
            (Act::Replay(tasks), Answer::Replayed(answers)) => {
                for task in tasks.iter().zip(answers).filter(|(_, was_dead)| **was_dead).map(|(task, _)| task)
                {
                    let life = self.life(*task);
                    (life.replayed, life.alive) = (true, true);
                }
            }
            (Act::Purge { max, .. } | Act::Forget { max, .. }, Answer::Deleted(deleted)) => {
                assert!(*deleted <= *max as u64);
                let gone =
                    before.states.iter().zip(&after.states).filter(|(b, a)| b.is_some() && a.is_none());
                assert_eq!(gone.count() as u64, *deleted);
            }
            (Act::Set(_), Answer::Set) => self.limits_changed(before, after),
            (Act::Pass(_), Answer::Passed) => {}
            (act, answer) => panic!("{act:?} was answered by {answer:?}"),
        }
        self.see(act, before, after);
        scene::check(after);
        self.check(after);
    }

    fn life(&mut self, id: u8) -> &mut Life {
        &mut self.lives[self.present[&id]]
    }

    fn holds(&self, worker: &WorkerId, delivery: &Delivery) -> bool {
        let lease = self.leases.get(&number(&delivery.lease.task));
        lease.is_some_and(|(holder, token)| holder == worker && *token == delivery.lease.token)
    }

    fn enqueued(&mut self, draft: &Draft, answered: u8, novelty: Novelty, after: &Scene) {
        match novelty {
            Novelty::Existing => assert!(self.present.contains_key(&draft.id)),
            Novelty::New => {
                assert_eq!(answered, draft.id);
                let mut parents = Vec::new();
                if let Tie::Group { after, .. } = &draft.tie {
                    for parent in after.iter().map(|parent| self.present[parent]) {
                        let of = &self.lives[parent];
                        let end = if of.alive { of.ends.len() } else { of.ends.len() - 1 };
                        if parents.iter().all(|(known, _)| *known != parent) {
                            parents.push((parent, end));
                        }
                    }
                }
                let former = self.present.insert(draft.id, self.lives.len());
                assert_eq!(former, None, "the id was taken");
                self.lives.push(Life {
                    draft: draft.clone(),
                    payload: if draft.marker { Vec::new() } else { vec![draft.payload] },
                    enqueued_at: after.now,
                    parents,
                    ends: Vec::new(),
                    alive: true,
                    replayed: false,
                    started: false,
                    checkpoint: None,
                    recorded: None,
                });
            }
            Novelty::Replaced => {
                let payload = if draft.marker { Vec::new() } else { vec![draft.payload] };
                self.life(answered).payload = payload;
            }
            Novelty::Duplicate => assert!(!self.present.contains_key(&draft.id)),
            other => panic!("{other:?}"),
        }
    }

    fn settled(&mut self, worker: &WorkerId, delivery: &Delivery, verdict: Verdict) {
        let (id, token) = (number(&delivery.lease.task), delivery.lease.token);
        if self.holds(worker, delivery) {
            assert_ne!(verdict, Verdict::LeaseLost, "{id}");
            self.leases.remove(&id);
            if verdict == Verdict::Recorded {
                self.life(id).recorded = Some(token);
            }
        } else {
            let recorded =
                self.present.get(&id).is_some_and(|life| self.lives[*life].recorded == Some(token));
            assert_eq!(verdict, if recorded { Verdict::Recorded } else { Verdict::LeaseLost }, "{id}");
        }
    }

    fn claimed(&mut self, worker: &WorkerId, new: &[Delivery], claim: &[(Option<u8>, usize)], after: &Scene) {
        assert!(new.is_empty() || after.settings.mode != Mode::Paused);
        let mut free: HashMap<Option<u8>, usize> = HashMap::new();
        for (class, count) in claim {
            *free.entry(*class).or_default() += count;
        }
        for delivery in new {
            let id = number(&delivery.lease.task);
            let life = self.life(id);
            assert!(life.alive && !life.draft.marker, "{id} was not there to be claimed");
            assert_eq!((&delivery.payload, &delivery.checkpoint), (&life.payload, &life.checkpoint));
            assert!(delivery.deadline.is_none_or(|deadline| deadline > after.now), "{id} had expired");
            if let Some(code) = &delivery.code {
                assert!(!after.settings.quarantined.contains(code), "{id} is of quarantined code");
            }
            life.started = true;
            let (class, tie) = (life.draft.class, life.draft.tie.clone());
            let places = free.get_mut(&class).expect("a place of its class");
            *places = places.checked_sub(1).expect("a free place of its class");
            if let Tie::Limit(limit) = tie {
                assert!(!self.is_closed(limit, after), "{id} went through a closed limit");
                self.start(limit, after);
            }
            let former = self.leases.insert(id, (worker.clone(), delivery.lease.token));
            assert_eq!(former, None, "{id} was handed out twice");
        }
        if let [(class, _)] = claim
            && free[class] > 0
            && after.settings.mode != Mode::Paused
        {
            self.nothing_was_overlooked(*class, after);
        }
    }

    /// Where places were left, every ready task of the class stands before a closed limit.
    fn nothing_was_overlooked(&self, class: Option<u8>, after: &Scene) {
        let class = class.map(|class| label("class", class));
        for view in after.sections[0].iter().filter(|view| view.class == class) {
            let life = &self.lives[self.present[&number(&view.id)]];
            let Tie::Limit(limit) = life.draft.tie else { panic!("{} was overlooked", view.id) };
            assert!(self.is_closed(limit, after), "{} was overlooked", view.id);
        }
    }

    fn is_closed(&self, name: u8, scene: &Scene) -> bool {
        let Some(limit) = scene.settings.limits.get(&label("limit", name)) else { return false };
        let of = |id: &u8| matches!(self.lives[self.present[id]].draft.tie, Tie::Limit(of) if of == name);
        let running = self.leases.keys().filter(|id| of(id)).count();
        let arrival = self.arrivals.get(&name).copied().unwrap_or(0);
        limit.concurrency.is_some_and(|most| running >= most.get() as usize)
            || pace(limit).is_some_and(|(interval, per)| arrival + interval > micros(scene) + per)
    }

    fn start(&mut self, name: u8, scene: &Scene) {
        let limit = scene.settings.limits.get(&label("limit", name));
        if let Some((interval, _)) = limit.and_then(pace) {
            let arrival = self.arrivals.entry(name).or_default();
            *arrival = (*arrival).max(micros(scene)) + interval;
        }
    }

    fn limits_changed(&mut self, before: &Scene, after: &Scene) {
        for name in 0..2 {
            let rate =
                |scene: &Scene| scene.settings.limits.get(&label("limit", name)).and_then(|one| one.rate);
            if rate(before) != rate(after) {
                self.arrivals.remove(&name);
            }
        }
    }

    /// Notes what has ended, and that nothing came from nowhere or left without leave.
    fn see(&mut self, act: &Act, before: &Scene, after: &Scene) {
        for (id, (was, is)) in before.states.iter().zip(&after.states).enumerate() {
            let id = u8::try_from(id).unwrap();
            let Some(life) = self.present.get(&id).map(|life| &mut self.lives[*life]) else {
                assert_eq!(*is, None, "{id} came from nowhere");
                continue;
            };
            match (was, is) {
                (Some(TaskState::Done { .. } | TaskState::Dead { .. }), Some(_)) if was == is => continue,
                (Some(TaskState::Done { .. }), Some(_)) => panic!("{id} was done and is {is:?}"),
                (Some(TaskState::Dead { .. }), Some(_)) => assert!(matches!(act, Act::Replay(_))),
                (_, None) => assert!(matches!(act, Act::Purge { .. } | Act::Forget { .. }), "{id} vanished"),
                _ => {}
            }
            match is {
                Some(TaskState::Done { .. }) if life.alive => {
                    life.ends.push(true);
                    life.checkpoint = None;
                    life.alive = false;
                }
                Some(TaskState::Dead { .. }) if life.alive => {
                    life.ends.push(false);
                    life.alive = false;
                }
                None => {
                    if life.alive {
                        life.ends.push(false);
                        life.alive = false;
                    }
                    self.present.remove(&id);
                }
                _ => {}
            }
        }
    }

    fn check(&self, scene: &Scene) {
        let leased: BTreeMap<_, _> =
            scene.sections[3].iter().map(|view| (view.id.clone(), view.worker.clone().unwrap())).collect();
        let held = self.leases.iter().map(|(task, (worker, _))| (id(*task), worker.clone())).collect();
        assert_eq!(leased, held, "leases are not those that were given");
        for (task, life) in &self.present {
            self.check_family(*task, &self.lives[*life], scene.states[usize::from(*task)].as_ref().unwrap());
        }
        for view in scene.sections.iter().flatten() {
            let life = &self.lives[self.present[&number(&view.id)]];
            assert_eq!(view.payload, life.payload, "{}", view.id);
        }
        for key in 0..2 {
            let holders = self.lives.iter().filter(|life| life.holds(key, scene)).count();
            assert!(holders <= 1, "{holders} tasks hold key {key}");
        }
    }

    /// What waits for others waits exactly as long as they have not ended.
    fn check_family(&self, id: u8, life: &Life, state: &TaskState) {
        let ends: Vec<_> =
            life.parents.iter().map(|(parent, end)| self.lives[*parent].ends.get(*end)).collect();
        let open = ends.iter().filter(|end| end.is_none()).count();
        let is_strict = matches!(life.draft.tie, Tie::Group { tolerant: false, .. });
        let is_doomed = is_strict && ends.contains(&Some(&false));
        match state {
            TaskState::Blocked { remaining } => {
                assert_eq!(*remaining as usize, open, "{id}");
                assert!(open > 0 && !is_doomed, "{id} waits for nothing or in vain");
            }
            TaskState::Dead { reason: DeathReason::Dependency, .. } => assert!(is_doomed, "{id}"),
            TaskState::Waiting { .. } | TaskState::Leased { .. } | TaskState::Done { .. }
                if !life.replayed =>
            {
                assert!(open == 0 && !is_doomed, "{id} was let go too early");
            }
            _ => {}
        }
    }
}

impl Life {
    fn holds(&self, wanted: u8, scene: &Scene) -> bool {
        let Tie::Unique { key, span, .. } = self.draft.tie else { return false };
        let untouched = self.ends.is_empty();
        key == wanted
            && match span {
                Span::Done => untouched,
                Span::Started => untouched && !self.started,
                Span::For(span) => span > Duration::ZERO && scene.now < self.enqueued_at + span,
            }
    }
}
