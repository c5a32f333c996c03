//! What comes back: results, exceptions, text, and what is said while the program runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cofferdam_sandbox::{Error, Input, Listener, Program, Progress, Reason, Sandbox, Session};
use serde_json::json;

use super::support::{limits, nothing_is_left, run, run_with, sandbox};

#[tokio::test]
async fn plain_values_come_back_as_json() {
    let source = "import array\nresult = {'a': (1, 2.5, None, True), 'b': array.array('d', [1, 2]), 'c': range(3), 1: 'é\\n'}";
    let outcome = run(source).await;
    assert_eq!(
        outcome.result.unwrap(),
        json!({"a": [1, 2.5, null, true], "b": [1.0, 2.0], "c": [0, 1, 2], "1": "é\n"})
    );
    assert!(outcome.usage.cpu.is_some());
    assert!(outcome.usage.peak_memory > 20 << 20, "{:?}", outcome.usage);
}

#[tokio::test]
async fn what_is_not_json_is_an_error_that_says_where() {
    let sandbox = sandbox().await;
    let program = Program::unchecked(
        "inf = float('inf')\na = []\na.append(a)\nx = []\nfor _ in range(60): x = [x]\nmade = [float('nan'), {'a': [1, -inf]}, object(), a, {(1, 2): 3}, x]\nif params['i'] < 6: result = made[params['i']]\nelif params['i'] == 6: raise SystemExit(0)",
    );
    let mut session = sandbox.open(&program, &limits()).await.unwrap();
    for (i, expected) in [
        "result is nan; JSON has only finite numbers, so return None where there is no value",
        "result['a'][1] is -inf;",
        "the result holds a value of type 'object'; use numbers",
        "the result contains itself",
        "the result cannot be written as JSON: keys must be str",
        "the result is nested more than 32 levels deep",
        "the program ended itself with SystemExit",
        "the program ended without setting `result`",
    ]
    .into_iter()
    .enumerate()
    {
        let error = session.call(&Input::new().param("i", i)).await.result.unwrap_err();
        assert_eq!(error.reason(), Reason::Output, "{i}: {error}");
        assert!(error.to_string().starts_with(expected), "{i}: {error}");
    }
    session.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn a_traceback_shows_the_programs_lines_and_no_others() {
    let source = "import pandas as pd\n\ndef pick(frame):\n    return frame['b']\n\nresult = pick(pd.DataFrame({'a': [1]}))";
    match run(source).await.result.unwrap_err() {
        Error::Exception { kind, traceback, line, .. } => {
            assert_eq!((kind.as_str(), line), ("KeyError", Some(4)));
            assert!(traceback.contains("line 6, in <module>\n"), "{traceback}");
            assert!(!traceback.contains("/usr/"), "{traceback}");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_syntax_error_is_found_when_the_program_is_loaded() {
    let sandbox = sandbox().await;
    let error =
        sandbox.run(&Program::unchecked("x = 1\ny = = 2"), &Input::new(), &limits()).await.unwrap_err();
    assert!(matches!(&error, Error::Syntax { line: Some(2), .. }), "{error}");
    sandbox.close().await;
    nothing_is_left();
}

#[tokio::test]
async fn data_and_params_arrive_as_they_were_given() {
    let input = Input::new()
        .param("weights", json!({"a": [1, 2.5, null, "é"]}))
        .series("close", vec![1.5, f64::NAN, f64::INFINITY, -0.0])
        .series("empty", vec![])
        .series("é", (0..100_000).map(f64::from).collect::<Vec<_>>());
    let source = "import math\nc = data['close']\nresult = [params['weights'], c[0], math.isnan(c[1]), c[2] == math.inf, math.copysign(1, c[3]), len(data['empty']), sorted(data), sum(data['é']), type(c).__name__, c.typecode]";
    let outcome = run_with(source, &input, &limits()).await;
    assert_eq!(
        outcome.result.unwrap(),
        json!([
            {"a": [1, 2.5, null, "é"]}, 1.5, true, true, -1.0, 0, ["close", "empty", "é"], 4_999_950_000.0, "array", "d"
        ])
    );
}

#[tokio::test]
async fn random_numbers_come_from_the_seed_in_python_and_in_numpy() {
    let source = "import random\nimport numpy as np\nresult = [random.random(), np.random.rand(), hash('a')]";
    let sandbox = sandbox().await;
    let mut seen = Vec::new();
    for seed in [7, 7, 8, u64::MAX] {
        let input = Input::new().seed(seed);
        let outcome = sandbox.run(&Program::unchecked(source), &input, &limits()).await.unwrap();
        seen.push(outcome.result.unwrap());
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0][0], seen[2][0]);
    assert_ne!(seen[0][1], seen[2][1]);
    assert_eq!(seen[0][2], seen[3][2]);
    sandbox.close().await;
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Listener for Heard {
    fn stdout(&self, text: &str) {
        self.note(text.to_owned());
    }
    fn stderr(&self, text: &str) {
        self.note(format!("error {text}"));
    }
    fn progress(&self, progress: &Progress) {
        self.note(format!("{} {}", progress.fraction, progress.message));
    }
}

#[tokio::test]
async fn what_the_program_says_is_heard_while_it_runs() {
    let heard = Arc::new(Heard::default());
    let source = "import cofferdam\nimport statistics\nprint('é\\x1b')\ncofferdam.progress(0.5, 'half')\nstatistics.__dict__['sys'].stderr.write('e\\n')\nwhile True: pass";
    let limits = limits().wall(Duration::from_secs(2));
    let outcome = run_with(source, &Input::new().listener(heard.clone()), &limits).await;
    assert!(matches!(outcome.result, Err(Error::Timeout { .. })));
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("é\\u{1b}\n", "e\n"));
    assert_eq!(*heard.0.lock().unwrap(), ["é\\u{1b}\n", "0.5 half", "error e\n"]);
}
