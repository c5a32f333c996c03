//! Sessions: many calls, isolation, cancellation, slots.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use cofferdam_sandbox::{AnySandbox, Error, Input, Program, Sandbox, Session};

use super::support::{builder, limits, nothing_is_left, ours, sandbox, until};

#[tokio::test]
async fn every_call_has_a_fresh_namespace() {
    let sandbox = sandbox().await;
    let program = Program::unchecked("seen = globals().get('seen', 0) + 1\nresult = [seen, params['i']]");
    let mut session = sandbox.open(&program, &limits()).await.unwrap();
    for i in 0..50 {
        let outcome = session.call(&Input::new().param("i", i)).await;
        assert_eq!(outcome.result.unwrap(), serde_json::json!([1, i]));
    }
    session.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn an_entry_function_is_called_with_data_and_params() {
    let program =
        Program::unchecked("def signal(data, params):\n    return [x * params['k'] for x in data['close']]");
    let input = Input::new().param("k", 2).series("close", vec![1.0, 2.0]);
    let sandbox = sandbox().await;
    let outcome = sandbox.run(&program.clone().with_entry("signal"), &input, &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap(), serde_json::json!([2.0, 4.0]));
    let outcome = sandbox.run(&program.with_entry("missing"), &input, &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap_err().to_string(), "the program defines no function `missing`");
    sandbox.close().await;
}

#[tokio::test]
async fn an_exception_leaves_the_session_usable_and_a_timeout_ends_it() {
    let sandbox = sandbox().await;
    let program = Program::unchecked("while params['spin']: pass\nresult = 1 / params['x']");
    let mut session = sandbox.open(&program, &limits().wall(Duration::from_secs(2))).await.unwrap();
    let call = |spin: bool, x: i32| Input::new().param("spin", spin).param("x", x);
    assert!(matches!(session.call(&call(false, 0)).await.result, Err(Error::Exception { .. })));
    assert_eq!(session.call(&call(false, 2)).await.result.unwrap(), 0.5);
    assert!(matches!(session.call(&call(true, 2)).await.result, Err(Error::Timeout { .. })));
    assert!(matches!(session.call(&call(false, 2)).await.result, Err(Error::SessionEnded)));
    session.close().await;
    nothing_is_left();
}

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
async fn dropping_a_call_stops_the_program_and_frees_its_slot() {
    let sandbox = builder().slots(NonZeroUsize::MIN).build().await.unwrap();
    let mut session = sandbox.open(&Program::unchecked("while True: pass"), &limits()).await.unwrap();
    let input = Input::new();
    assert!(tokio::time::timeout(Duration::from_millis(300), session.call(&input)).await.is_err());
    assert!(matches!(session.call(&input).await.result, Err(Error::SessionEnded)));
    // The one slot is free again, long before the program's own limit.
    let begin = Instant::now();
    let next = sandbox.run(&Program::unchecked("result = 1"), &input, &limits()).await.unwrap();
    assert_eq!(next.result.unwrap(), 1);
    assert!(begin.elapsed() < limits().wall / 2);
    drop(session);
    sandbox.close().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_jobs_than_slots_wait_and_all_end() {
    let sandbox = builder().slots(NonZeroUsize::new(3).unwrap()).warm(2).build().await.unwrap();
    let jobs: Vec<_> = (0..12_u64)
        .map(|i| {
            let sandbox = sandbox.clone();
            tokio::spawn(async move {
                let program = Program::unchecked("result = params['i'] ** 2");
                sandbox.run(&program, &Input::new().param("i", i), &limits()).await.unwrap().result.unwrap()
            })
        })
        .collect();
    for (i, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await.unwrap(), (i * i) as u64);
    }
    sandbox.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn the_erased_sandbox_is_the_same_sandbox() {
    let sandbox = sandbox().await;
    let any = AnySandbox::new(sandbox.clone());
    assert_eq!(any.profile(), sandbox.profile());
    let profile = any.profile();
    assert!(
        profile.enforced.pids && profile.enforced.memory && !profile.enforced.fuel && !profile.deterministic
    );
    let outcome =
        any.run(&Program::unchecked("print('\\x1b')\nresult = 1"), &Input::new(), &limits()).await.unwrap();
    assert_eq!((outcome.stdout.as_str(), outcome.result.unwrap()), ("\\u{1b}\n", 1.into()));
    drop(any);
    sandbox.close().await;
    nothing_is_left();
}
