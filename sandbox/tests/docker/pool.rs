//! Containers that wait for a program, and what the wait is worth.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cofferdam_sandbox::{Error, Input, Observer, Program, Sandbox, Started};

use super::support::{builder, docker, limits, nothing_is_left, ours, until};

/// Notes whether containers were started for their session.
#[derive(Default)]
struct Starts(Mutex<Vec<bool>>, Mutex<(u64, u64)>);

impl Observer for Starts {
    fn started(&self, event: &Started) {
        self.0.lock().unwrap().push(event.cold);
    }
    fn slots(&self, _: &'static str, busy: u64, idle: u64) {
        *self.1.lock().unwrap() = (busy, idle);
    }
    fn teardown_failed(&self, _: &'static str) {
        panic!("a container was not removed");
    }
}

#[tokio::test]
async fn a_container_that_waits_is_handed_out_ten_times_sooner() {
    let starts = Arc::new(Starts::default());
    let pooled = limits();
    let sandbox =
        builder().warm(1).warm_limits(pooled.clone()).observer(starts.clone()).build().await.unwrap();
    let cold_sandbox = builder().build().await.unwrap();
    let program = Program::unchecked("result = 1");
    let time = async |sandbox: &cofferdam_sandbox::DockerSandbox| {
        let begin = Instant::now();
        let mut session = sandbox.open(&program, &pooled).await.unwrap();
        let outcome = cofferdam_sandbox::Session::call(&mut session, &Input::new()).await;
        assert_eq!(outcome.result.unwrap(), 1);
        let taken = begin.elapsed();
        cofferdam_sandbox::Session::close(session).await;
        taken
    };
    let (mut warm, mut cold) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        sandbox.warmed().await;
        warm.push(time(&sandbox).await);
        sandbox.warmed().await;
        cold.push(time(&cold_sandbox).await);
    }
    warm.sort();
    cold.sort();
    println!("warm {:?}, cold {:?}", warm, cold);
    assert!(warm[2] * 10 < cold[2], "warm {warm:?}, cold {cold:?}");
    assert_eq!(*starts.0.lock().unwrap(), [false; 5]);
    until("slots to be idle", || *starts.1.lock().unwrap() == (0, 4)).await;
    sandbox.close().await;
    cold_sandbox.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn a_container_from_the_pool_obeys_the_limits_of_its_session() {
    let sandbox = builder().warm(1).build().await.unwrap();
    let program = Program::unchecked(
        "import statistics\nm = statistics.__dict__['sys'].modules['mmap'].mmap(-1, 1 << 30)\nfor _ in range(200): m.write(b'x' * (1 << 20))\nresult = 1",
    );
    for (memory, fits) in [(100_u64 << 20, false), (400 << 20, true)] {
        sandbox.warmed().await;
        let outcome = sandbox.run(&program, &Input::new(), &limits().memory(memory)).await.unwrap();
        match outcome.result {
            Ok(value) => assert!(fits && value == 1),
            Err(Error::Memory { limit }) => assert!(!fits && limit == memory),
            Err(other) => panic!("{other}"),
        }
    }
    sandbox.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn a_container_that_died_in_the_pool_is_nobodys_trouble() {
    let starts = Arc::new(Starts::default());
    let sandbox = builder().warm(2).observer(starts.clone()).build().await.unwrap();
    sandbox.warmed().await;
    for container in ours() {
        docker(&["kill", &container]);
    }
    let outcome = sandbox.run(&Program::unchecked("result = 1"), &Input::new(), &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 1);
    // The pool recovers.
    tokio::time::timeout(Duration::from_secs(60), sandbox.warmed()).await.unwrap();
    sandbox.close().await;
    nothing_is_left();
}
