//! Real processes on one store. A test starts its own binary again and has it run one of the ignored tests, which are
//! the programs of those children.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cofferdam_queue::{Queue, Sqlite, TaskId};

pub(crate) const PLACE: &str = "COFFERDAM_QUEUE_TEST_PLACE";
pub(crate) const NAME: &str = "COFFERDAM_QUEUE_TEST_NAME";
pub(crate) const LEASE: Duration = Duration::from_secs(60);

pub(crate) fn id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

/// Starts a program on the store of this place, the file of a queue unless the two agree on something else.
pub(crate) fn start(program: &str, place: impl AsRef<OsStr>, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", program, "--ignored", "--nocapture"])
        .env(PLACE, place.as_ref())
        .env(NAME, name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The queue that a child works on, and its name; only there when a test started it.
pub(crate) async fn child_queue() -> Option<(Queue, String)> {
    let path = PathBuf::from(std::env::var_os(PLACE)?);
    let queue = Queue::new(Sqlite::open(path).await.unwrap(), "q").unwrap();
    Some((queue, std::env::var(NAME).unwrap()))
}

/// Tells the parent of an answer that the broker gave. One write, so that no line is cut by the kill.
pub(crate) fn report(what: &str, task: &str) {
    std::io::stdout().write_all(format!("@{what} {task}\n").as_bytes()).unwrap();
}

/// The reports of a child, until it ends.
pub(crate) fn reports(child: &mut Child) -> impl Iterator<Item = (String, String)> + use<> {
    let output = BufReader::new(child.stdout.take().unwrap());
    output.lines().map_while(Result::ok).filter_map(|line| {
        let (what, task) = line.split_once('@')?.1.split_once(' ')?;
        Some((what.to_owned(), task.to_owned()))
    })
}
