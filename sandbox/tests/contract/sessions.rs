//! Sessions: many calls, isolation, cancellation, concurrency.

use std::time::{Duration, Instant};

use cofferdam_sandbox::{Error, Input, Program, Sandbox, Session};
use serde_json::json;

use crate::backend::{Backend, Wish};
use crate::{contract, limits, run};

contract!(
    every_call_has_a_fresh_namespace,
    an_exception_leaves_the_session_usable_and_a_timeout_ends_it,
    nothing_survives_into_another_session,
    a_dropped_call_or_run_stops_the_program_and_frees_its_slot,
    more_jobs_than_slots_wait_and_all_end,
);

async fn every_call_has_a_fresh_namespace(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let program = Program::unchecked("seen = globals().get('seen', 0) + 1\nresult = [seen, params['i']]");
    let mut session = sandbox.open(&program, &limits()).await.unwrap();
    for i in 0..20 {
        let outcome = session.call(&Input::new().param("i", i)).await;
        assert_eq!(outcome.result.unwrap(), json!([1, i]));
    }
    session.close().await;
}

async fn an_exception_leaves_the_session_usable_and_a_timeout_ends_it(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let program = Program::unchecked("while params['spin']: pass\nresult = 1 / params['x']");
    let mut session = sandbox.open(&program, &limits().wall(Duration::from_secs(1))).await.unwrap();
    let call = |spin: bool, x: i32| Input::new().param("spin", spin).param("x", x);
    assert!(matches!(session.call(&call(false, 0)).await.result, Err(Error::Exception { .. })));
    assert_eq!(session.call(&call(false, 2)).await.result.unwrap(), 0.5);
    assert!(matches!(session.call(&call(true, 2)).await.result, Err(Error::Timeout { .. })));
    assert!(matches!(session.call(&call(false, 2)).await.result, Err(Error::SessionEnded)));
    session.close().await;
}

async fn nothing_survives_into_another_session(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let spoil = "import math\nmath.sqrt = lambda x: 0\nmath.secret = 1\nresult = math.sqrt(4)";
    assert_eq!(run(&sandbox, spoil, &limits()).await.result.unwrap(), 0);
    let look = "import math\nresult = [math.sqrt(4), hasattr(math, 'secret')]";
    assert_eq!(run(&sandbox, look, &limits()).await.result.unwrap(), json!([2.0, false]));
}

async fn a_dropped_call_or_run_stops_the_program_and_frees_its_slot(backend: Backend) {
    let sandbox = backend.wished(Wish { slots: 1, ..Wish::default() }).await;
    let endless = Program::unchecked("while True: pass");
    let (input, limits) = (Input::new(), limits());
    let mut session = sandbox.open(&endless, &limits).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(300), session.call(&input)).await.is_err());
    assert!(matches!(session.call(&input).await.result, Err(Error::SessionEnded | Error::Cancelled)));
    drop(session);
    let run_endless = sandbox.run(&endless, &input, &limits);
    assert!(tokio::time::timeout(Duration::from_secs(3), run_endless).await.is_err());
    // The one slot is free again, long before the program's own limit.
    let begin = Instant::now();
    assert_eq!(run(&sandbox, "result = 1", &limits).await.result.unwrap(), 1);
    assert!(begin.elapsed() < limits.wall / 2);
}

async fn more_jobs_than_slots_wait_and_all_end(backend: Backend) {
    let sandbox = backend.wished(Wish { slots: 3, ..Wish::default() }).await;
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
}
