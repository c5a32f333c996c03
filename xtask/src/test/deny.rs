//! cargo-deny over the whole graph, by the rules in `deny.toml`.

use std::process::Command;

use crate::error::Result;
use crate::tools::DENY;
use crate::workspace::{Workspace, capture, run};

/// Checks everything that needs no network, and advisories where their database can be had.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    DENY.provide(workspace)?;
    // The graphs under each warning run to hundreds of lines; `cargo tree --invert` shows the one that matters.
    run(deny(workspace).args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    // The advisory database is a git repository. Fetching it apart from the check keeps "could not look" and
    // "looked and found" distinct.
    if let Err(error) = capture(deny(workspace).args(["fetch", "db"])) {
        eprintln!("{error}");
        return Ok(vec!["skipped: advisories (database unreachable)".into()]);
    }
    run(deny(workspace).args(["--offline", "check", "advisories"]))?;
    Ok(Vec::new())
}

/// Without `--workspace`, the graph would be that of the root package alone, and pass for nearly nothing.
fn deny(workspace: &Workspace) -> Command {
    workspace.cargo(["deny", "--workspace", "--all-features"])
}
