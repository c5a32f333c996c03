//! Processes that end with the one who started them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cofferdam_chaos::process::{Process, Spawner};
use rustix::process::Signal;

fn spawner() -> Spawner {
    Spawner::start(env!("CARGO_BIN_EXE_cofferdam-chaos").into()).unwrap()
}

fn sleeper(spawner: &Spawner, folder: &Path) -> Process {
    spawner.spawn_other("sleeper", Path::new("sleep"), &["600".to_owned()], &folder.join("log")).unwrap()
}

#[test]
fn what_was_started_ends_with_the_spawner_also_while_it_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = spawner();
    let mut processes = [sleeper(&spawner, folder.path()), sleeper(&spawner, folder.path())];
    // Long enough to have become `sleep`, so that it is the leash that lasts.
    sleep(Duration::from_millis(500));
    processes[1].signal(Signal::STOP).unwrap();
    assert!(processes.iter_mut().all(|process| process.ended().unwrap().is_none()));
    let second = spawner.clone();
    drop(spawner);
    sleep(Duration::from_millis(200));
    assert!(processes[0].ended().unwrap().is_none(), "one clone is still there");
    drop(second);
    for process in &mut processes {
        assert!(process.wait(Duration::from_secs(10)).unwrap().is_some());
    }
}

#[test]
fn a_kill_reaches_a_process_that_stands_still_and_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = spawner();
    let mut process = sleeper(&spawner, folder.path());
    process.signal(Signal::STOP).unwrap();
    let began = Instant::now();
    process.kill().unwrap();
    assert!(process.ended().unwrap().is_some() && began.elapsed() < Duration::from_secs(10));
    process.signal(Signal::CONT).unwrap();
}

#[test]
fn a_program_that_is_not_there_is_named_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let missing = Path::new("/no/such/program");
    let spawner = spawner();
    let mut process = spawner.spawn_other("missing", missing, &[], &log).unwrap();
    assert!(!process.wait(Duration::from_secs(10)).unwrap().unwrap().success());
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.contains("could not start /no/such/program"), "{text}");
}
