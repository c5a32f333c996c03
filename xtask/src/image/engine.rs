//! The engine, through its own command.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Context, Result};
use crate::workspace::{capture, spell};

/// An engine that the `docker` command reaches.
pub(super) struct Engine {
    address: Option<String>,
}

impl Engine {
    pub(super) fn new(address: Option<String>) -> Self {
        Self { address }
    }

    fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        if let Some(address) = &self.address {
            command.arg("--host").arg(address);
        }
        command
    }

    /// Whether an engine answers.
    pub(super) fn check(&self) -> Result {
        capture(self.docker().args(["version", "--format", "{{.Server.Version}}"]))
            .map(|_| ())
            .context(|| "no Docker engine answers: start one, or `cargo xtask services up docker`".into())
    }

    /// Whether the engine has an image of this name and content.
    pub(super) fn has(&self, tag: &str, content: &str) -> Result<bool> {
        let format = "{{index .Config.Labels \"cofferdam.content\"}}";
        let output = self
            .docker()
            .args(["image", "inspect", "--format", format, tag])
            .output()
            .context(|| "start docker".into())?;
        Ok(output.status.success() && String::from_utf8_lossy(&output.stdout).trim() == content)
    }

    /// Removes images of ours that lost their name to a newer one. Those that a container still uses stay.
    pub(super) fn tidy(&self) -> Result {
        let ours = ["image", "prune", "--force", "--filter", "label=cofferdam.content"];
        capture(self.docker().args(ours)).map(|_| ())
    }

    /// Makes an image of the folder.
    pub(super) fn import(&self, root: &Path, tag: &str, changes: &[String]) -> Result {
        let mut tar = Command::new("tar");
        // The same files give the same archive.
        tar.arg("--directory")
            .arg(root)
            .args(["--numeric-owner", "--owner=0", "--group=0", "--sort=name", "--create", "."])
            .stdout(Stdio::piped());
        let mut archive = tar.spawn().context(|| "start tar".into())?;
        let mut import = self.docker();
        import.arg("import");
        for change in changes {
            import.args(["--change", change]);
        }
        import.args(["-", tag]);
        import.stdin(Stdio::from(archive.stdout.take().ok_or("tar has no output")?));
        let imported = capture(&mut import);
        let packed = archive.wait().context(|| "wait for tar".into())?;
        imported?;
        if packed.success() { Ok(()) } else { Err(format!("`{}` ended with {packed}", spell(&tar)).into()) }
    }
}
