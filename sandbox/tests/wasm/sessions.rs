//! Sessions: many calls, isolation, cancellation, slots.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use cofferdam_sandbox::{AnySandbox, Error, Input, Program, Sandbox, Session, WasmSandbox};

use super::{SANDBOX, limits, run};

#[tokio::test]
async fn every_call_has_a_fresh_namespace() {
    let program = Program::unchecked("seen = globals().get('seen', 0) + 1\nresult = [seen, params['i']]");
    let mut session = SANDBOX.open(&program, &limits()).await.unwrap();
    for i in 0..20 {
        let outcome = session.call(&Input::new().param("i", i)).await;
        assert_eq!(outcome.result.unwrap(), serde_json::json!([1, i]));
    }
    session.close().await;
}

#[tokio::test]
async fn an_exception_leaves_the_session_usable_and_a_timeout_ends_it() {
    let program = Program::unchecked("while params['spin']: pass\nresult = 1 / params['x']");
    let mut session = SANDBOX.open(&program, &limits().wall(Duration::from_millis(400))).await.unwrap();
    let call = |spin: bool, x: i32| Input::new().param("spin", spin).param("x", x);
    assert!(matches!(session.call(&call(false, 0)).await.result, Err(Error::Exception { .. })));
    assert_eq!(session.call(&call(false, 2)).await.result.unwrap(), 0.5);
    assert!(matches!(session.call(&call(true, 2)).await.result, Err(Error::Timeout { .. })));
    assert!(matches!(session.call(&call(false, 2)).await.result, Err(Error::SessionEnded)));
}

#[tokio::test]
async fn nothing_survives_into_another_session() {
    assert_eq!(
        run("import math\nmath.sqrt = lambda x: 0\nmath.secret = 1\nresult = math.sqrt(4)")
            .await
            .result
            .unwrap(),
        0
    );
    assert_eq!(
        run("import math\nresult = [math.sqrt(4), hasattr(math, 'secret')]").await.result.unwrap(),
        serde_json::json!([2.0, false])
    );
}

#[tokio::test]
async fn a_spare_interpreter_is_the_same_as_one_made_on_demand() {
    let make =
        |spares| WasmSandbox::builder().allow_unchecked(true).fuel(true).spares(spares).build().unwrap();
    // Addresses tell whether anything was ever allocated otherwise.
    let program =
        Program::unchecked("result = [id(object()), id([]), id({}), id(params), id(data), hash('a')]");
    let expected = make(0).run(&program, &Input::new(), &limits()).await.unwrap();
    let (value, fuel) = (expected.result.unwrap(), expected.usage.fuel);
    assert!(fuel.is_some());
    let sandbox = make(1);
    for _ in 0..10 {
        // Long enough for a spare to be ready, so that both roads are taken whatever the machine does.
        tokio::time::sleep(Duration::from_millis(20)).await;
        for _ in 0..2 {
            let outcome = sandbox.run(&program, &Input::new(), &limits()).await.unwrap();
            assert_eq!(outcome.result.unwrap(), value);
            assert_eq!(outcome.usage.fuel, fuel);
            assert_eq!(outcome.usage.peak_memory, expected.usage.peak_memory);
        }
    }
}

#[tokio::test]
async fn a_spare_obeys_the_limits_of_the_session_that_takes_it() {
    let sandbox = WasmSandbox::builder().allow_unchecked(true).spares(1).build().unwrap();
    let program = Program::unchecked("x = bytearray(100 << 20)\nresult = len(x)");
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let small = limits().memory(64 << 20);
        let outcome = sandbox.run(&program, &Input::new(), &small).await.unwrap();
        assert!(matches!(outcome.result, Err(Error::Memory { limit }) if limit == 64 << 20));
        let large = limits().memory(256 << 20);
        let outcome = sandbox.run(&program, &Input::new(), &large).await.unwrap();
        assert_eq!(outcome.result.unwrap(), 100 << 20);
    }
}

#[tokio::test]
async fn dropping_a_call_stops_the_program_and_frees_its_slot() {
    let sandbox =
        WasmSandbox::builder().allow_unchecked(true).fuel(true).slots(NonZeroUsize::MIN).build().unwrap();
    let endless = Program::unchecked("while True: pass");
    let (input, limits) = (Input::new(), limits());
    let call = sandbox.run(&endless, &input, &limits);
    assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err());
    // The one slot is free again, long before the program's own limit.
    let begin = Instant::now();
    let next = sandbox.run(&Program::unchecked("result = 1"), &input, &limits).await.unwrap();
    assert_eq!(next.result.unwrap(), 1);
    assert!(begin.elapsed() < limits.wall / 2);
}

#[tokio::test(flavor = "current_thread")]
async fn a_running_program_does_not_hold_up_the_runtime() {
    let limits = limits().wall(Duration::from_secs(2));
    let spinning = tokio::spawn(async move {
        SANDBOX.run(&Program::unchecked("while True: pass"), &Input::new(), &limits).await.unwrap()
    });
    let mut beats = 0;
    while !spinning.is_finished() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        beats += 1;
    }
    assert!(matches!(spinning.await.unwrap().result, Err(Error::Timeout { .. })));
    assert!(beats > 20, "{beats}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_jobs_than_slots_wait_and_all_end() {
    let sandbox = WasmSandbox::builder()
        .allow_unchecked(true)
        .fuel(true)
        .slots(NonZeroUsize::new(3).unwrap())
        .build()
        .unwrap();
    let jobs: Vec<_> = (0..64_u64)
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
}

#[tokio::test]
async fn the_erased_sandbox_is_the_same_sandbox() {
    let any = AnySandbox::new(SANDBOX.clone());
    assert_eq!(any.profile(), SANDBOX.profile());
    let outcome =
        any.run(&Program::unchecked("print('\\x1b')\nresult = 1"), &Input::new(), &limits()).await.unwrap();
    assert_eq!((outcome.stdout.as_str(), outcome.result.unwrap()), ("\\u{1b}\n", 1.into()));
}
