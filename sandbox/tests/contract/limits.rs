//! Every field of `Limits`, by a program that breaks it.

use std::time::{Duration, Instant};

use cofferdam_sandbox::{Error, Fault, Input, Program, Reason, Sandbox};

use crate::backend::{Backend, Wish};
use crate::{contract, limits, run};

contract!(wall, cpu, memory, output, pids, fuel);

async fn wall(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let limits = limits().wall(Duration::from_millis(700));
    for source in [
        "print('before', flush=True)\nwhile True: pass",
        "print('before')\nsum(range(10 ** 15))",
        "print('before')\nimport re\nre.match('(a+)+$', 'a' * 40 + 'b')",
        "print('before')\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ] {
        let begin = Instant::now();
        let outcome = run(&sandbox, source, &limits).await;
        let error = outcome.result.unwrap_err();
        assert!(matches!(&error, Error::Timeout { limit } if *limit == limits.wall), "{source}: {error}");
        assert_eq!((error.fault(), error.reason()), (Fault::User, Reason::Timeout));
        assert!(outcome.usage.wall >= limits.wall, "{source}");
        assert!(begin.elapsed() < Duration::from_secs(30), "{source}");
        assert_eq!(outcome.stdout, "before\n", "{source}");
    }
}

async fn cpu(backend: Backend) {
    let sandbox = backend.sandbox().await;
    assert!(sandbox.profile().enforced.cpu);
    let source = "
n = 0
for _ in range(30_000_000):
    n += 1
result = n";
    let limits = limits().cpu(0.25).wall(Duration::from_secs(4));
    let outcome = run(&sandbox, source, &limits).await;
    // A backend that can tell says it; one that killed the guest cannot, and then the time itself says enough.
    match outcome.usage.cpu {
        Some(cpu) => {
            let share = cpu.as_secs_f64() / outcome.usage.wall.as_secs_f64();
            assert!(share < 0.35, "{share}");
        }
        None => assert!(matches!(outcome.result, Err(Error::Timeout { .. }))),
    }
}

async fn memory(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let limits = limits().memory(128 << 20);
    for source in [
        "x = [0] * (1 << 28)",
        "x = []\nwhile True: x.append('y' * 100_000)",
        "x = 'a' * (10 ** 11)",
        "f'{1:>1000000000}'",
    ] {
        let outcome = run(&sandbox, source, &limits).await;
        let error = outcome.result.unwrap_err();
        assert!(matches!(&error, Error::Memory { limit } if *limit == limits.memory), "{source}: {error}");
        assert_eq!((error.fault(), error.reason()), (Fault::User, Reason::Memory));
        assert!(outcome.usage.peak_memory <= limits.memory, "{source}");
    }
    let caught = "try:\n    x = [0] * (1 << 28)\nexcept MemoryError:\n    result = 'handled'";
    assert_eq!(run(&sandbox, caught, &limits).await.result.unwrap(), "handled");
    let used = run(&sandbox, "x = bytearray(b'x') * (40 << 20)\nresult = len(x)", &limits).await;
    assert_eq!(used.result.unwrap(), 40 << 20);
    assert!(used.usage.peak_memory >= 40 << 20, "{:?}", used.usage);
}

async fn output(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let limits = limits().output(1000);
    let outcome = run(&sandbox, "while True: print('x' * 10**5)", &limits).await;
    let error = outcome.result.unwrap_err();
    assert!(matches!(&error, Error::Output { limit: 1000 }), "{error}");
    assert_eq!((error.fault(), error.reason()), (Fault::User, Reason::Output));
    assert_eq!((outcome.stdout.len(), outcome.truncated), (1000, true));
    // 8 bytes printed, and a result of 992 with its quotes: together the limit, and one more is too much.
    let fits = run(&sandbox, "print('1234567')\nresult = 'r' * 990", &limits).await;
    assert_eq!(fits.result.unwrap().as_str().unwrap().len(), 990);
    let over = run(&sandbox, "print('1234567')\nresult = 'r' * 991", &limits).await;
    assert!(matches!(over.result, Err(Error::Output { limit: 1000 })));
}

async fn pids(backend: Backend) {
    let sandbox = backend.sandbox().await;
    assert!(sandbox.profile().enforced.pids);
    // The way around every import rule: `statistics` imports `sys`, whose table holds every module.
    let source = "
import statistics
modules = statistics.__dict__['sys'].modules
os = modules.get('posix') or modules['os']
children = 0
try:
    while children < 1000 and os.fork():
        children += 1
    result = children
except BaseException as error:
    result = [children, type(error).__name__]";
    let outcome = run(&sandbox, source, &limits().pids(16)).await;
    match outcome.result {
        Ok(answer) => assert!(answer[0].as_u64().is_some_and(|children| children < 16), "{answer}"),
        Err(error) => assert_eq!(error.fault(), Fault::User, "{error}"),
    }
}

async fn fuel(backend: Backend) {
    let sandbox = backend.wished(Wish { fuel: true, ..Wish::default() }).await;
    let source = "s = 0\nfor i in range(100_000): s += i\nresult = s";
    if !sandbox.profile().enforced.fuel {
        let program = Program::unchecked(source);
        let error = sandbox.run(&program, &Input::new(), &limits().fuel(1 << 40)).await.unwrap_err();
        assert!(matches!(error, Error::InvalidLimit { limit: "fuel", .. }), "{error}");
        return;
    }
    let used = run(&sandbox, source, &limits()).await.usage.fuel.unwrap();
    assert_eq!(run(&sandbox, source, &limits()).await.usage.fuel, Some(used));
    assert!(run(&sandbox, source, &limits().fuel(used)).await.result.is_ok());
    // It is looked at where a function or a loop begins, so the last few instructions may be free.
    let short = used - 1000;
    let error = run(&sandbox, source, &limits().fuel(short)).await.result.unwrap_err();
    assert!(matches!(&error, Error::Fuel { limit } if *limit == short), "{error}");
    assert_eq!(error.reason(), Reason::Timeout);
}
