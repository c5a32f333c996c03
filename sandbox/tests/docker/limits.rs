//! Limits, by programs that break them as only native code can.

use std::time::Duration;

use cofferdam_sandbox::{Error, Input, Program, Sandbox};

use super::support::{limits, nothing_is_left, reaching, run_with, sandbox};

#[tokio::test]
async fn the_memory_of_arrays_is_bounded_and_python_can_handle_it() {
    let small = limits().memory(96 << 20);
    let outcome = run_with("import numpy as np\nx = np.ones(1 << 26)", &Input::new(), &small).await;
    assert!(matches!(outcome.result, Err(Error::Memory { limit }) if limit == 96 << 20), "{outcome:?}");
    assert!(outcome.usage.peak_memory <= 96 << 20);
    let caught =
        "import numpy as np\ntry:\n    x = np.ones(1 << 26)\nexcept MemoryError:\n    result = 'handled'";
    assert_eq!(run_with(caught, &Input::new(), &small).await.result.unwrap(), "handled");
}

#[tokio::test]
async fn memory_that_python_does_not_count_is_bounded_by_the_kernel() {
    // A shared mapping is no data of the process, so no exception stands before the kernel's end of it.
    let source = "m = reach('mmap').mmap(-1, 1 << 30)\nfor _ in range(1 << 10): m.write(b'x' * (1 << 20))";
    let outcome = run_with(&reaching(source), &Input::new(), &limits()).await;
    assert!(matches!(outcome.result, Err(Error::Memory { .. })), "{:?}", outcome.result);
    assert_eq!(outcome.usage.peak_memory, limits().memory);
}

#[tokio::test]
async fn input_that_does_not_fit_is_an_error_of_memory() {
    let small = limits().memory(96 << 20);
    let sandbox = sandbox().await;
    for megabytes in [50, 200] {
        let input = Input::new().series("close", vec![0.0; megabytes << 17]);
        let program = Program::unchecked("result = len(data['close'])");
        let outcome = sandbox.run(&program, &input, &small).await.unwrap();
        assert!(matches!(outcome.result, Err(Error::Memory { .. })), "{megabytes}: {:?}", outcome.result);
    }
    sandbox.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn the_processor_share_is_kept() {
    let limits = limits().cpu(0.25).wall(Duration::from_secs(20));
    let source = "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass\nresult = 1";
    let source =
        source.replace("import time", "import statistics\ntime = statistics.__dict__['sys'].modules['time']");
    let usage = run_with(&source, &Input::new(), &limits).await.usage;
    let share = usage.cpu.unwrap().as_secs_f64() / usage.wall.as_secs_f64();
    assert!(share < 0.35, "{share}");
}

#[tokio::test]
async fn a_limit_that_no_container_can_have_is_an_error_before_anything_starts() {
    let sandbox = sandbox().await;
    let program = Program::unchecked("result = 1");
    for (limits, name) in
        [(limits().cpu(0.001), "cpu"), (limits().pids(1), "pids"), (limits().wall(Duration::MAX), "wall")]
    {
        match sandbox.run(&program, &Input::new(), &limits).await.unwrap_err() {
            Error::InvalidLimit { limit, .. } => assert_eq!(limit, name),
            other => panic!("{name}: {other}"),
        }
    }
    // More processors than there are is no error, and no more than there are.
    let outcome = sandbox.run(&program, &Input::new(), &limits().cpu(1000.0)).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 1);
    sandbox.close().await;
}

#[tokio::test]
async fn recursion_beyond_any_limit_is_the_programs_fault() {
    let sandbox = sandbox().await;
    let smash = "sys.setrecursionlimit(10**9)\ndef f(n): return repr([f(n + 1)])\nf(0)";
    let error = sandbox
        .run(&Program::unchecked(reaching(smash)), &Input::new(), &limits())
        .await
        .unwrap()
        .result
        .unwrap_err();
    assert!(error.is_user_fault(), "{error}");
    sandbox.close().await;
}
