//! The steps of a run, and what each of them does.

use clap::ValueEnum;

use super::{deny, features, package, quickstart};
use crate::error::Result;
use crate::services::{self, Service};
use crate::tools::NEXTEST;
use crate::workspace::{Workspace, run};
use crate::{chaos, image};

/// What the tests of the queue, the heartbeats and the store talk to.
const SERVICES: [Service; 4] = [Service::Redis, Service::RedisCluster, Service::Postgres, Service::Mariadb];

/// One gate. The order of the variants is the order of the run: what fails often and costs little comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// The code is formatted.
    Fmt,
    /// No lint fires, in any target.
    Clippy,
    /// The documentation builds without a warning.
    Docs,
    /// Each crate compiles without its features, with each alone and with all, and without a warning.
    Features,
    /// Licences, sources, bans and advisories of the dependencies.
    Deny,
    /// Unit and integration tests.
    Nextest,
    /// The examples in the documentation and in the READMEs.
    Doctests,
    /// The example that a newcomer runs first ends well.
    Quickstart,
    /// No task is lost and no result recorded twice while workers and masters die, by a short run of the chaos suite.
    Chaos,
    /// Each published crate can be packed, and packs nothing that must not ship.
    Package,
}

impl Step {
    /// All steps, in order.
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The name that the command line and the table use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Docs => "docs",
            Self::Features => "features",
            Self::Deny => "deny",
            Self::Nextest => "nextest",
            Self::Doctests => "doctests",
            Self::Quickstart => "quickstart",
            Self::Chaos => "chaos",
            Self::Package => "package",
        }
    }

    /// Runs the step. The lines that come back say what was left out and why.
    pub(crate) fn run(self, workspace: &Workspace) -> Result<Vec<String>> {
        match self {
            Self::Fmt => plain(workspace, ["fmt", "--all", "--check"]),
            Self::Clippy => plain(
                workspace,
                ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
            ),
            Self::Docs => {
                let mut doc = workspace.cargo(["doc", "--workspace", "--no-deps", "--all-features"]);
                run(doc.env("RUSTDOCFLAGS", "-D warnings")).map(|()| Vec::new())
            }
            Self::Features => features::check(workspace),
            Self::Deny => deny::check(workspace),
            Self::Nextest => {
                NEXTEST.provide(workspace)?;
                // The tests of the Docker backend fail without an engine and the image, and say so.
                if let Err(error) = image::provide(workspace) {
                    eprintln!("the image of the Docker backend could not be made: {error}");
                }
                services::during(workspace, &SERVICES, || {
                    plain(workspace, ["nextest", "run", "--workspace", "--all-features"])
                })
            }
            Self::Doctests => plain(workspace, ["test", "--doc", "--workspace", "--all-features"]),
            Self::Quickstart => quickstart::check(workspace),
            Self::Chaos => chaos::check(workspace),
            Self::Package => package::check(workspace),
        }
    }
}

fn plain<const N: usize>(workspace: &Workspace, arguments: [&str; N]) -> Result<Vec<String>> {
    run(&mut workspace.cargo(arguments)).map(|()| Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_knows_each_step_by_the_name_in_the_table() {
        for step in Step::all() {
            assert_eq!(Step::from_str(step.name(), false), Ok(*step));
        }
    }
}
