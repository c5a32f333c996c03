//! An engine that is killed, or ended and started again, in the middle of everything.

use std::time::{Duration, Instant};

use cofferdam_sandbox::{DockerSandbox, Error, Fault, Input, Program, Sandbox, Session};

use super::engine::OwnEngine;
use super::support::{builder, limits, until};

/// Far more than the sandbox needs to notice, far less than the program may run.
const SOON: Duration = Duration::from_secs(20);

/// How an engine goes.
#[derive(Clone, Copy)]
enum End {
    /// By `kill -9`: nothing is told, and its containers run on.
    Killed,
    /// By SIGTERM: it ends its containers first.
    Stopped,
}

impl End {
    fn of(self, engine: &mut OwnEngine) {
        match self {
            Self::Killed => engine.kill(),
            Self::Stopped => engine.stop(),
        }
    }
}

async fn sandbox(engine: &OwnEngine, warm: usize) -> DockerSandbox {
    let sandbox = builder().engine(engine.socket()).warm(warm).build().await.unwrap();
    tokio::time::timeout(Duration::from_secs(120), sandbox.warmed()).await.unwrap();
    sandbox
}

/// That the error is the platform's, and says what to do.
fn blames_the_engine(error: &Error) {
    assert_eq!(error.fault(), Fault::Platform, "{error}");
    let source = std::error::Error::source(error).unwrap().to_string();
    assert!(source.contains("start it if it does not run"), "{error}: {source}");
}

async fn answers(sandbox: &DockerSandbox) {
    let outcome = sandbox.run(&Program::unchecked("result = 6 * 7"), &Input::new(), &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 42);
}

/// A call that runs, a session that waits and a full pool; then the engine goes, and comes back.
async fn survives(end: End) {
    let mut engine = OwnEngine::start();
    let sandbox = sandbox(&engine, 2).await;
    let endless = Program::unchecked("print('here', flush=True)\nwhile True: pass");
    let mut running = sandbox.open(&endless, &limits()).await.unwrap();
    let mut waiting = sandbox.open(&Program::unchecked("result = 1"), &limits()).await.unwrap();
    assert_eq!(waiting.call(&Input::new()).await.result.unwrap(), 1);
    sandbox.warmed().await;
    assert_eq!(engine.containers().len(), 4);
    let call = tokio::spawn(async move {
        let error = running.call(&Input::new()).await.result.unwrap_err();
        let after = running.call(&Input::new()).await.result.unwrap_err();
        running.close().await;
        (error, after)
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!call.is_finished());

    let mut engine = tokio::task::spawn_blocking(move || {
        end.of(&mut engine);
        engine
    })
    .await
    .unwrap();
    // The call that ran.
    let (error, after) = tokio::time::timeout(SOON, call).await.expect("the call hangs").unwrap();
    blames_the_engine(&error);
    assert!(matches!(after, Error::SessionEnded), "{after}");
    // What asks for a session while there is no engine, from the pool's containers or without them.
    for _ in 0..3 {
        let begin = Instant::now();
        let (program, limits) = (Program::unchecked("result = 1"), limits());
        let open = tokio::time::timeout(SOON, sandbox.open(&program, &limits)).await;
        blames_the_engine(&open.expect("opening hangs").err().unwrap());
        assert!(begin.elapsed() < SOON);
    }

    engine.resume();
    // The session that was open while nobody called it: its container is another life's.
    let outcome = tokio::time::timeout(SOON, waiting.call(&Input::new())).await.expect("the call hangs");
    blames_the_engine(&outcome.result.unwrap_err());
    assert!(matches!(waiting.call(&Input::new()).await.result, Err(Error::SessionEnded)));
    waiting.close().await;
    // The same sandbox goes on, and its pool fills up again.
    answers(&sandbox).await;
    tokio::time::timeout(Duration::from_secs(120), sandbox.warmed()).await.expect("the pool stays empty");
    answers(&sandbox).await;
    sandbox.warmed().await;
    // Whatever the first life left was swept away.
    until("all but the pool to be removed", || engine.containers().len() == 2).await;
    sandbox.close().await;
    assert_eq!(engine.containers(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_is_nobodys_fault_and_the_sandbox_finds_it_again() {
    survives(End::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_engine_is_nobodys_fault_and_the_sandbox_finds_it_again() {
    survives(End::Stopped).await;
}

/// The idle session is called while the engine is away, and nobody but the sweep removes what is left.
async fn a_waiting_session_learns_of_it(end: End) {
    let mut engine = OwnEngine::start();
    let sandbox = sandbox(&engine, 0).await;
    let mut waiting = sandbox.open(&Program::unchecked("result = 1"), &limits()).await.unwrap();
    end.of(&mut engine);
    let outcome = tokio::time::timeout(SOON, waiting.call(&Input::new())).await.expect("the call hangs");
    blames_the_engine(&outcome.result.unwrap_err());
    // All attempts to remove it fail.
    tokio::time::timeout(SOON, waiting.close()).await.expect("closing hangs");
    engine.resume();
    until("what was left to be removed", || engine.containers().is_empty()).await;
    answers(&sandbox).await;
    sandbox.close().await;
    assert_eq!(engine.containers(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_waits_learns_that_its_engine_was_killed() {
    a_waiting_session_learns_of_it(End::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_waits_learns_that_its_engine_was_stopped() {
    a_waiting_session_learns_of_it(End::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_can_be_closed_while_its_engine_is_gone_and_the_next_of_its_process_cleans_up() {
    let mut engine = OwnEngine::start();
    let sandbox = sandbox(&engine, 2).await;
    engine.kill();
    tokio::time::timeout(Duration::from_secs(60), sandbox.close()).await.expect("closing hangs");
    engine.resume();
    assert_eq!(engine.containers().len(), 2);
    let next = builder().engine(engine.socket()).build().await.unwrap();
    assert_eq!(engine.containers(), Vec::<String>::new());
    next.close().await;
}
