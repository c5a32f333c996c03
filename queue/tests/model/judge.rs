//! What must hold whatever happens. The judge follows what was asked and answered and knows nothing of how a broker
//! keeps it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cofferdam_queue::{
    Cancelled, DeathReason, Delivery, LeaseToken, Mode, Novelty, TaskId, TaskState, Verdict, WorkerId,
};

use super::life::Life;
use super::plan::{Act, Change, Draft, End, Pick, Tie};
use super::rates::Rates;
use super::scene;
use super::stage::{Answer, Scene, Stage, id, label, worker};

#[derive(Default)]
pub(crate) struct Judge {
    lives: Vec<Life>,
    /// The life that holds each id now.
    present: HashMap<u8, usize>,
    leases: HashMap<u8, (WorkerId, LeaseToken)>,
    rates: Rates,
    /// How often each code crashed, and which are in quarantine.
    crashes: HashMap<u8, u32>,
    quarantined: BTreeSet<u8>,
}

fn number(id: &TaskId) -> u8 {
    id.as_str().trim_start_matches("task ").parse().unwrap()
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
                let spoken = settle.iter().filter_map(|(pick, end, _)| Some((picked(pick)?, *end)));
                for ((delivery, end), verdict) in spoken.zip(settled) {
                    self.settled(&worker(*by), delivery, (end, *verdict), before);
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
                    let is_dead = self.crashed(number(&one.task), before);
                    assert_eq!(one.dead, is_dead);
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
                    (life.failures, life.crashes) = (0, 0);
                }
            }
            (Act::Purge { max, .. } | Act::Forget { max, .. }, Answer::Deleted(deleted)) => {
                assert!(*deleted <= *max as u64);
                let gone =
                    before.states.iter().zip(&after.states).filter(|(b, a)| b.is_some() && a.is_none());
                assert_eq!(gone.count() as u64, *deleted);
            }
            (Act::Set(change), Answer::Set) => self.changed(change, before, after),
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

    /// The life that holds a key.
    fn holder(&self, key: u8, scene: &Scene) -> Option<&Life> {
        let mut holders = self.lives.iter().filter(|life| life.holds(key, scene));
        let holder = holders.next();
        assert!(holders.next().is_none(), "two tasks hold key {key}");
        holder
    }

    fn enqueued(&mut self, draft: &Draft, answered: u8, novelty: Novelty, after: &Scene) {
        if !self.present.contains_key(&draft.id)
            && let Tie::Unique { key, .. } = draft.tie
        {
            let holder = self.holder(key, after).map(|life| life.draft.id);
            assert_eq!(novelty == Novelty::New, holder.is_none(), "{}", draft.id);
            assert!(holder.is_none_or(|holder| holder == answered));
        }
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
                self.lives.push(Life::new(draft, parents, after.now));
            }
            Novelty::Replaced => {
                self.life(answered).payload = draft.payload();
            }
            Novelty::Duplicate => assert!(!self.present.contains_key(&draft.id)),
            other => panic!("{other:?}"),
        }
    }

    fn settled(
        &mut self,
        worker: &WorkerId,
        delivery: &Delivery,
        (end, verdict): (End, Verdict),
        before: &Scene,
    ) {
        let (id, token) = (number(&delivery.lease.task), delivery.lease.token);
        if !self.holds(worker, delivery) {
            let recorded =
                self.present.get(&id).is_some_and(|life| self.lives[*life].recorded == Some(token));
            assert_eq!(verdict, if recorded { Verdict::Recorded } else { Verdict::LeaseLost }, "{id}");
            return;
        }
        self.leases.remove(&id);
        let again = |is_dead| if is_dead { Verdict::Dead } else { Verdict::Retrying };
        let expected = match end {
            End::Done => {
                self.life(id).recorded = Some(token);
                Verdict::Recorded
            }
            End::Failed(_) => {
                let life = self.life(id);
                life.failures += 1;
                again(life.failures >= life.draft.attempts)
            }
            End::Rejected => Verdict::Dead,
            End::Crashed(_) => again(self.crashed(id, before)),
            End::HandedBack => Verdict::HandedBack,
        };
        assert_eq!(verdict, expected, "{id}");
    }

    /// Counts a crash for a task and its code, and answers whether the task dies of it.
    fn crashed(&mut self, id: u8, before: &Scene) -> bool {
        let life = self.life(id);
        life.crashes += 1;
        let (is_dead, code) = (life.crashes >= life.draft.crashes, life.draft.code);
        if let Some(code) = code {
            let crashes = self.crashes.entry(code).or_default();
            *crashes += 1;
            if before.settings.quarantine_after.is_some_and(|after| *crashes >= after.get()) {
                self.quarantined.insert(code);
            }
        }
        is_dead
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
            assert_eq!((delivery.attempt, delivery.crashes), (life.failures + 1, life.crashes));
            assert_eq!(delivery.deadline, life.deadline());
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
                self.rates.start(limit, after);
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

    /// Whether no task of a limit may start now.
    fn is_closed(&self, name: u8, scene: &Scene) -> bool {
        let limit = scene.settings.limits.get(&label("limit", name));
        let of = |id: &u8| matches!(self.lives[self.present[id]].draft.tie, Tie::Limit(of) if of == name);
        let running = self.leases.keys().filter(|id| of(id)).count();
        let most = limit.and_then(|limit| limit.concurrency);
        most.is_some_and(|most| running >= most.get() as usize) || self.rates.is_closed(name, scene)
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

    fn changed(&mut self, change: &Change, before: &Scene, after: &Scene) {
        self.rates.changed(before, after);
        match change {
            Change::Quarantine(code) => drop(self.quarantined.insert(*code)),
            Change::Release(code) => {
                self.quarantined.remove(code);
                self.crashes.remove(code);
            }
            _ => {}
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
                Some(TaskState::Dead { reason, .. }) if life.alive => {
                    let had_expired = life.deadline().is_some_and(|deadline| deadline <= after.now);
                    assert!(*reason != DeathReason::Expired || had_expired, "{id} expired too early");
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
            let state = scene.states[usize::from(*task)].as_ref().unwrap();
            self.lives[*life].check_family(&self.lives, state);
        }
        for view in scene.sections.iter().flatten() {
            let life = &self.lives[self.present[&number(&view.id)]];
            assert_eq!(view.payload, life.payload, "{}", view.id);
            assert_eq!((view.failures, view.crashes), (life.failures, life.crashes), "{}", view.id);
        }
        let quarantined: Vec<_> = self.quarantined.iter().map(|code| label("code", *code)).collect();
        assert_eq!(scene.settings.quarantined, quarantined);
    }
}
