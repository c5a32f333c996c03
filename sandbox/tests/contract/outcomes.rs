//! What comes back: results, exceptions, text, and what is told while a program runs.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use cofferdam_sandbox::{
    Error, Fault, Finished, Input, Listener, Observer, OutputPolicy, Program, Progress, Reason, Sandbox,
    Started,
};
use serde_json::json;

use crate::backend::{Backend, Wish};
use crate::{contract, limits, run};

contract!(
    plain_values_come_back_as_json,
    params_series_and_entry_reach_the_program,
    what_is_no_result_is_an_error_that_says_where,
    an_exception_has_its_class_its_line_and_the_programs_frames,
    the_end_of_the_interpreter_is_the_programs_fault,
    text_is_harmless_bounded_and_heard_as_it_comes,
    a_long_word_of_progress_is_cut_and_harms_nobody,
    a_seed_repeats_what_is_random,
    the_same_input_gives_the_same_result_where_that_is_promised,
    an_observer_is_told_of_every_start_and_call,
);

async fn plain_values_come_back_as_json(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let source = "import array\nresult = {'a': (1, 2.5, None, True), 'b': array.array('d', [1, 2]), 'c': range(3), 1: 'é\\n', 'd': {3, 1}}";
    assert_eq!(
        run(&sandbox, source, &limits()).await.result.unwrap(),
        json!({"a": [1, 2.5, null, true], "b": [1.0, 2.0], "c": [0, 1, 2], "1": "é\n", "d": [1, 3]})
    );
}

async fn params_series_and_entry_reach_the_program(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let values = vec![1.5, f64::NAN, f64::NEG_INFINITY, -0.0];
    let input =
        Input::new().param("k", json!({"x": [1, "é"]})).series("s", values).series("none", Vec::new());
    let source = "
def main(data, params):
    s = data['s']
    return [params, len(s), s[0], s[1] != s[1], s[2] < 0, str(s[3]), len(data['none']), sorted(data)]";
    let program = Program::unchecked(source).with_entry("main");
    let outcome = sandbox.run(&program, &input, &limits()).await.unwrap();
    let expected = json!([{"k": {"x": [1, "é"]}}, 4, 1.5, true, true, "-0.0", 0, ["none", "s"]]);
    assert_eq!(outcome.result.unwrap(), expected);
    let missing = Program::unchecked(source).with_entry("other");
    let outcome = sandbox.run(&missing, &input, &limits()).await.unwrap();
    assert!(outcome.result.unwrap_err().to_string().contains("defines no function `other`"));
}

async fn what_is_no_result_is_an_error_that_says_where(backend: Backend) {
    let sandbox = backend.sandbox().await;
    for (source, expected) in [
        ("result = {'a': [1, float('nan')]}", "result['a'][1] is nan;"),
        ("result = object()", "the result holds a value of type 'object'"),
        ("a = []\na.append(a)\nresult = a", "the result contains itself"),
        ("x = 1", "the program ended without setting `result`"),
        ("raise SystemExit(0)", "the program ended itself with SystemExit"),
        ("x = []\nfor _ in range(60): x = [x]\nresult = x", "the result is nested more than 32 levels deep"),
    ] {
        let error = run(&sandbox, source, &limits()).await.result.unwrap_err();
        assert_eq!((error.fault(), error.reason()), (Fault::User, Reason::Output), "{source}: {error}");
        assert!(error.to_string().starts_with(expected), "{source}: {error}");
    }
}

async fn an_exception_has_its_class_its_line_and_the_programs_frames(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let source = "import statistics\n\ndef mean(xs):\n    return statistics.mean(xs)\n\nresult = mean([])";
    match run(&sandbox, source, &limits()).await.result.unwrap_err() {
        Error::Exception { kind, message, traceback, line } => {
            assert_eq!((kind.as_str(), line), ("StatisticsError", Some(4)));
            let frames = "Traceback (most recent call last):\n  File \"<program>\", line 6, in <module>\n    result = \
                          mean([])\n  File \"<program>\", line 4, in mean\n    return statistics.mean(xs)\n";
            assert_eq!(traceback, format!("{frames}StatisticsError: {message}"));
        }
        other => panic!("{other}"),
    }
    match run(&sandbox, "def f(n): return f(n + 1)\nf(0)", &limits()).await.result.unwrap_err() {
        Error::Exception { kind, traceback, .. } => {
            assert_eq!(kind, "RecursionError");
            assert!(traceback.lines().count() < 60, "{traceback}");
        }
        other => panic!("{other}"),
    }
}

async fn the_end_of_the_interpreter_is_the_programs_fault(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let source = "import statistics\nmodules = statistics.__dict__['sys'].modules\n(modules.get('posix') or modules['os'])._exit(3)";
    let error = run(&sandbox, source, &limits()).await.result.unwrap_err();
    assert!(matches!(error, Error::Crashed { .. }), "{error}");
    assert_eq!((error.fault(), error.reason()), (Fault::User, Reason::Exception));
    assert_eq!(run(&sandbox, "result = 1", &limits()).await.result.unwrap(), 1);
}

/// Keeps what it hears.
#[derive(Default)]
struct Heard {
    stdout: Mutex<String>,
    stderr: Mutex<String>,
    progress: Mutex<Vec<Progress>>,
}

impl Listener for Heard {
    fn stdout(&self, text: &str) {
        self.stdout.lock().unwrap().push_str(text);
    }

    fn stderr(&self, text: &str) {
        self.stderr.lock().unwrap().push_str(text);
    }

    fn progress(&self, progress: &Progress) {
        self.progress.lock().unwrap().push(progress.clone());
    }
}

async fn text_is_harmless_bounded_and_heard_as_it_comes(backend: Backend) {
    let output_policy = OutputPolicy::default().max_text_bytes(1001);
    let sandbox = backend.wished(Wish { output_policy, ..Wish::default() }).await;
    let source = "
import cofferdam, statistics
cofferdam.progress(0.25, 'a quarter\\x1b[2J')
err = statistics.__dict__['sys'].stderr
for i in range(300):
    print('é\\x1b', i)
    err.write('ä' * 5)
result = 1";
    let heard = Arc::new(Heard::default());
    let input = Input::new().listener(heard.clone());
    let outcome = sandbox.run(&Program::unchecked(source), &input, &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 1);
    assert!(outcome.truncated);
    assert!((998..=1001).contains(&outcome.stdout.len()), "{}", outcome.stdout.len());
    assert!(outcome.stdout.starts_with("é\\u{1b} 0\né\\u{1b} 1\n"), "{}", outcome.stdout);
    assert_eq!(*heard.stdout.lock().unwrap(), outcome.stdout);
    assert_eq!(*heard.stderr.lock().unwrap(), outcome.stderr);
    let progress = heard.progress.lock().unwrap();
    assert_eq!((progress[0].fraction, progress[0].message.as_str()), (0.25, "a quarter\\u{1b}[2J"));
}

async fn a_long_word_of_progress_is_cut_and_harms_nobody(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let heard = Arc::new(Heard::default());
    let program = Program::unchecked("import cofferdam\ncofferdam.progress(1, 'x' * 100_000)\nresult = 1");
    let input = Input::new().listener(heard.clone());
    let outcome = sandbox.run(&program, &input, &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 1);
    assert_eq!(heard.progress.lock().unwrap()[0].message, "x".repeat(1024));
}

async fn a_seed_repeats_what_is_random(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let program =
        Program::unchecked("import random\nresult = [random.random(), random.gauss(0, 1), hash('text')]");
    let mut answers = Vec::new();
    for seed in [7, 7, 8] {
        let input = Input::new().seed(seed);
        answers.push(sandbox.run(&program, &input, &limits()).await.unwrap().result.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert_ne!(answers[0], answers[2]);
}

async fn the_same_input_gives_the_same_result_where_that_is_promised(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let source = "
import datetime
a, b = datetime.datetime.now(), object()
result = [str(a), id(b)]";
    let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400);
    let input = Input::new().now(now);
    let program = Program::unchecked(source);
    let first = sandbox.run(&program, &input, &limits()).await.unwrap().result.unwrap();
    let second = sandbox.run(&program, &input, &limits()).await.unwrap().result.unwrap();
    if sandbox.profile().deterministic {
        assert_eq!(first, second);
        assert_eq!(first[0], "1970-01-02 00:00:00");
    } else {
        assert_ne!(first[0], second[0]);
    }
}

/// Counts what it is told.
#[derive(Default)]
struct Counts {
    started: Mutex<u32>,
    finished: Mutex<Vec<Option<(Reason, Fault)>>>,
    busiest: Mutex<u64>,
}

impl Observer for Counts {
    fn started(&self, event: &Started) {
        assert!(["wasm", "docker"].contains(&event.backend));
        *self.started.lock().unwrap() += 1;
    }

    fn finished(&self, event: &Finished) {
        self.finished.lock().unwrap().push(event.failure);
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

async fn an_observer_is_told_of_every_start_and_call(backend: Backend) {
    let counts = Arc::new(Counts::default());
    let sandbox = backend.wished(Wish { observer: counts.clone(), ..Wish::default() }).await;
    // Compiling CPython counts as a start of its own, if the cache was empty.
    let before = *counts.started.lock().unwrap();
    assert!(run(&sandbox, "result = 1", &limits()).await.result.is_ok());
    assert!(run(&sandbox, "result = 1 / 0", &limits()).await.result.is_err());
    assert_eq!(*counts.started.lock().unwrap() - before, 2);
    let expected = [None, Some((Reason::Exception, Fault::User))];
    assert_eq!(*counts.finished.lock().unwrap(), expected);
    assert!(*counts.busiest.lock().unwrap() >= 1);
}
