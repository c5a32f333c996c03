//! Where the services are that `cargo xtask services up` starts.

use std::path::Path;

/// A service's address: from the environment, else from what was written down when it was started for this working copy.
#[must_use]
pub fn service(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty()).or_else(|| written(variable))
}

fn written(variable: &str) -> Option<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/services/env");
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(variable)?.strip_prefix('=')?.to_owned()))
}
