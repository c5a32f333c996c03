//! What the tests share: a sandbox, the engine's own view of it, and a way around every import rule.

use std::num::NonZeroUsize;
use std::process::Command;
use std::time::{Duration, Instant};

use cofferdam_sandbox::{DockerSandbox, DockerSandboxBuilder, Input, Limits, Outcome, Program, Sandbox};

/// A builder for tests: it runs unchecked programs, because the wall must hold alone.
pub(crate) fn builder() -> DockerSandboxBuilder {
    let builder = DockerSandbox::builder().allow_unchecked(true).slots(NonZeroUsize::new(4).unwrap());
    match std::env::var("COFFERDAM_DOCKER_IMAGE") {
        Ok(image) => builder.image(image),
        Err(_) => builder,
    }
}

pub(crate) async fn sandbox() -> DockerSandbox {
    builder().build().await.unwrap_or_else(|error| {
        panic!("{error}: {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())
    })
}

pub(crate) fn limits() -> Limits {
    Limits::default().cpu(1.0).wall(Duration::from_secs(60))
}

/// Runs the source in a sandbox of its own, and looks that nothing is left of it.
pub(crate) async fn run(source: &str) -> Outcome {
    run_with(source, &Input::new(), &limits()).await
}

pub(crate) async fn run_with(source: &str, input: &Input, limits: &Limits) -> Outcome {
    let sandbox = sandbox().await;
    let outcome = sandbox.run(&Program::unchecked(source), input, limits).await.unwrap();
    sandbox.close().await;
    nothing_is_left();
    outcome
}

/// Asks the engine through its own client, so that no mistake of ours hides another.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("the docker command");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The containers of this process, whatever their state.
pub(crate) fn ours() -> Vec<String> {
    let format = "{{.ID}} {{.Label \"cofferdam.owner\"}}";
    let mine = format!("/{}/", std::process::id());
    docker(&["ps", "--all", "--no-trunc", "--filter", "label=cofferdam.owner", "--format", format])
        .lines()
        .filter(|line| line.contains(&mine))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

/// That the engine has no container of this process any more.
pub(crate) fn nothing_is_left() {
    assert_eq!(ours(), Vec::<String>::new());
}

/// Waits until something holds, and says what did not.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The way around every import rule, for programs that attack what lies beneath: `statistics` imports `sys`, whose table
/// holds every module. What a program imports by `reach` is the real thing.
pub(crate) fn reaching(source: &str) -> String {
    format!(
        "import statistics\nsys = statistics.__dict__['sys']\nreach = sys.modules['importlib'].import_module\nos = sys.modules['os']\n{source}"
    )
}

/// A corpus file's rows.
pub(crate) fn corpus(file: &str) -> Vec<serde_json::Value> {
    let path = format!("{}/tests/corpus/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
