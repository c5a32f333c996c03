//! Sessions: interpreters that were made in advance, and the threads that they live on.

use std::time::Duration;

use cofferdam_sandbox::{Error, Input, Program, Sandbox, WasmSandbox};

use super::{SANDBOX, limits};

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
