//! Whole runs on one SQLite file: a good one, and one whose file somebody tampers with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

fn start(folder: &Path, seed: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cofferdam-chaos"));
    command.args([
        "run",
        "--backend",
        "sqlite",
        "--minutes",
        "0.1",
        "--rate",
        "60",
        "--seed",
        seed,
        "--folder",
    ]);
    command.arg(folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn text(output: &Output) -> String {
    let parts = [output.stdout.as_slice(), output.stderr.as_slice()];
    String::from_utf8_lossy(&parts.concat()).into_owned()
}

/// The last line of what was printed.
fn figures(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn a_run_is_judged_and_its_history_can_be_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let output = start(folder.path(), "11").wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let first = figures(&output);
    assert_eq!((&first["seed"], &first["valid"]), (&11.into(), &true.into()));
    let sqlite = &first["modes"]["sqlite"];
    assert!(sqlite["faults"].as_u64().unwrap() >= 1, "{sqlite}");
    assert!(sqlite["done"].as_u64().unwrap() > 100 && sqlite["dead"].as_u64().unwrap() > 0, "{sqlite}");

    let history = folder.path().join("sqlite/history");
    let mut again = Command::new(env!("CARGO_BIN_EXE_cofferdam-chaos"));
    let output = again.arg("judge").arg(history).args(["--mode", "sqlite"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(figures(&output)["modes"], first["modes"]);
}

#[test]
fn a_finished_task_that_is_deleted_and_a_result_that_is_changed_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), "12");
    let (deleted, changed) = tamper(&folder.path().join("sqlite/queue.sqlite3"), &mut child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let said = text(&output);
    for expected in [format!("sqlite: lost: {deleted}: "), format!("sqlite: contradicted: {changed}: ")] {
        assert!(said.contains(&expected), "no {expected:?} in\n{said}");
    }
    let sqlite = figures(&output)["modes"]["sqlite"].clone();
    assert_eq!((&sqlite["lost"], &sqlite["ends_undone"]), (&1.into(), &1.into()), "{said}");
}

/// Deletes one finished task from the file and changes the result of another, while all processes are at work.
fn tamper(file: &Path, child: &mut Child) -> (String, String) {
    loop {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before there were finished tasks");
        sleep(Duration::from_millis(100));
        let Ok(connection) = Connection::open(file) else { continue };
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        // Done is phase 3. The order is that of the ids, so that neither has just been settled.
        let pick = "SELECT id FROM cofferdam_queue_tasks WHERE phase = 3 AND finished_at < \
                    (SELECT max(finished_at) FROM cofferdam_queue_tasks) - 500 LIMIT 1 OFFSET ?1";
        let picked = |offset: i64| connection.query_row(pick, [offset], |row| row.get(0)).optional();
        let (Ok(Some(deleted)), Ok(Some(changed))) = (picked(0), picked(1)) else { continue };
        let (deleted, changed): (String, String) = (deleted, changed);
        connection.execute("DELETE FROM cofferdam_queue_tasks WHERE id = ?1", [&deleted]).unwrap();
        let change = "UPDATE cofferdam_queue_tasks SET body = CAST('another' AS BLOB) WHERE id = ?1";
        assert_eq!(connection.execute(change, [&changed]).unwrap(), 1);
        return (deleted, changed);
    }
}
