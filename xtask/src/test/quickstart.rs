//! The example that the README tells a newcomer to run first.

use std::fs;

use crate::error::{Context, Result};
use crate::workspace::{Workspace, run};

/// Runs the example on an empty folder; it must end well on its own.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.private("quickstart");
    if folder.exists() {
        fs::remove_dir_all(&folder).context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).context(|| format!("make {}", folder.display()))?;
    let mut example = workspace.cargo(["run", "--release", "--example", "quickstart", "--", "--path"]);
    run(example.arg(&folder))?;
    fs::remove_dir_all(&folder).context(|| format!("remove {}", folder.display()))?;
    Ok(Vec::new())
}
