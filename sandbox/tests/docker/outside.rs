//! What others do to containers while programs run in them.

use std::time::Duration;

use cofferdam_sandbox::{Error, Fault, Input, Program, Sandbox, Session};

use super::support::{docker, limits, nothing_is_left, ours, sandbox};

async fn harmed(harm: &[&str]) -> Error {
    let sandbox = sandbox().await;
    let program = Program::unchecked("while True: pass");
    let mut session = sandbox.open(&program, &limits()).await.unwrap();
    let container = ours().pop().unwrap();
    let call = tokio::spawn(async move {
        let outcome = session.call(&Input::new()).await;
        let after = session.call(&Input::new()).await;
        assert!(matches!(after.result, Err(Error::SessionEnded)));
        outcome
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    docker(&[harm, &[&container]].concat());
    let error = call.await.unwrap().result.unwrap_err();
    sandbox.close().await;
    nothing_is_left();
    error
}

#[tokio::test]
async fn a_container_that_somebody_kills_is_not_the_programs_fault() {
    for harm in [&["kill"][..], &["stop", "--time", "1"], &["rm", "--force"]] {
        let error = harmed(harm).await;
        assert_eq!(error.fault(), Fault::Platform, "{harm:?}: {error}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("somebody") || source.contains("No such container"), "{harm:?}: {source}");
    }
}
