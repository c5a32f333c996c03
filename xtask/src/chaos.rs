//! `cargo xtask chaos`: the chaos suite, built for release and run.
//!
//! The suite is a program of its own, in `chaos/`. This command finds it a server and a folder, and passes everything
//! else on; its options are explained by `cargo xtask chaos --help`.

use clap::Args;

use crate::error::Result;
use crate::services::redis_server;
use crate::workspace::{Workspace, run as execute};

/// What `cargo xtask chaos` takes.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What the suite is told.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    options: Vec<String>,
}

/// The run that is one of the gates: a minute in which every kind of fault comes up. The seed is fixed, so that two runs
/// differ by what was changed and not by what was drawn.
const GATE: [&str; 6] = ["--minutes", "1", "--seed", "4", "--durability", "replicated1"];

/// Runs the suite; fails unless all is judged good.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    suite(workspace, arguments.options.iter().map(String::as_str))
}

/// Runs the short, seeded run.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    suite(workspace, GATE.into_iter()).map(|()| Vec::new())
}

fn suite<'a>(workspace: &Workspace, options: impl Iterator<Item = &'a str>) -> Result {
    let mut command =
        workspace.cargo(["run", "--quiet", "--release", "--package", "cofferdam-chaos", "--", "run"]);
    command.arg("--folder").arg(workspace.private("chaos")).arg("--server").arg(redis_server()?);
    execute(command.args(options))
}
