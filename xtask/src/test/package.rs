//! What would be published: each crate can be packed, is small, and carries nothing that must not ship.

use std::fs;
use std::path::Path;

use cargo_metadata::Package;

use crate::error::{Context, Result};
use crate::workspace::{Workspace, capture, run};

/// A source file beyond this is data that slipped in.
const FILE_LIMIT: u64 = 1 << 20;

/// The registry refuses a larger archive.
const ARCHIVE_LIMIT: u64 = 10 << 20;

/// The project's own plumbing, at the root of the workspace, and inputs of tests: of no use to who depends on a crate.
const PRIVATE_FOLDERS: [&str; 7] =
    [".cargo/", ".ci/", ".config/", "fixtures/", "target/", "tests/data/", "tests/fixtures/"];

/// What runs leave behind.
const PRIVATE_EXTENSIONS: [&str; 6] = ["cwasm", "log", "profraw", "sqlite3", "sqlite3-shm", "sqlite3-wal"];

/// Lists and packs the published crates.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for member in workspace.published() {
        complaints.extend(contents(workspace, member)?);
    }
    if !complaints.is_empty() {
        return Err(format!(
            "a package holds what must not ship (see `include` and `exclude` in its Cargo.toml):\n{}",
            complaints.join("\n")
        )
        .into());
    }
    // Packing the whole workspace at once lets cargo resolve the members among themselves, before any of them is
    // on the registry. Compiling the packed sources again would double the run and find little that `features`
    // did not.
    let mut pack = workspace.cargo(["package", "--quiet", "--no-verify", "--allow-dirty", "--workspace"]);
    for member in &workspace.members {
        if !workspace.published().any(|published| published.name == member.name) {
            pack.args(["--exclude", &member.name]);
        }
    }
    run(&mut pack)?;
    for member in workspace.published() {
        let archive = workspace.target.join(format!("package/{}-{}.crate", member.name, member.version));
        let size = fs::metadata(&archive).context(|| format!("look at {}", archive.display()))?.len();
        println!("{} {} KiB packed", member.name, size >> 10);
        if size > ARCHIVE_LIMIT {
            return Err(format!("{} packs to {size} bytes, over {ARCHIVE_LIMIT}", member.name).into());
        }
    }
    Ok(Vec::new())
}

/// The complaints about one crate's list of files.
fn contents(workspace: &Workspace, member: &Package) -> Result<Vec<String>> {
    let listed =
        capture(&mut workspace.cargo(["package", "--list", "--allow-dirty", "--package", &member.name]))?;
    let folder = member.manifest_path.parent().ok_or("a manifest lies in no folder")?;
    let complaints = listed.lines().filter_map(|path| {
        // Cargo adds a few files that it writes itself; they have no size here.
        let size = fs::metadata(folder.join(path)).map_or(0, |data| data.len());
        complaint(path, size).map(|why| format!("  {}: {path} {why}", member.name))
    });
    Ok(complaints.collect())
}

/// What is wrong with a file of this path, relative to its crate, and this size in bytes.
fn complaint(path: &str, size: u64) -> Option<String> {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if PRIVATE_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
        Some("is the project's own".into())
    } else if PRIVATE_EXTENSIONS.contains(&extension) {
        Some("was left behind by a run".into())
    } else if size > FILE_LIMIT {
        Some(format!("has {size} bytes, over {FILE_LIMIT}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_ship_and_leftovers_do_not() {
        for path in
            ["src/lib.rs", "README.md", "examples/quickstart.rs", "tests/config.rs", "src/target/a.rs"]
        {
            assert_eq!(complaint(path, 4096), None, "{path}");
        }
        for path in [".ci/run", "tests/data/prices.csv", "queue.sqlite3-wal", "cache/python.cwasm"] {
            assert!(complaint(path, 1).is_some(), "{path}");
        }
    }

    #[test]
    fn a_file_may_reach_the_limit_but_not_pass_it() {
        assert_eq!(complaint("src/table.rs", FILE_LIMIT), None);
        assert!(complaint("src/table.rs", FILE_LIMIT + 1).is_some());
    }
}
