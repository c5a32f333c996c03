//! An engine whose disk is full.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use cofferdam_sandbox::{DockerSandbox, Error, Fault, Input, Program, Sandbox, Session};

use super::engine::OwnEngine;
use super::support::{builder, limits, until};

/// Room for the image and some containers.
const DISK: u64 = 512 << 20;

/// Writes a file until there is no room for another byte.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 4 << 10, 1] {
        let error = loop {
            if let Err(error) = file.write_all(&vec![1; size]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}

async fn run(sandbox: &DockerSandbox) -> Result<serde_json::Value, Error> {
    let program = Program::unchecked("result = 6 * 7");
    sandbox.run(&program, &Input::new(), &limits()).await?.into_result()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_the_platforms_fault_and_named_with_the_remedy() {
    let engine = OwnEngine::on_a_small_disk(DISK);
    let sandbox = builder().engine(engine.socket()).build().await.unwrap();
    assert_eq!(run(&sandbox).await.unwrap(), 42);
    let mut open = sandbox.open(&Program::unchecked("result = 1"), &limits()).await.unwrap();

    let ballast = engine.data().join("ballast");
    fill(&ballast);
    let patience = Duration::from_secs(60);
    let error = tokio::time::timeout(patience, run(&sandbox)).await.expect("the start hangs").unwrap_err();
    assert_eq!(error.fault(), Fault::Platform);
    let source = std::error::Error::source(&error).unwrap();
    let said = source.to_string();
    assert!(said.contains("disk is full") && said.contains("docker system prune"), "{error}: {said}");
    assert!(source.source().unwrap().to_string().contains("no space left on device"), "{source:?}");
    // Who has a container needs no disk.
    assert_eq!(open.call(&Input::new()).await.result.unwrap(), 1);

    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(run(&sandbox).await.unwrap(), 42);
    open.close().await;
    until("what could not be started to be removed", || engine.containers().is_empty()).await;
    sandbox.close().await;
}
