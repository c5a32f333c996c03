//! What one look at a queue must show, whatever came before: all views tell the same story.

use std::collections::{BTreeMap, HashMap};

use cofferdam_queue::{Counts, Priority, QueueStats, Section, TaskState, WorkerLoad};

use super::stage::{Scene, id};

pub(crate) fn check(scene: &Scene) {
    let mut seen = HashMap::new();
    for (section, views) in Section::ALL.into_iter().zip(&scene.sections) {
        for view in views {
            assert_eq!(seen.insert(view.id.clone(), section), None, "{} is seen twice", view.id);
        }
    }
    for (number, state) in scene.states.iter().enumerate() {
        let id = id(u8::try_from(number).unwrap());
        let expected = match state {
            Some(TaskState::Blocked { .. }) => Some(Section::Blocked),
            Some(TaskState::Waiting { ready_at }) if *ready_at <= scene.now => Some(Section::Ready),
            Some(TaskState::Waiting { .. }) => Some(Section::Delayed),
            Some(TaskState::Leased { .. }) => Some(Section::Leased),
            Some(TaskState::Dead { .. }) => Some(Section::Dead),
            _ => None,
        };
        assert_eq!(seen.remove(&id), expected, "{id} is {state:?}");
    }
    assert!(seen.is_empty(), "nobody enqueued {seen:?}");
    assert_eq!(scene.stats, recount(scene));
    assert_eq!(scene.workers, loads(scene));
    let is_used = scene.states.iter().any(Option::is_some);
    assert!(scene.queues.len() <= 1 && (!is_used || scene.queues.len() == 1), "{:?}", scene.queues);
}

fn recount(scene: &Scene) -> QueueStats {
    let mut stats = QueueStats::default();
    for priority in Priority::ALL {
        let of =
            |section: usize| scene.sections[section].iter().filter(move |view| view.priority == priority);
        let count = |section| of(section).count() as u64;
        let mut counts = Counts::default();
        counts.ready = count(0);
        counts.delayed = count(1);
        counts.blocked = count(2);
        counts.leased = count(3);
        counts.dead = count(4);
        counts.oldest_ready = of(0).map(|view| view.ready_at).min();
        *stats.of_mut(priority) = counts;
    }
    stats
}

fn loads(scene: &Scene) -> Vec<WorkerLoad> {
    let mut loads = BTreeMap::new();
    for state in scene.states.iter().flatten() {
        if let TaskState::Leased { worker, until, .. } = state {
            let load = loads.entry(worker.clone()).or_insert((0, *until));
            *load = (load.0 + 1, load.1.min(*until));
        }
    }
    loads.into_iter().map(|(worker, (leased, until))| WorkerLoad::new(worker, leased, until)).collect()
}
