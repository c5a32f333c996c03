//! The commands that look.

use cofferdam_queue::{
    AnyBroker, Broker as _, Counts, Limit, Priority, Queue, QueueSettings, QueueStats, Section, TaskView,
};
use serde_json::{Value, json};

use crate::Problem;
use crate::page::Page;
use crate::words::{distance, millis, payload, payload_json, short};

/// The columns of counts, after those that say of what.
const COUNTS: [&str; 6] = ["ready", "delayed", "blocked", "leased", "dead", "oldest ready"];

fn count_cells(counts: &Counts) -> Vec<String> {
    let Counts { ready, delayed, blocked, leased, dead, oldest_ready, .. } = counts;
    let mut cells: Vec<String> = [ready, delayed, blocked, leased, dead].map(ToString::to_string).into();
    cells.push(oldest_ready.map_or_else(|| "-".to_owned(), distance));
    cells
}

fn count_json(counts: &Counts) -> Value {
    let Counts { ready, delayed, blocked, leased, dead, oldest_ready, .. } = counts;
    json!({
        "ready": ready, "delayed": delayed, "blocked": blocked, "leased": leased, "dead": dead,
        "oldest_ready_ms": oldest_ready.map(millis),
    })
}

pub(crate) async fn ls(broker: &AnyBroker) -> Result<Page, Problem> {
    let (mut rows, mut documents) = (Vec::new(), Vec::new());
    for name in broker.queues().await? {
        let (counts, settings) = (broker.stats(&name).await?.total(), broker.settings(&name).await?);
        let mode = settings.mode.as_str();
        documents.push(json!({ "queue": name.as_str(), "mode": mode, "all": count_json(&counts) }));
        let mut row = vec![short(name.as_str()), mode.to_owned()];
        row.extend(count_cells(&counts));
        rows.push(row);
    }
    let head: Vec<&str> = ["queue", "mode"].into_iter().chain(COUNTS).collect();
    Ok(Page::new(json!(documents)).table(&head, rows, "there is no queue yet"))
}

pub(crate) async fn stats(queue: &Queue) -> Result<Page, Problem> {
    let (stats, settings) = (queue.stats().await?, queue.settings().await?);
    let mut page = Page::new(stats_json(queue, &stats, &settings))
        .line(&format!("queue {}, {}", queue.name(), settings.mode.as_str()))
        .table(&count_head(), count_rows(&stats), "");
    for line in setting_lines(&settings) {
        page = page.line(&line);
    }
    Ok(page)
}

pub(crate) fn count_head() -> Vec<&'static str> {
    std::iter::once("priority").chain(COUNTS).collect()
}

pub(crate) fn count_rows(stats: &QueueStats) -> Vec<Vec<String>> {
    let row = |name: &str, counts: &Counts| {
        let mut row = vec![name.to_owned()];
        row.extend(count_cells(counts));
        row
    };
    let mut rows: Vec<_> =
        Priority::ALL.into_iter().map(|priority| row(priority.as_str(), stats.of(priority))).collect();
    rows.push(row("all", &stats.total()));
    rows
}

pub(crate) fn stats_json(queue: &Queue, stats: &QueueStats, settings: &QueueSettings) -> Value {
    let limits: serde_json::Map<_, _> =
        settings.limits.iter().map(|(name, limit)| (name.to_string(), limit_json(limit))).collect();
    let weights: serde_json::Map<_, _> =
        settings.weights.iter().map(|(tenant, weight)| (tenant.to_string(), json!(weight))).collect();
    json!({
        "queue": queue.name().as_str(),
        "mode": settings.mode.as_str(),
        "high": count_json(&stats.high), "normal": count_json(&stats.normal), "low": count_json(&stats.low),
        "all": count_json(&stats.total()),
        "limits": limits, "weights": weights,
        "quarantine_after": settings.quarantine_after,
        "quarantined": settings.quarantined.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "schedules": schedules(settings).collect::<Vec<_>>(),
    })
}

/// The names of the schedules; those with an `@` hold what the workers remember of them.
fn schedules(settings: &QueueSettings) -> impl Iterator<Item = &str> {
    settings.schedules.keys().map(cofferdam_queue::Label::as_str).filter(|name| !name.contains('@'))
}

fn limit_json(limit: &Limit) -> Value {
    json!({
        "concurrency": limit.concurrency,
        "rate": limit.rate.map(|rate| json!({ "starts": rate.starts, "per_ms": rate.per_millis })),
    })
}

fn setting_lines(settings: &QueueSettings) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, limit) in &settings.limits {
        let at_once = limit.concurrency.map(|tasks| format!("{tasks} at a time"));
        let rate = limit.rate.map(|rate| format!("{} starts in {} ms", rate.starts, rate.per_millis));
        let parts: Vec<String> = at_once.into_iter().chain(rate).collect();
        lines.push(format!("limit {}: {}", short(name.as_str()), parts.join(", ")));
    }
    for (tenant, weight) in &settings.weights {
        lines.push(format!("tenant {}: weight {weight}", short(tenant.as_str())));
    }
    for code in &settings.quarantined {
        lines.push(format!("code {} is in quarantine", short(code.as_str())));
    }
    lines.extend(schedules(settings).map(|name| format!("schedule {}", short(name))));
    lines
}

pub(crate) async fn peek(queue: &Queue, section: Section, max: u16) -> Result<Page, Problem> {
    let tasks = queue.peek(section, max.into()).await?;
    let last: &[&str] = match section {
        Section::Leased => &["worker"],
        Section::Dead => &["reason", "error"],
        Section::Ready | Section::Delayed | Section::Blocked => &["ready"],
        _ => &[],
    };
    let head: Vec<&str> = ["id", "kind", "priority", "tenant", "class", "failed", "crashed", "enqueued"]
        .iter()
        .chain(last)
        .chain(&["payload"])
        .copied()
        .collect();
    let documents: Vec<Value> = tasks.iter().map(task_json).collect();
    let rows = tasks.iter().map(|task| task_cells(task, section)).collect();
    Ok(Page::new(json!(documents)).table(&head, rows, &format!("no task is {}", section.as_str())))
}

fn task_cells(task: &TaskView, section: Section) -> Vec<String> {
    let label = |label: &Option<cofferdam_queue::Label>| {
        label.as_ref().map_or_else(|| "-".to_owned(), |label| short(label.as_str()))
    };
    let mut cells = vec![
        short(task.id.as_str()),
        label(&task.kind),
        task.priority.as_str().to_owned(),
        label(&task.tenant),
        label(&task.class),
        task.failures.to_string(),
        task.crashes.to_string(),
        distance(task.enqueued_at),
    ];
    match section {
        Section::Leased => cells.push(task.worker.as_ref().map_or_else(String::new, |one| short(one.name()))),
        Section::Dead => {
            let (reason, error) = task.death.as_ref().map_or(("", ""), |(why, error)| (why.as_str(), error));
            cells.extend([reason.to_owned(), short(error)]);
        }
        _ => cells.push(distance(task.ready_at)),
    }
    cells.push(payload(&task.payload));
    cells
}

fn task_json(task: &TaskView) -> Value {
    let text = |label: &Option<cofferdam_queue::Label>| label.as_ref().map(ToString::to_string);
    json!({
        "id": task.id.as_str(),
        "kind": text(&task.kind), "priority": task.priority.as_str(),
        "tenant": text(&task.tenant), "class": text(&task.class),
        "failures": task.failures, "crashes": task.crashes,
        "enqueued_at_ms": millis(task.enqueued_at), "ready_at_ms": millis(task.ready_at),
        "worker": task.worker.as_ref().map(ToString::to_string),
        "reason": task.death.as_ref().map(|(reason, _)| reason.as_str()),
        "error": task.death.as_ref().map(|(_, error)| error),
        "payload": payload_json(&task.payload),
    })
}

pub(crate) async fn workers(queue: &Queue) -> Result<Page, Problem> {
    let workers = queue.workers().await?;
    let document = |one: &cofferdam_queue::WorkerLoad| json!({ "worker": one.worker.to_string(), "leased": one.leased, "until_ms": millis(one.until) });
    let documents: Vec<Value> = workers.iter().map(document).collect();
    let row = |one: &cofferdam_queue::WorkerLoad| {
        vec![short(&one.worker.to_string()), one.leased.to_string(), distance(one.until)]
    };
    let rows = workers.iter().map(row).collect();
    let page = Page::new(json!(documents));
    Ok(page.table(&["worker", "tasks", "first lease ends"], rows, "no worker holds a task"))
}

pub(crate) const fn count_of(counts: &Counts, section: Section) -> u64 {
    match section {
        Section::Ready => counts.ready,
        Section::Delayed => counts.delayed,
        Section::Blocked => counts.blocked,
        Section::Leased => counts.leased,
        Section::Dead => counts.dead,
        _ => 0,
    }
}
