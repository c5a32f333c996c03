//! Sessions: their containers, however they end.

use std::time::{Duration, Instant};

use cofferdam_sandbox::{AnySandbox, Error, Input, Program, Sandbox, Session};

use super::support::{builder, limits, nothing_is_left, ours, sandbox, until};

#[tokio::test]
async fn a_session_ends_with_its_lifetime() {
    let sandbox = builder().lifetime(Duration::from_secs(4)).build().await.unwrap();
    let limits = limits().wall(Duration::from_secs(1));
    let mut session = sandbox.open(&Program::unchecked("result = 1"), &limits).await.unwrap();
    assert_eq!(session.call(&Input::new()).await.result.unwrap(), 1);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(matches!(session.call(&Input::new()).await.result, Err(Error::SessionEnded)));
    session.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn opening_may_be_given_up_at_any_moment() {
    let sandbox = builder().build().await.unwrap();
    // Through all the steps of a start, which takes about a second.
    for milliseconds in [0, 1, 3, 10, 20, 40, 80, 160, 320, 640, 900] {
        let limits = limits();
        let program = Program::unchecked("result = 1");
        let open = sandbox.open(&program, &limits);
        let _ = tokio::time::timeout(Duration::from_millis(milliseconds), open).await;
    }
    until("containers of given-up openings", || ours().is_empty()).await;
    sandbox.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn dropping_sessions_and_the_sandbox_leaves_nothing() {
    let sandbox = builder().warm(1).build().await.unwrap();
    let idle = sandbox.open(&Program::unchecked("result = 1"), &limits()).await.unwrap();
    sandbox.warmed().await;
    assert_eq!(ours().len(), 2);
    drop(sandbox);
    drop(idle);
    until("containers of a dropped sandbox", || ours().is_empty()).await;
}

#[test]
fn a_runtime_that_is_shut_down_in_the_middle_leaves_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sandbox = runtime.block_on(builder().build()).unwrap();
    let running = sandbox.clone();
    runtime.spawn(async move {
        running.run(&Program::unchecked("while True: pass"), &Input::new(), &limits()).await.unwrap()
    });
    let wait = |empty: bool| {
        let begin = Instant::now();
        while ours().is_empty() != empty {
            assert!(begin.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait(false);
    runtime.shutdown_background();
    wait(true);
    drop(sandbox);
}

#[tokio::test]
async fn the_erased_sandbox_has_the_same_profile() {
    let sandbox = sandbox().await;
    let any = AnySandbox::new(sandbox.clone());
    assert_eq!(any.profile(), sandbox.profile());
    let profile = any.profile();
    assert!(
        profile.enforced.pids && profile.enforced.memory && !profile.enforced.fuel && !profile.deterministic
    );
    drop(any);
    sandbox.close().await;
    nothing_is_left();
}
