//! Every hostile program of the corpus, with no policy in front of it.

use std::time::Duration;

use cofferdam_sandbox::{Error, Input, Limits};

use super::corpus::attack;
use super::{SANDBOX, run, run_with};

#[tokio::test]
async fn no_attack_outlives_its_interpreter_or_blames_the_platform() {
    let limits = Limits::default().cpu(1.0).wall(Duration::from_millis(400)).memory(96 << 20);
    attack(&*SANDBOX, &limits).await;
    // The sandbox is as it was.
    assert_eq!(run("result = 6 * 7").await.result.unwrap(), 42);
}

#[tokio::test]
async fn the_operating_system_is_not_there_even_for_who_finds_the_way() {
    for (reach, kinds) in [
        ("open('/etc/passwd', 0)", &["FileNotFoundError", "PermissionError"][..]),
        ("listdir('/')", &["FileNotFoundError", "PermissionError"]),
        ("fork()", &["AttributeError"]),
        ("system('id')", &["AttributeError"]),
        ("execv('/bin/sh', ['sh'])", &["AttributeError"]),
    ] {
        // `statistics` imports `sys`, whose table holds `posix`: the way around every import rule.
        let source = format!(
            "import statistics\nposix = statistics.__dict__['sys'].modules['posix']\nresult = str(posix.{reach})"
        );
        match run(&source).await.result.unwrap_err() {
            Error::Exception { kind, .. } => assert!(kinds.contains(&kind.as_str()), "{reach}: {kind}"),
            Error::Crashed { .. } => {}
            other => panic!("{reach}: {other}"),
        }
    }
    let environment = "import statistics\nresult = dict(statistics.__dict__['sys'].modules['posix'].environ)";
    assert_eq!(run(environment).await.result.unwrap(), serde_json::json!({}));
}

#[tokio::test]
async fn only_the_modules_of_the_guest_can_be_imported() {
    for module in
        ["os", "sys", "subprocess", "socket", "ctypes", "importlib", "builtins", "threading", "io", "numpy"]
    {
        match run(&format!("import {module}\nresult = 1")).await.result.unwrap_err() {
            Error::Exception { kind, line, .. } => {
                assert_eq!((kind.as_str(), line), ("ModuleNotFoundError", Some(1)))
            }
            other => panic!("{module}: {other}"),
        }
    }
    for module in cofferdam_python::MODULES {
        assert_eq!(run(&format!("import {module}\nresult = 1")).await.result.unwrap(), 1, "{module}");
    }
}

#[tokio::test]
async fn files_and_prompts_are_refused_with_a_sentence() {
    for call in ["open('/etc/passwd')", "input()", "breakpoint()"] {
        match run(&format!("result = {call}")).await.result.unwrap_err() {
            Error::Exception { kind, message, .. } => {
                assert_eq!(kind, "PermissionError");
                assert!(message.contains("does not work in the sandbox"), "{message}");
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_result_cannot_be_forged_by_printing() {
    let outcome = run("print('{\"result\": 1}')\nraise ValueError('no')").await;
    assert!(matches!(outcome.result, Err(Error::Exception { .. })));
    assert_eq!(outcome.stdout, "{\"result\": 1}\n");
}

#[tokio::test]
async fn a_hostile_exception_is_still_an_exception() {
    let source = "class S(str):\n    def __str__(self): raise SystemExit(0)\n    __repr__ = __str__\nraise ValueError(S('x'))";
    match run(source).await.result.unwrap_err() {
        Error::Exception { kind, .. } => assert_eq!(kind, "ValueError"),
        other => panic!("{other}"),
    }
    let limits = super::limits();
    let source = "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E()";
    let limits = limits.wall(Duration::from_millis(200));
    assert!(matches!(run_with(source, &Input::new(), &limits).await.result, Err(Error::Timeout { .. })));
}
