//! Every limit, by a program that breaks it.

use std::time::{Duration, Instant};

use cofferdam_sandbox::{Error, Input, Program, Sandbox, WasmSandbox};

use super::{SANDBOX, limits, run_with};

#[tokio::test]
async fn an_endless_program_is_stopped_in_python_and_in_c() {
    for source in
        ["while True: pass", "sum(range(10 ** 15))", "import re\nre.match('(a+)+$', 'a' * 40 + 'b')"]
    {
        let limits = limits().wall(Duration::from_millis(300));
        let begin = Instant::now();
        let outcome = run_with(source, &Input::new(), &limits).await;
        assert!(matches!(outcome.result, Err(Error::Timeout { limit }) if limit == limits.wall), "{source}");
        assert!(outcome.usage.wall >= limits.wall, "{source}");
        assert!(begin.elapsed() < Duration::from_secs(20), "{source}");
    }
}

#[tokio::test]
async fn what_was_printed_before_the_timeout_is_kept() {
    let limits = limits().wall(Duration::from_millis(500));
    let outcome = run_with("print('step 1')\nwhile True: pass", &Input::new(), &limits).await;
    assert_eq!(outcome.stdout, "step 1\n");
}

#[tokio::test]
async fn memory_is_bounded_and_python_can_handle_it() {
    let small = limits().memory(64 << 20);
    for source in [
        "x = [0] * (4 << 30)",
        "x = 'a' * (10 ** 11)",
        "x = []\nwhile True: x.append('y' * 100000)",
        "f'{1:>1000000000}'",
    ] {
        let outcome = run_with(source, &Input::new(), &small).await;
        assert!(
            matches!(outcome.result, Err(Error::Memory { limit }) if limit == 64 << 20),
            "{source}: {:?}",
            outcome.result
        );
        assert!(outcome.usage.peak_memory <= 64 << 20, "{source}");
    }
    let caught = "try:\n    x = [0] * (1 << 30)\nexcept MemoryError:\n    result = 'handled'";
    assert_eq!(run_with(caught, &Input::new(), &small).await.result.unwrap(), "handled");
    let used = run_with("x = bytearray(40 << 20)\nresult = len(x)", &Input::new(), &limits()).await;
    assert!(used.usage.peak_memory >= 40 << 20);
}

#[tokio::test]
async fn output_is_bounded_to_the_byte() {
    let limits = limits().output(1000);
    let outcome = run_with("while True: print('x' * 10**6)", &Input::new(), &limits).await;
    assert!(matches!(outcome.result, Err(Error::Output { limit: 1000 })));
    assert_eq!((outcome.stdout.len(), outcome.truncated), (1000, true));

    // 8 bytes printed, and a result of 992 with its quotes: together the limit, and one more is too much.
    let fits = run_with("print('1234567')\nresult = 'r' * 990", &Input::new(), &limits).await;
    assert_eq!(fits.result.unwrap().as_str().unwrap().len(), 990);
    let over = run_with("print('1234567')\nresult = 'r' * 991", &Input::new(), &limits).await;
    assert!(matches!(over.result, Err(Error::Output { limit: 1000 })));
}

#[tokio::test]
async fn fuel_is_a_budget_that_means_the_same_every_time() {
    let source = "s = 0\nfor i in range(200000):\n    s += i\nresult = s";
    let used = run_with(source, &Input::new(), &limits()).await.usage.fuel.unwrap();
    let enough = run_with(source, &Input::new(), &limits().fuel(used)).await;
    assert!(enough.result.is_ok());
    let short = run_with(source, &Input::new(), &limits().fuel(used / 2)).await;
    assert!(matches!(short.result, Err(Error::Fuel { limit }) if limit == used / 2));
}

#[tokio::test]
async fn fuel_needs_a_sandbox_that_counts_it() {
    let sandbox = WasmSandbox::builder().allow_unchecked(true).build().unwrap();
    let error =
        sandbox.run(&Program::unchecked("result = 1"), &Input::new(), &limits().fuel(1)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidLimit { limit: "fuel", .. }), "{error}");
}

#[tokio::test]
async fn the_processor_share_is_kept() {
    let limits = limits().cpu(0.25).wall(Duration::from_secs(2));
    let usage = run_with("while True: pass", &Input::new(), &limits).await.usage;
    let share = usage.cpu.unwrap().as_secs_f64() / usage.wall.as_secs_f64();
    assert!(share < 0.35, "{share}");
}

#[tokio::test]
async fn a_limit_that_makes_no_sense_is_an_error_before_anything_starts() {
    let program = Program::unchecked("result = 1");
    for (limits, name) in [
        (limits().cpu(0.0), "cpu"),
        (limits().cpu(f64::NAN), "cpu"),
        (limits().memory(1 << 40), "memory"),
        (limits().memory(1 << 20), "memory"),
    ] {
        match SANDBOX.run(&program, &Input::new(), &limits).await.unwrap_err() {
            Error::InvalidLimit { limit, .. } => assert_eq!(limit, name),
            other => panic!("{name}: {other}"),
        }
    }
}

#[tokio::test]
async fn deep_recursion_is_an_exception_and_deep_data_at_worst_a_lost_interpreter() {
    match run_with("def f(n): return f(n + 1)\nf(0)", &Input::new(), &limits()).await.result.unwrap_err() {
        Error::Exception { kind, traceback, .. } => {
            assert_eq!(kind, "RecursionError");
            assert!(traceback.lines().count() < 60, "{traceback}");
            assert!(traceback.contains("more frames"), "{traceback}");
        }
        other => panic!("{other}"),
    }
    let deep = "x = []\nfor _ in range(200000):\n    x = [x]\nresult = repr(x)";
    let error = run_with(deep, &Input::new(), &limits()).await.result.unwrap_err();
    assert!(error.is_user_fault(), "{error}");
}
