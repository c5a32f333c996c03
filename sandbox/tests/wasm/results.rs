//! What comes back: results, exceptions, text.

use cofferdam_sandbox::{Error, Input, Program, Reason, Sandbox};
use serde_json::json;

use super::{SANDBOX, limits, run};

#[tokio::test]
async fn plain_values_come_back_as_json() {
    let source = "import array\nresult = {'a': (1, 2.5, None, True), 'b': array.array('d', [1, 2]), 'c': range(3), 1: 'é\\n'}";
    assert_eq!(
        run(source).await.result.unwrap(),
        json!({"a": [1, 2.5, null, true], "b": [1.0, 2.0], "c": [0, 1, 2], "1": "é\n"})
    );
}

#[tokio::test]
async fn what_is_not_json_is_an_error_that_says_where() {
    for (source, expected) in [
        (
            "result = float('nan')",
            "result is nan; JSON has only finite numbers, so return None where there is no value",
        ),
        ("result = {'a': [1, float('-inf')]}", "result['a'][1] is -inf;"),
        ("result = object()", "the result holds a value of type 'object'; use numbers"),
        ("a = []\na.append(a)\nresult = a", "the result contains itself"),
        ("x = 1", "the program ended without setting `result`"),
        ("raise SystemExit(0)", "the program ended itself with SystemExit"),
        ("result = {(1, 2): 3}", "the result cannot be written as JSON: keys must be str"),
        ("x = []\nfor _ in range(60): x = [x]\nresult = x", "the result is nested more than 32 levels deep"),
        ("x = []\nfor _ in range(500): x = [x]\nresult = x", "the result is nested too deeply"),
    ] {
        let error = run(source).await.result.unwrap_err();
        assert_eq!(error.reason(), Reason::Output, "{source}: {error}");
        assert!(error.to_string().starts_with(expected), "{source}: {error}");
    }
}

#[tokio::test]
async fn a_traceback_shows_the_programs_lines_and_no_others() {
    let source = "import statistics\n\ndef mean(xs):\n    return statistics.mean(xs)\n\nresult = mean([])";
    match run(source).await.result.unwrap_err() {
        Error::Exception { kind, message, traceback, line } => {
            assert_eq!((kind.as_str(), line), ("StatisticsError", Some(4)));
            assert_eq!(
                traceback,
                format!(
                    "Traceback (most recent call last):\n  File \"<program>\", line 6, in <module>\n    \
                     result = mean([])\n  File \"<program>\", line 4, in mean\n    return statistics.mean(xs)\n\
                     StatisticsError: {message}"
                )
            );
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_syntax_error_is_found_when_the_program_is_loaded() {
    let error =
        SANDBOX.run(&Program::unchecked("x = 1\ny = = 2"), &Input::new(), &limits()).await.unwrap_err();
    assert!(matches!(&error, Error::Syntax { line: Some(2), .. }), "{error}");
    assert_eq!(error.reason(), Reason::Rejected);
}

#[tokio::test]
async fn stdout_and_stderr_are_apart_and_harmless_to_look_at() {
    let source = "import contextlib\nprint('out', end='')\nprint('\\x1b[2J\\ud800')\nresult = None\nimport statistics\nstatistics.__dict__['sys'].stderr.write('err')";
    let outcome = run(source).await;
    assert_eq!(outcome.stdout, "out\\u{1b}[2J\\ud800\n");
    assert_eq!(outcome.stderr, "err");
    assert_eq!(outcome.result.unwrap(), json!(null));
}

#[tokio::test]
async fn no_word_of_an_error_can_rewrite_a_terminal() {
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
        let error = match SANDBOX.run(&Program::unchecked(source), &Input::new(), &limits()).await {
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

#[tokio::test]
async fn a_result_of_another_shape_is_an_error_of_the_program() {
    let outcome = run("result = 'text'").await;
    let error = outcome.into_value::<Vec<f64>>().unwrap_err();
    assert!(matches!(error, Error::InvalidResult { .. }), "{error}");
}
