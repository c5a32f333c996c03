//! What the tests share: a sandbox, and a way around every import rule.

use std::num::NonZeroUsize;
use std::time::Duration;

use cofferdam_sandbox::{DockerSandbox, DockerSandboxBuilder, Input, Limits, Outcome, Program, Sandbox};

pub(crate) use super::containers::{containers_of, docker, image, ours, until};

/// A builder for tests: it runs unchecked programs, because the wall must hold alone.
pub(crate) fn builder() -> DockerSandboxBuilder {
    let builder = DockerSandbox::builder().allow_unchecked(true).slots(NonZeroUsize::new(4).unwrap());
    builder.image(image())
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

/// That the engine has no container of this process any more.
pub(crate) fn nothing_is_left() {
    assert_eq!(ours(), Vec::<String>::new());
}

/// The way around every import rule, for programs that attack what lies beneath: `statistics` imports `sys`, whose table
/// holds every module. What a program imports by `reach` is the real thing.
pub(crate) fn reaching(source: &str) -> String {
    format!(
        "import statistics\nsys = statistics.__dict__['sys']\nreach = sys.modules['importlib'].import_module\nos = sys.modules['os']\n{source}"
    )
}
