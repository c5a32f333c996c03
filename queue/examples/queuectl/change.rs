//! The commands that change something. Each says what it has changed; one that changed nothing ends with an error.

use std::time::Duration;

use cofferdam_queue::{Cancelled, DeathReason, MAX_BATCH, Mode, Queue, Section, Setting, TaskId};
use serde_json::json;

use crate::arguments::Reason;
use crate::page::Page;
use crate::words::short;
use crate::{Problem, look};

/// How often a queue is looked at until it is empty.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

pub(crate) async fn mode(queue: &Queue, mode: Mode) -> Result<Page, Problem> {
    queue.set(Setting::Mode(mode)).await?;
    let (name, word) = (queue.name(), mode.as_str());
    Ok(Page::new(json!({ "queue": name.as_str(), "mode": word })).line(&format!("queue {name} is {word}")))
}

pub(crate) async fn drain(queue: &Queue, wait: bool) -> Result<Page, Problem> {
    let page = mode(queue, Mode::Draining).await?;
    if !wait {
        return Ok(page);
    }
    loop {
        let counts = queue.stats().await?.total();
        if counts.ready + counts.delayed + counts.blocked + counts.leased == 0 {
            return Ok(page.line("nothing waits and nothing runs"));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn ids(tasks: &[String]) -> Result<Vec<TaskId>, Problem> {
    Ok(tasks.iter().map(|task| TaskId::new(task)).collect::<Result<_, _>>()?)
}

pub(crate) async fn retry(queue: &Queue, tasks: &[String]) -> Result<Page, Problem> {
    let (mut rows, mut documents, mut not_dead) = (Vec::new(), Vec::new(), 0);
    for part in ids(tasks)?.chunks(MAX_BATCH) {
        for (task, was_dead) in part.iter().zip(queue.replay(part.to_vec()).await?) {
            let word = if was_dead { "ready again" } else { "not dead, left alone" };
            documents.push(json!({ "id": task.as_str(), "replayed": was_dead }));
            rows.push(vec![short(task.as_str()), word.to_owned()]);
            not_dead += usize::from(!was_dead);
        }
    }
    let page = Page::new(json!(documents)).table(&["id", "now"], rows, "");
    unless_in_vain(page, not_dead, tasks.len(), "none of these tasks is dead: see them with `dead`")
}

pub(crate) async fn cancel(queue: &Queue, tasks: &[String]) -> Result<Page, Problem> {
    let (mut rows, mut documents, mut in_vain) = (Vec::new(), Vec::new(), 0);
    for part in ids(tasks)?.chunks(MAX_BATCH) {
        for (task, answer) in part.iter().zip(queue.cancel_all(part.to_vec()).await?) {
            let (code, words) = match answer {
                Cancelled::Waiting => ("waiting", "cancelled"),
                Cancelled::Running => ("running", "cancelled, its worker hears of it at the next renewal"),
                Cancelled::Finished => ("finished", "had ended before"),
                _ => ("unknown", "not known"),
            };
            documents.push(json!({ "id": task.as_str(), "was": code }));
            rows.push(vec![short(task.as_str()), words.to_owned()]);
            in_vain += usize::from(!matches!(answer, Cancelled::Waiting | Cancelled::Running));
        }
    }
    let page = Page::new(json!(documents)).table(&["id", "now"], rows, "");
    unless_in_vain(page, in_vain, tasks.len(), "none of these tasks waits or runs: check the ids and --queue")
}

fn unless_in_vain(page: Page, in_vain: usize, all: usize, problem: &str) -> Result<Page, Problem> {
    if in_vain == all { Err(Problem::Refused(problem.to_owned())) } else { Ok(page) }
}

pub(crate) async fn replay(queue: &Queue, reason: Option<Reason>, yes: bool) -> Result<Page, Problem> {
    let reason = reason.map(DeathReason::from);
    if !yes {
        return Err(not_without_word(queue, Section::Dead, "would be ready again").await?);
    }
    let mut replayed = 0_usize;
    loop {
        // What is replayed leaves the section, so each look shows others; those of another reason stay in front.
        let dead = queue.peek(Section::Dead, MAX_BATCH).await?;
        let matches = |task: &cofferdam_queue::TaskView| {
            reason.is_none_or(|reason| task.death.as_ref().is_some_and(|(why, _)| *why == reason))
        };
        let tasks: Vec<TaskId> =
            dead.iter().filter(|task| matches(task)).map(|task| task.id.clone()).collect();
        let found = tasks.len();
        let went = queue.replay(tasks).await?.into_iter().filter(|was_dead| *was_dead).count();
        replayed += went;
        if dead.len() < MAX_BATCH || found == 0 || went == 0 {
            let page = Page::new(json!({ "queue": queue.name().as_str(), "replayed": replayed }));
            let rest = match found == 0 && dead.len() == MAX_BATCH {
                true => "; the latest 500 dead tasks died of something else, purge or retry them first",
                false => "",
            };
            return Ok(page.line(&format!("{replayed} tasks are ready again{rest}")));
        }
    }
}

pub(crate) async fn purge(queue: &Queue, section: Section, yes: bool) -> Result<Page, Problem> {
    if !yes {
        return Err(not_without_word(queue, section, "would be deleted with their payloads").await?);
    }
    let gone = queue.purge(section).await?;
    let document = json!({ "queue": queue.name().as_str(), "section": section.as_str(), "purged": gone });
    Ok(Page::new(document).line(&format!("{gone} {} tasks are deleted", section.as_str())))
}

async fn not_without_word(queue: &Queue, section: Section, what: &str) -> Result<Problem, Problem> {
    let count = look::count_of(&queue.stats().await?.total(), section);
    let (name, section) = (queue.name(), section.as_str());
    Ok(Problem::Refused(format!("{count} {section} tasks of {name} {what}: say --yes to do it")))
}
