//! What is refused before anything runs. No backend does this itself, so none can forget it.

use cofferdam_sandbox::{Error, Fault, Input, Policy, Program, Reason, Sandbox};

use crate::backend::{Backend, Wish};
use crate::{contract, limits};

contract!(
    an_unchecked_program_needs_permission,
    a_module_that_is_not_there_is_named,
    a_limit_that_makes_no_sense_is_named,
    what_is_not_python_never_runs,
);

async fn an_unchecked_program_needs_permission(backend: Backend) {
    let sandbox = backend.wished(Wish { allow_unchecked: false, ..Wish::default() }).await;
    let (text, input) = ("result = 1", Input::new());
    let refused = sandbox.run(&Program::unchecked(text), &input, &limits()).await.unwrap_err();
    assert!(matches!(refused, Error::Unchecked));
    assert!(matches!(
        sandbox.open(&Program::unchecked(text), &limits()).await.err().unwrap(),
        Error::Unchecked
    ));
    let program = Policy::default().check(text).unwrap();
    assert_eq!(sandbox.run(&program, &input, &limits()).await.unwrap().result.unwrap(), 1);
}

async fn a_module_that_is_not_there_is_named(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let program = Policy::default().allow_module("talib").check("import talib\nresult = 1").unwrap();
    match sandbox.run(&program, &Input::new(), &limits()).await.unwrap_err() {
        Error::MissingModule { module, backend, available } => {
            assert_eq!(module, "talib");
            assert_eq!(backend, sandbox.profile().backend);
            assert!(available.contains("math"), "{available}");
        }
        other => panic!("{other}"),
    }
}

async fn a_limit_that_makes_no_sense_is_named(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let program = Program::unchecked("result = 1");
    for (limits, name) in [
        (limits().cpu(0.0), "cpu"),
        (limits().cpu(-1.0), "cpu"),
        (limits().cpu(f64::NAN), "cpu"),
        (limits().memory(1 << 20), "memory"),
        (limits().memory(u64::MAX), "memory"),
        (limits().fuel(1), "fuel"),
    ] {
        let error = sandbox.run(&program, &Input::new(), &limits).await.unwrap_err();
        assert!(matches!(&error, Error::InvalidLimit { limit, .. } if *limit == name), "{name}: {error}");
        assert_eq!(error.fault(), Fault::Platform, "{name}");
    }
}

async fn what_is_not_python_never_runs(backend: Backend) {
    let sandbox = backend.sandbox().await;
    let program = Program::unchecked("print('ran')\nx = = 2");
    let error = sandbox.run(&program, &Input::new(), &limits()).await.unwrap_err();
    assert!(matches!(&error, Error::Syntax { line: Some(2), .. }), "{error}");
    assert_eq!((error.fault(), error.reason()), (Fault::User, Reason::Rejected));
    let error = sandbox.open(&program, &limits()).await.err().unwrap();
    assert!(matches!(&error, Error::Syntax { line: Some(2), .. }), "{error}");
}
