//! `queuectl` as somebody runs it: arguments in; tables, JSON and an exit code out.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use cofferdam_queue::{
    Ending, Limit, NewTask, Priority, Queue, Setting, Settlement, Sqlite, TaskState, WorkerId,
};
use serde_json::{Value, json};
use support::{PATIENCE, id, label, task};

/// The example, which cargo builds beside the tests.
fn queuectl(url: &Path, arguments: &[&str]) -> Output {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples/queuectl");
    assert!(path.is_file(), "{} is not built: run the tests with `cargo nextest run`", path.display());
    Command::new(path).arg("--url").arg(url).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(output: &Output) -> String {
    assert_eq!(code(output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&text(output)).unwrap()
}

/// The exit code and what was complained about.
fn complaint(output: &Output) -> (i32, String) {
    assert!(output.stdout.is_empty());
    (code(output), String::from_utf8(output.stderr.clone()).unwrap().trim_end().to_owned())
}

/// Two ready tasks, one delayed, one leased, and two dead ones, one with an error that is not to be trusted.
async fn store() -> (tempfile::TempDir, PathBuf, Queue) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.sqlite3");
    let queue = Queue::new(Sqlite::open(&path).await.unwrap(), "prices").unwrap();
    let me = WorkerId::new("node-1").unwrap();
    queue.enqueue(vec![task("dead 1"), task("dead 2")]).await.unwrap();
    for delivery in queue.claim(&me, 2, PATIENCE).await.unwrap() {
        let error = format!("\x1b[2Jno \u{202e}good: {}", delivery.lease.task);
        queue.settle(&me, vec![Settlement::new(delivery.lease, Ending::Rejected { error })]).await.unwrap();
    }
    queue.submit(task("running")).await.unwrap();
    assert_eq!(queue.claim(&me, 1, PATIENCE).await.unwrap().len(), 1);
    let tasks = vec![
        task("later").delay(Duration::from_secs(3600)),
        task("ready").kind(label("score")).tenant(label("acme")),
        NewTask::new([0xff, 0x00]).id(id("urgent")).priority(Priority::High),
    ];
    queue.enqueue(tasks).await.unwrap();
    (folder, path, queue)
}

#[tokio::test]
async fn the_looks_show_what_is_there() {
    let (_folder, path, queue) = store().await;
    let listed = document(&queuectl(&path, &["--json", "ls"]));
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["queue"], &listed[0]["mode"]), (&json!("prices"), &json!("running")));
    let all = &listed[0]["all"];
    assert_eq!([&all["ready"], &all["delayed"], &all["leased"], &all["dead"]], [2, 1, 1, 2]);

    queue.set(Setting::Limit(label("api"), Some(Limit::concurrency(NonZeroU32::MIN)))).await.unwrap();
    let stats = document(&queuectl(&path, &["--json", "stats"]));
    assert_eq!((&stats["high"]["ready"], &stats["normal"]["ready"]), (&json!(1), &json!(1)));
    assert_eq!(stats["limits"]["api"]["concurrency"], 1);
    let table = text(&queuectl(&path, &["--queue", "prices", "stats"]));
    assert!(table.starts_with("queue prices, running\n"), "{table}");
    assert!(table.contains("limit api: 1 at a time"), "{table}");
    let row = table.lines().find(|line| line.trim_start().starts_with("all ")).expect(&table);
    assert_eq!(row.split_whitespace().take(6).collect::<Vec<_>>(), ["all", "2", "1", "0", "1", "2"]);

    let ready = document(&queuectl(&path, &["--json", "peek"]));
    let ids: Vec<&str> = ready.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["urgent", "ready"]);
    assert_eq!(ready[0]["payload"], json!({ "hex": "ff00" }));
    assert_eq!((&ready[1]["kind"], &ready[1]["payload"]), (&json!("score"), &json!({ "text": "ready" })));
    assert_eq!(document(&queuectl(&path, &["--json", "peek", "--max", "1"])).as_array().unwrap().len(), 1);
    let delayed = text(&queuectl(&path, &["peek", "delayed"]));
    assert!(delayed.contains("later") && delayed.contains("in 59 min"), "{delayed}");

    let workers = document(&queuectl(&path, &["workers", "--json"]));
    assert!(workers[0]["worker"].as_str().unwrap().starts_with("node-1#"));
    assert_eq!(workers[0]["leased"], 1);
}

#[tokio::test]
async fn what_strangers_wrote_does_not_reach_the_terminal() {
    let (_folder, path, _queue) = store().await;
    let table = text(&queuectl(&path, &["dead"]));
    assert!(table.contains("·[2Jno ·good: dead 1") && table.contains("rejected"), "{table}");
    assert!(!table.contains('\x1b') && !table.contains('\u{202e}'));
    let dead = document(&queuectl(&path, &["dead", "--json"]));
    assert_eq!(dead[0]["error"], "\u{1b}[2Jno \u{202e}good: dead 2");
}

#[tokio::test]
async fn changes_are_made_and_said() {
    let (_folder, path, queue) = store().await;
    for (command, mode) in [("pause", "paused"), ("resume", "running"), ("drain", "draining")] {
        assert_eq!(text(&queuectl(&path, &[command])), format!("queue prices is {mode}\n"));
        assert_eq!(queue.settings().await.unwrap().mode.as_str(), mode);
    }
    text(&queuectl(&path, &["resume"]));
    let cancelled = document(&queuectl(&path, &["--json", "cancel", "later", "running", "dead 1", "nobody"]));
    let was: Vec<&str> =
        cancelled.as_array().unwrap().iter().map(|one| one["was"].as_str().unwrap()).collect();
    assert_eq!(was, ["waiting", "running", "finished", "unknown"]);
    let retried = document(&queuectl(&path, &["--json", "retry", "dead 1", "ready"]));
    assert_eq!(retried, json!([{ "id": "dead 1", "replayed": true }, { "id": "ready", "replayed": false }]));
    assert!(matches!(queue.state(&id("dead 1")).await.unwrap(), Some(TaskState::Waiting { .. })));

    // Two were cancelled, one was rejected.
    let replayed = document(&queuectl(&path, &["--json", "replay", "--reason", "cancelled", "--yes"]));
    assert_eq!(replayed["replayed"], 2);
    assert_eq!(queue.stats().await.unwrap().total().dead, 1);
    assert_eq!(text(&queuectl(&path, &["replay", "--yes"])), "1 tasks are ready again\n");
    assert_eq!(text(&queuectl(&path, &["purge", "ready", "--yes"])), "6 ready tasks are deleted\n");
    assert_eq!(queue.stats().await.unwrap().total().ready, 0);
}

#[tokio::test]
async fn a_drain_that_waits_returns_when_the_queue_is_empty() {
    let (_folder, path, queue) = store().await;
    let ending = tokio::spawn(async move {
        while queue.settings().await.unwrap().mode.as_str() != "draining" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        for task in ["running", "later", "ready", "urgent"] {
            queue.cancel(&id(task)).await.unwrap();
        }
        std::time::Instant::now()
    });
    let path = path.clone();
    let drained = tokio::task::spawn_blocking(move || {
        let answer = text(&queuectl(&path, &["drain", "--wait"]));
        (answer, std::time::Instant::now())
    });
    let (answer, returned) = drained.await.unwrap();
    assert!(answer.ends_with("nothing waits and nothing runs\n"), "{answer}");
    assert!(returned > ending.await.unwrap());
}

#[tokio::test]
async fn a_watch_looks_again() {
    let (_folder, path, _queue) = store().await;
    let output = queuectl(&path, &["--json", "watch", "--every", "0.05", "--times", "3"]);
    let looks: Vec<Value> = text(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(looks.len(), 3);
    assert_eq!(
        (&looks[2]["stats"]["all"]["dead"], &looks[2]["workers"][0]["leased"]),
        (&json!(2), &json!(1))
    );
    // Into a file there goes text only.
    let plain = text(&queuectl(&path, &["watch", "--times", "1"]));
    assert!(plain.contains("node-1#") && !plain.contains('\x1b'), "{plain}");
}

#[tokio::test]
async fn nothing_is_destroyed_without_a_further_word() {
    let (_folder, path, queue) = store().await;
    let (code, words) = complaint(&queuectl(&path, &["purge", "ready"]));
    assert_eq!(code, 2);
    let expected = "error: 2 ready tasks of prices would be deleted with their payloads: say --yes to do it";
    assert_eq!(words, expected);
    assert_eq!(complaint(&queuectl(&path, &["replay"])).0, 2);
    let counts = queue.stats().await.unwrap().total();
    assert_eq!((counts.ready, counts.dead), (2, 2));
    let (code, words) = complaint(&queuectl(&path, &["purge", "leased", "--yes"]));
    assert_eq!((code, words.contains("cancel them first")), (1, true), "{words}");
}

#[tokio::test]
async fn errors_name_the_remedy() {
    let (folder, path, queue) = store().await;
    let missing = folder.path().join("missing.sqlite3");
    let (code, words) = complaint(&queuectl(&missing, &["ls"]));
    assert_eq!((code, words.contains("check the path"), missing.exists()), (1, true, false), "{words}");
    let text_file = folder.path().join("notes.txt");
    std::fs::write(&text_file, "these are my notes, and they are no database").unwrap();
    let (code, words) = complaint(&queuectl(&text_file, &["ls"]));
    assert_eq!((code, words.contains("choose another path")), (1, true), "{words}");
    let (code, words) = complaint(&queuectl(Path::new("http://localhost"), &["ls"]));
    assert_eq!((code, words.contains("redis://host:port")), (1, true), "{words}");
    let (code, words) = complaint(&queuectl(&path, &["--queue", "price", "stats"]));
    assert_eq!((code, words.as_str()), (2, "error: there is no queue \"price\"; known: prices"));
    Queue::new(Sqlite::open(&path).await.unwrap(), "other").unwrap().submit(task("a")).await.unwrap();
    let (code, words) = complaint(&queuectl(&path, &["stats"]));
    assert_eq!((code, words.as_str()), (2, "error: say which queue with --queue; known: other, prices"));
    let (code, words) = complaint(&queuectl(&path, &["--queue", "prices", "retry", "ready"]));
    assert_eq!((code, words.contains("none of these tasks is dead")), (2, true), "{words}");
    let (code, words) = complaint(&queuectl(&path, &["--queue", "prices", "cancel", "nobody"]));
    assert_eq!((code, words.contains("check the ids")), (2, true), "{words}");
    for wrong in [&["pek"][..], &["peek", "--max", "0"], &["watch", "--every", "0"], &["retry"]] {
        assert_eq!(complaint(&queuectl(&path, wrong)).0, 1, "{wrong:?}");
    }
    drop(queue);
}
