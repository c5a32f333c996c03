//! What the answers of a server tell those who listen in this process.
//!
//! Everybody else hears of it by announcements. Answers do not name what a call has led to beyond its own tasks, so
//! these are news of less than the embedded backends have; the announcements make up for that.

use crate::signal::News;
use crate::{Enqueued, Novelty, Reaped, Step, StepReply, Verdict};

/// Work came in, or a limit or a setting that held it back gave way.
pub(super) fn of_work() -> News {
    News { ready: true, ..News::default() }
}

pub(super) fn of_enqueue(answers: &[Enqueued]) -> News {
    News { ready: answers.iter().any(|answer| answer.novelty == Novelty::New), ..News::default() }
}

pub(super) fn of_step(step: &Step, reply: &StepReply) -> News {
    let pairs = step.settle.iter().zip(&reply.settled);
    let ended = pairs.filter(|(_, verdict)| matches!(verdict, Verdict::Recorded | Verdict::Dead));
    News {
        ready: reply.settled.iter().any(|verdict| matches!(verdict, Verdict::Retrying | Verdict::HandedBack)),
        ended: ended.map(|(one, _)| one.lease.task.clone()).collect(),
        progressed: Vec::new(),
    }
}

pub(super) fn of_reap(reaped: &[Reaped]) -> News {
    News {
        ready: reaped.iter().any(|one| !one.dead),
        ended: reaped.iter().filter(|one| one.dead).map(|one| one.task.clone()).collect(),
        progressed: Vec::new(),
    }
}
