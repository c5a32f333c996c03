//! Where the workspace is, what it consists of, and how its commands are run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{MetadataCommand, Package};

use crate::error::{Context, Result};

/// The workspace that the current folder belongs to.
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// The members, the root package among them, by name.
    pub(crate) members: Vec<Package>,
}

impl Workspace {
    /// Asks cargo about the workspace around the current folder.
    pub(crate) fn find() -> Result<Self> {
        let metadata =
            MetadataCommand::new().no_deps().exec().context(|| "read the workspace's manifests".into())?;
        let mut members = metadata.packages;
        members.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Self {
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
            members,
        })
    }

    /// The members that go to the registry: an empty `publish` list is how metadata spells `publish = false`.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Package> {
        self.members.iter().filter(|member| member.publish.as_ref().is_none_or(|list| !list.is_empty()))
    }

    /// What is not built from the workspace but belongs to this clone: tools and services.
    pub(crate) fn private(&self, name: &str) -> PathBuf {
        self.root.join("target").join(name)
    }

    /// A cargo command in the root folder, with this clone's own tools in reach.
    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(&self.root).stdin(Stdio::null());
        let tools = self.private("tools").join("bin");
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        // A path with a colon in it cannot be joined; such a clone just does not see its own tools.
        if let Ok(path) =
            std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&inherited)))
        {
            command.env("PATH", path);
        }
        command
    }
}

/// Runs a command with its output on the terminal; anything but success is an error that names the command.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command.status().context(|| format!("start `{}`", spell(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", spell(command)).into()) }
}

/// Runs a command and returns what it printed; its errors are part of the error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.output().context(|| format!("start `{}`", spell(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    Err(format!("`{}` ended with {}:\n{}", spell(command), output.status, printed.trim_end()).into())
}

/// A command as one would type it, the program by its name alone.
pub(crate) fn spell(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_what_it_printed() {
        let error =
            capture(Command::new("/bin/sh").args(["-c", "echo no such luck >&2; exit 3"])).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("`sh -c"), "{error}");
        assert!(error.contains("exit status: 3") && error.ends_with("no such luck"), "{error}");
    }

    #[test]
    fn the_members_are_those_of_this_workspace() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.root.join("xtask/Cargo.toml").is_file());
        assert!(workspace.members.iter().any(|member| member.name == "xtask"));
        assert!(workspace.published().all(|member| member.name != "xtask"));
        assert!(workspace.published().any(|member| member.name == "cofferdam"));
    }
}
