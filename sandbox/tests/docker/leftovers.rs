//! What is left when the host process is killed, and who removes it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use cofferdam_sandbox::{Input, Program, Sandbox, Session};

use super::support::{builder, containers_of, docker, image, limits, nothing_is_left, ours, sandbox};

/// Says to the test below that this process is the one to be killed.
const VICTIM: &str = "COFFERDAM_TEST_VICTIM";

#[tokio::test]
#[ignore = "it is a part of the next test, which runs it in a process of its own and kills that"]
async fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let sandbox = builder().warm(1).build().await.unwrap();
    sandbox.warmed().await;
    let mut session = sandbox.open(&Program::unchecked("while True: pass"), &limits()).await.unwrap();
    sandbox.warmed().await;
    println!("ready");
    session.call(&Input::new()).await.result.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_left_is_gone_after_the_next_start() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["leftovers::victim", "--exact", "--ignored", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("ready")), "the victim failed");
    let pid = victim.id();
    assert_eq!(containers_of(pid).len(), 2);

    // While it lives, nobody touches what is its own.
    let other = sandbox().await;
    assert_eq!(containers_of(pid).len(), 2);
    other.close().await;

    tokio::time::sleep(Duration::from_millis(300)).await;
    victim.kill().unwrap();
    victim.wait().unwrap();
    // The program still spins; the container that only waited has seen its input end.
    assert!(!containers_of(pid).is_empty());
    let next = sandbox().await;
    assert_eq!(containers_of(pid), Vec::<String>::new());
    next.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn a_container_whose_deadline_is_over_goes_and_a_strangers_stays() {
    let image = image();
    let create = |labels: &[&str]| {
        let labels: Vec<_> = labels.iter().flat_map(|label| ["--label", label]).collect();
        docker(&[&["create", "--network", "none"], &labels[..], &[&image]].concat())
    };
    let over = create(&["cofferdam.owner=elsewhere/1/1/1", "cofferdam.deadline=1000"]);
    let elsewhere = create(&["cofferdam.owner=elsewhere/1/1/1", "cofferdam.deadline=99999999999"]);
    let stranger = create(&["cofferdam.deadline=1000"]);
    sandbox().await.close().await;
    let left = docker(&["ps", "--all", "--no-trunc", "--format", "{{.ID}}"]);
    let kept = |id: &str| left.lines().any(|line| line == id);
    let found = (kept(&over), kept(&elsewhere), kept(&stranger));
    docker(&["rm", &elsewhere, &stranger]);
    assert_eq!(found, (false, true, true));
    assert_eq!(ours(), Vec::<String>::new());
}
