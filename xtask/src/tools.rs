//! Cargo's companions that the gates need, taken from the machine or built into this clone's `target/tools`.

use std::process::Stdio;
use std::time::Instant;

use crate::error::{Context, Result};
use crate::workspace::{Workspace, run};

/// A cargo subcommand from the crate registry.
pub(crate) struct Tool {
    /// The subcommand, as in `cargo <subcommand>`.
    pub(crate) subcommand: &'static str,
    /// The crate that holds it.
    pub(crate) package: &'static str,
    /// The versions whose options and output the gates were written for.
    pub(crate) version: &'static str,
}

/// Runs tests as separate processes, with timeouts.
pub(crate) const NEXTEST: Tool = Tool { subcommand: "nextest", package: "cargo-nextest", version: "0.9" };

/// Checks licences, sources, bans and advisories.
pub(crate) const DENY: Tool = Tool { subcommand: "deny", package: "cargo-deny", version: "0.20" };

impl Tool {
    /// Installs the tool unless the machine or an earlier run has it.
    pub(crate) fn provide(&self, workspace: &Workspace) -> Result {
        let mut probe = workspace.cargo([self.subcommand, "--version"]);
        let known = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if known.context(|| "start cargo".into())?.success() {
            return Ok(());
        }
        println!("installing {} into target/tools, once for this clone", self.package);
        let began = Instant::now();
        // The development profile without debug information builds in well under half the time, and a gate that
        // runs for seconds does not earn an optimised build back.
        let mut install = workspace.cargo(["install", "--locked", "--debug", "--quiet", "--root"]);
        install
            .arg(workspace.private("tools"))
            .args(["--version", &format!("^{}", self.version), self.package])
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        run(&mut install).context(|| {
            format!("{} is missing and could not be built: install it by hand and try again", self.package)
        })?;
        println!("installed {} in {:.0} s", self.package, began.elapsed().as_secs_f64());
        Ok(())
    }
}
