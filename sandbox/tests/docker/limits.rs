//! Every limit, by a program that breaks it.

use std::time::{Duration, Instant};

use cofferdam_sandbox::{Error, Input, Program, Sandbox};

use super::support::{builder, limits, nothing_is_left, reaching, run_with, sandbox};

#[tokio::test]
async fn an_endless_program_is_stopped_in_python_and_in_c() {
    let sandbox = builder().warm(2).build().await.unwrap();
    for source in [
        "while True: pass",
        "sum(range(10 ** 15))",
        "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ] {
        let limits = limits().wall(Duration::from_millis(700));
        let begin = Instant::now();
        let program = Program::unchecked(source);
        let outcome = sandbox.run(&program, &Input::new(), &limits).await.unwrap();
        assert!(matches!(outcome.result, Err(Error::Timeout { limit }) if limit == limits.wall), "{source}");
        assert!(outcome.usage.wall >= limits.wall, "{source}");
        assert!(begin.elapsed() < Duration::from_secs(30), "{source}");
    }
    sandbox.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn memory_is_bounded_and_python_can_handle_it() {
    let small = limits().memory(96 << 20);
    for source in [
        "x = [0] * (4 << 30)",
        "x = 'a' * (10 ** 11)",
        "x = []\nwhile True: x.append('y' * 100000)",
        "f'{1:>1000000000}'",
        "import numpy as np\nx = np.ones(1 << 26)",
    ] {
        let outcome = run_with(source, &Input::new(), &small).await;
        assert!(
            matches!(outcome.result, Err(Error::Memory { limit }) if limit == 96 << 20),
            "{source}: {:?}",
            outcome.result
        );
        assert!(outcome.usage.peak_memory <= 96 << 20, "{source}");
    }
    let caught = "try:\n    x = [0] * (1 << 30)\nexcept MemoryError:\n    result = 'handled'";
    assert_eq!(run_with(caught, &Input::new(), &small).await.result.unwrap(), "handled");
    let used = run_with("x = bytearray(b'x') * (100 << 20)\nresult = len(x)", &Input::new(), &limits()).await;
    assert!(used.usage.peak_memory >= 100 << 20, "{:?}", used.usage);
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
async fn a_limit_that_makes_no_sense_is_an_error_before_anything_starts() {
    let sandbox = sandbox().await;
    let program = Program::unchecked("result = 1");
    for (limits, name) in [
        (limits().cpu(0.0), "cpu"),
        (limits().cpu(0.001), "cpu"),
        (limits().cpu(f64::NAN), "cpu"),
        (limits().memory(1 << 20), "memory"),
        (limits().pids(1), "pids"),
        (limits().fuel(1), "fuel"),
        (limits().wall(Duration::MAX), "wall"),
    ] {
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
async fn deep_recursion_is_an_exception() {
    let sandbox = sandbox().await;
    let recurse = Program::unchecked("def f(n): return f(n + 1)\nf(0)");
    match sandbox.run(&recurse, &Input::new(), &limits()).await.unwrap().result.unwrap_err() {
        Error::Exception { kind, .. } => assert_eq!(kind, "RecursionError"),
        other => panic!("{other}"),
    }
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
