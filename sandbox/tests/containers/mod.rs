//! The engine's own view of what this process started, through the engine's own client, so that no mistake of ours hides
//! another.
#![allow(dead_code, reason = "each test binary uses what it needs")]

use std::process::Command;
use std::time::{Duration, Instant};

/// The image that the tests run.
pub(crate) fn image() -> String {
    std::env::var("COFFERDAM_DOCKER_IMAGE")
        .unwrap_or_else(|_| concat!("cofferdam-python:", env!("CARGO_PKG_VERSION")).to_owned())
}

pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("the docker command");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The containers of a process, whatever their state.
pub(crate) fn containers_of(pid: u32) -> Vec<String> {
    let format = "{{.ID}} {{.Label \"cofferdam.owner\"}}";
    let owner = format!("/{pid}/");
    docker(&["ps", "--all", "--no-trunc", "--filter", "label=cofferdam.owner", "--format", format])
        .lines()
        .filter(|line| line.contains(&owner))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

/// The containers of this process.
pub(crate) fn ours() -> Vec<String> {
    containers_of(std::process::id())
}

/// Waits until something holds, and says what did not.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
