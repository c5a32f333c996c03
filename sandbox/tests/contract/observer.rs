//! What an observer is told: every start, every call as its caller saw it, and every program that was not taken.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cofferdam_sandbox::{
    AnySandbox, Error, Fault, Finished, Input, Observer, OutputPolicy, Policy, Program, Reason, Refused,
    Sandbox, Session, Started,
};

use crate::backend::{Backend, Wish};
use crate::{contract, limits, run};

contract!(
    every_start_and_call_is_told_once,
    what_the_output_policy_refuses_or_cuts_is_told_so,
    every_program_that_is_not_taken_is_told_as_refused_and_never_as_a_call,
    a_call_that_nobody_waits_for_is_told_as_cancelled,
    a_call_after_the_last_is_none,
);

type Failure = (Reason, Fault);

/// Notes what it is told.
#[derive(Default)]
struct Notes {
    started: Mutex<u32>,
    finished: Mutex<Vec<Finished>>,
    refused: Mutex<Vec<Failure>>,
    busiest: Mutex<u64>,
}

impl Notes {
    /// Why the calls failed, in order, and whether their output was cut.
    fn calls(&self) -> Vec<(Option<Failure>, bool)> {
        self.finished.lock().unwrap().iter().map(|event| (event.failure, event.truncated)).collect()
    }

    fn refusals(&self) -> Vec<Failure> {
        self.refused.lock().unwrap().clone()
    }
}

impl Observer for Notes {
    fn started(&self, event: &Started) {
        assert!(["wasm", "docker"].contains(&event.backend));
        *self.started.lock().unwrap() += 1;
    }

    fn refused(&self, event: &Refused) {
        assert!(["wasm", "docker"].contains(&event.backend));
        self.refused.lock().unwrap().push((event.reason, event.fault));
    }

    fn finished(&self, event: &Finished) {
        assert!(["wasm", "docker"].contains(&event.backend));
        self.finished.lock().unwrap().push(event.clone());
    }

    fn slots(&self, _: &'static str, busy: u64, idle: u64) {
        assert_eq!(busy + idle, 4);
        let mut busiest = self.busiest.lock().unwrap();
        *busiest = (*busiest).max(busy);
    }

    fn teardown_failed(&self, backend: &'static str) {
        panic!("{backend} left something behind");
    }
}

async fn observed(backend: Backend, wish: Wish) -> (AnySandbox, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let sandbox = backend.wished(Wish { observer: notes.clone(), ..wish }).await;
    (sandbox, notes)
}

async fn every_start_and_call_is_told_once(backend: Backend) {
    let (sandbox, notes) = observed(backend, Wish::default()).await;
    // Compiling CPython counts as a start of its own, if the cache was empty.
    let before = *notes.started.lock().unwrap();
    let outcome = run(&sandbox, "result = 1", &limits()).await;
    assert!(outcome.result.is_ok());
    assert!(run(&sandbox, "result = 1 / 0", &limits()).await.result.is_err());
    let mut session = sandbox.open(&Program::unchecked("result = 1"), &limits()).await.unwrap();
    assert!(session.call(&Input::new()).await.result.is_ok());
    session.close().await;
    assert_eq!(*notes.started.lock().unwrap() - before, 3);
    let raised = Some((Reason::Exception, Fault::User));
    assert_eq!(notes.calls(), [(None, false), (raised, false), (None, false)]);
    assert_eq!(notes.refusals(), []);
    assert!(*notes.busiest.lock().unwrap() >= 1);
    let first = &notes.finished.lock().unwrap()[0];
    assert_eq!((first.duration, first.cpu), (outcome.usage.wall, outcome.usage.cpu));
    assert_eq!(first.peak_memory, outcome.usage.peak_memory);
    assert!(first.peak_memory > 0);
}

async fn what_the_output_policy_refuses_or_cuts_is_told_so(backend: Backend) {
    let output_policy = OutputPolicy::default().max_result_bytes(100).max_depth(3).max_text_bytes(100);
    let (sandbox, notes) = observed(backend, Wish { output_policy, ..Wish::default() }).await;
    for source in
        ["result = 'x' * 200", "result = [[[[1]]]]", "print('x' * 200)\nresult = 1", "print('x')\nresult = 1"]
    {
        run(&sandbox, source, &limits()).await;
    }
    let refused = Some((Reason::Output, Fault::User));
    assert_eq!(notes.calls(), [(refused, false), (refused, false), (None, true), (None, false)]);
}

async fn every_program_that_is_not_taken_is_told_as_refused_and_never_as_a_call(backend: Backend) {
    let (sandbox, notes) = observed(backend, Wish { allow_unchecked: false, ..Wish::default() }).await;
    let input = Input::new();
    let checked = Policy::default().check("result = 1").unwrap();
    let missing = Policy::default().allow_module("talib").check("import talib\nresult = 1").unwrap();
    for (program, limits, expected) in [
        (&Program::unchecked("result = 1"), limits(), (Reason::Rejected, Fault::Platform)),
        (&missing, limits(), (Reason::Rejected, Fault::User)),
        (&checked, limits().cpu(0.0), (Reason::Backend, Fault::Platform)),
        (&checked, limits().memory(1 << 20), (Reason::Backend, Fault::Platform)),
        (&checked, limits().fuel(1), (Reason::Backend, Fault::Platform)),
    ] {
        sandbox.run(program, &input, &limits).await.unwrap_err();
        assert_eq!(notes.refusals(), [expected]);
        assert!(sandbox.open(program, &limits).await.is_err());
        assert_eq!(notes.refusals(), [expected; 2]);
        notes.refused.lock().unwrap().clear();
    }
    assert_eq!(notes.calls(), []);

    // What only the interpreter itself refuses.
    let (sandbox, notes) = observed(backend, Wish::default()).await;
    let broken = Program::unchecked("x = = 2");
    sandbox.run(&broken, &input, &limits()).await.unwrap_err();
    assert!(sandbox.open(&broken, &limits()).await.is_err());
    assert_eq!(notes.refusals(), [(Reason::Rejected, Fault::User); 2]);
    assert_eq!(notes.calls(), []);
}

async fn a_call_that_nobody_waits_for_is_told_as_cancelled(backend: Backend) {
    let (sandbox, notes) = observed(backend, Wish::default()).await;
    let endless = Program::unchecked("while True: pass");
    let mut session = sandbox.open(&endless, &limits()).await.unwrap();
    let patience = Duration::from_millis(300);
    assert!(tokio::time::timeout(patience, session.call(&Input::new())).await.is_err());
    let cancelled = Some((Reason::Cancelled, Fault::Platform));
    assert_eq!(notes.calls(), [(cancelled, false)]);
    assert!(notes.finished.lock().unwrap()[0].duration >= patience);
    session.close().await;
    assert_eq!(notes.calls().len(), 1);
}

async fn a_call_after_the_last_is_none(backend: Backend) {
    let (sandbox, notes) = observed(backend, Wish::default()).await;
    let endless = Program::unchecked("while True: pass");
    let mut session = sandbox.open(&endless, &limits().wall(Duration::from_secs(1))).await.unwrap();
    assert!(matches!(session.call(&Input::new()).await.result, Err(Error::Timeout { .. })));
    assert!(matches!(session.call(&Input::new()).await.result, Err(Error::SessionEnded)));
    assert_eq!(notes.calls(), [(Some((Reason::Timeout, Fault::User)), false)]);
    session.close().await;
}
