//! cargo-deny over the whole graph, by the rules in `deny.toml`.

use crate::error::Result;
use crate::tools::DENY;
use crate::workspace::{Workspace, capture, run};

/// Checks everything that needs no network, and advisories where their database can be had.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    DENY.provide(workspace)?;
    run(&mut workspace.cargo(["deny", "--all-features", "check", "bans", "licenses", "sources"]))?;
    // The advisory database is a git repository. Fetching it apart from the check keeps "could not look" and
    // "looked and found" distinct.
    if let Err(error) = capture(&mut workspace.cargo(["deny", "--all-features", "fetch", "db"])) {
        eprintln!("{error}");
        return Ok(vec!["skipped: advisories (database unreachable)".into()]);
    }
    run(&mut workspace.cargo(["deny", "--all-features", "check", "--disable-fetch", "advisories"]))?;
    Ok(Vec::new())
}
