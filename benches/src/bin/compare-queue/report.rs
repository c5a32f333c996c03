//! What is told of those who brought tasks through their lives.

use cofferdam_benches::Report;

use super::contest::Outcome;
use super::meter::Cost;
use super::servers::Kind;

/// Everybody at one server: tasks for a second of the masters' processor time, and for one on the clock.
pub(super) fn on_redis(report: &mut Report, kind: Kind, outcomes: &[Outcome]) {
    let columns = ["enqueue", "claim+ack", "full life", "life/s wall", "commands"];
    report.section(&format!("{kind}: tasks a second of processor time"), &columns);
    for outcome in outcomes {
        let (tasks, field) = (outcome.tasks, format!("{}{}", outcome.party.field, kind.infix()));
        let per_cpu_second = |cost: &Cost| cost.per_cpu_second(tasks);
        let figures = [
            ("enqueue", outcome.median(|life| per_cpu_second(&life.enqueue))),
            ("claim_ack", outcome.median(|life| per_cpu_second(&life.work))),
            ("full_life", outcome.full_life()),
            ("full_life_wall_per_s", outcome.median(|life| life.full().per_second(tasks))),
            ("commands_per_task", outcome.median(|life| life.full().commands as f64 / tasks as f64)),
        ];
        row(report, outcome, &field, &figures);
    }
}

/// Everybody without a server: tasks for a second on the clock.
pub(super) fn embedded(report: &mut Report, outcomes: &[Outcome]) {
    report.section("without a server: tasks a second on the clock", &["enqueue", "claim+ack", "full life"]);
    for outcome in outcomes {
        let tasks = outcome.tasks;
        let figures = [
            ("enqueue_jobs_per_s", outcome.median(|life| life.enqueue.per_second(tasks))),
            ("claim_ack_jobs_per_s", outcome.median(|life| life.work.per_second(tasks))),
            ("jobs_per_s", outcome.median(|life| life.full().per_second(tasks))),
        ];
        row(report, outcome, outcome.party.field, &figures);
    }
}

fn row(report: &mut Report, outcome: &Outcome, field: &str, figures: &[(&str, Option<f64>)]) {
    report.row(outcome.party.name, field, outcome.failure.as_deref(), figures);
}
