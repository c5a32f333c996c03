//! What comes back: results, exceptions, text, and what is told while a program runs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use cofferdam_sandbox::{Error, Fault, Input, Listener, OutputPolicy, Program, Progress, Reason, Sandbox};
use serde_json::json;

use crate::backend::{Backend, Wish};
use crate::{contract, limits, run};

contract!(
    plain_values_come_back_as_json,
    params_series_and_entry_reach_the_program,
    what_is_no_result_is_an_error_that_says_where,
    an_exception_has_its_class_its_line_and_the_programs_frames,
    the_end_of_the_interpreter_is_the_programs_fault,
    stdout_and_stderr_are_apart_and_harmless_to_look_at,
    no_word_of_an_error_can_rewrite_a_terminal,
    text_is_harmless_bounded_and_heard_as_it_comes,
    a_program_is_heard_while_it_runs,
    progress_is_passed_on_at_most_twenty_times_a_second,
    a_long_word_of_progress_is_cut_and_harms_nobody,
    a_seed_repeats_what_is_random,
    the_same_input_gives_the_same_result_where_that_is_promised,
);

async fn plain_values_come_back_as_json(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let source = "import array\nresult = {'a': (1, 2.5, None, True), 'b': array.array('d', [1, 2]), 'c': range(3), 1: 'é\\n', 'd': {3, 1}}";
    let outcome = run(&sandbox, source, &limits()).await;
    assert_eq!(
        outcome.result.unwrap(),
        json!({"a": [1, 2.5, null, true], "b": [1.0, 2.0], "c": [0, 1, 2], "1": "é\n", "d": [1, 3]})
    );
    assert!(outcome.usage.cpu.is_some());
    assert!(outcome.usage.peak_memory > 10 << 20, "{:?}", outcome.usage);
    // One of another shape than the caller wants is the program's fault.
    let error = run(&sandbox, "result = 'text'", &limits()).await.into_value::<Vec<f64>>().unwrap_err();
    assert!(matches!(error, Error::InvalidResult { .. }), "{error}");
}

async fn params_series_and_entry_reach_the_program(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let values = vec![1.5, f64::NAN, f64::NEG_INFINITY, -0.0];
    let input = Input::new()
        .param("k", json!({"x": [1, 2.5, null, "é"]}))
        .series("s", values)
        .series("none", Vec::new())
        .series("é", (0..100_000).map(f64::from).collect::<Vec<_>>());
    let source = "
def main(data, params):
    s = data['s']
    kind = [type(s).__name__, s.typecode]
    return [params, len(s), s[0], s[1] != s[1], s[2] < -1e308, str(s[3]), len(data['none']), sorted(data), sum(data['é']), kind]";
    let program = Program::unchecked(source).with_entry("main");
    let outcome = sandbox.run(&program, &input, &limits()).await.unwrap();
    let params = json!({"k": {"x": [1, 2.5, null, "é"]}});
    let names = ["none", "s", "é"];
    let kind = ["array", "d"];
    let expected = json!([params, 4, 1.5, true, true, "-0.0", 0, names, 4_999_950_000.0, kind]);
    assert_eq!(outcome.result.unwrap(), expected);
    let missing = Program::unchecked(source).with_entry("other");
    let outcome = sandbox.run(&missing, &input, &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap_err().to_string(), "the program defines no function `other`");
}

async fn what_is_no_result_is_an_error_that_says_where(backend: Backend) {
    let sandbox = backend.sandbox().await;
    for (source, expected) in [
        (
            "result = float('nan')",
            "result is nan; JSON has only finite numbers, so return None where there is no value",
        ),
        ("result = {'a': [1, float('-inf')]}", "result['a'][1] is -inf;"),
        ("result = object()", "the result holds a value of type 'object'; use numbers"),
        ("result = {(1, 2): 3}", "the result cannot be written as JSON: keys must be str"),
        ("a = []\na.append(a)\nresult = a", "the result contains itself"),
        ("x = 1", "the program ended without setting `result`"),
        ("raise SystemExit(0)", "the program ended itself with SystemExit"),
        ("x = []\nfor _ in range(60): x = [x]\nresult = x", "the result is nested more than 32 levels deep"),
        ("x = []\nfor _ in range(500): x = [x]\nresult = x", "the result is nested too deeply"),
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
            assert!(traceback.contains("more frames"), "{traceback}");
        }
        other => panic!("{other}"),
    }
    // At worst a lost interpreter.
    let deep = "x = []\nfor _ in range(200000):\n    x = [x]\nresult = repr(x)";
    let error = run(&sandbox, deep, &limits()).await.result.unwrap_err();
    assert!(error.is_user_fault(), "{error}");
}

async fn the_end_of_the_interpreter_is_the_programs_fault(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let source = "import statistics\nmodules = statistics.__dict__['sys'].modules\n(modules.get('posix') or modules['os'])._exit(3)";
    let error = run(&sandbox, source, &limits()).await.result.unwrap_err();
    assert!(matches!(error, Error::Crashed { .. }), "{error}");
    assert_eq!((error.fault(), error.reason()), (Fault::User, Reason::Exception));
    assert_eq!(run(&sandbox, "result = 1", &limits()).await.result.unwrap(), 1);
}

async fn stdout_and_stderr_are_apart_and_harmless_to_look_at(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let source = "print('out', end='')\nprint('\\x1b[2J\\ud800')\nresult = None\nimport statistics\nstatistics.__dict__['sys'].stderr.write('err')";
    let outcome = run(&sandbox, source, &limits()).await;
    assert_eq!(outcome.stdout, "out\\u{1b}[2J\\ud800\n");
    assert_eq!(outcome.stderr, "err");
    assert_eq!(outcome.result.unwrap(), json!(null));
}

async fn no_word_of_an_error_can_rewrite_a_terminal(backend: Backend) {
    let sandbox = backend.sandbox().await;
    for source in [
        // The name of a class, on every way into an error.
        "raise type('\\x1b[2J', (Exception,), {})('x')",
        "result = {type('\\x1b[2J', (), {})(): 1}",
        "result = type('\\x1b[2J', (), {})()",
        "raise ValueError('\\x1b]0;owned\\x07\\u202e')",
        "raise SyntaxError('\\x1b[2J', ('<program>', 1, 1, ''))",
        "def f(): raise ValueError\nf.__code__ = f.__code__.replace(co_name='\\x1b[2J')\nf()",
        "x = '\u{202e}' +",
    ] {
        let error = match sandbox.run(&Program::unchecked(source), &Input::new(), &limits()).await {
            Ok(outcome) => outcome.result.unwrap_err(),
            Err(error) => error,
        };
        assert!(error.is_user_fault(), "{source}: {error}");
        let shown = format!(
            "{error}{}",
            if let Error::Exception { traceback, .. } = &error { traceback } else { "" }
        );
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{source}: {shown:?}");
    }
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

async fn a_program_is_heard_while_it_runs(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let heard = Arc::new(Heard::default());
    let program = Program::unchecked(
        "import cofferdam\ncofferdam.progress(0.5, 'half \\x1b[2J')\nprint('line')\nwhile True: pass",
    );
    let (input, limits) = (Input::new().listener(heard.clone()), limits());
    let hears = async {
        while heard.stdout.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // The program never ends, so whatever was heard was heard while it ran.
    tokio::select! {
        _ = sandbox.run(&program, &input, &limits) => panic!("an endless program ended"),
        () = hears => {}
    }
    assert_eq!(*heard.stdout.lock().unwrap(), "line\n");
    let progress = heard.progress.lock().unwrap();
    assert_eq!((progress[0].fraction, progress[0].message.as_str()), (0.5, "half \\u{1b}[2J"));
}

async fn progress_is_passed_on_at_most_twenty_times_a_second(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let heard = Arc::new(Heard::default());
    let source =
        "import cofferdam\nfor i in range(20000): cofferdam.progress(i / 20000, 'x' * 2000)\nresult = 1";
    let input = Input::new().listener(heard.clone());
    let outcome = sandbox.run(&Program::unchecked(source), &input, &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 1);
    let words = heard.progress.lock().unwrap().len() as f64;
    assert!(words >= 1.0 && words <= outcome.usage.wall.as_secs_f64() * 20.0 + 2.0, "{words}");
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
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
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
