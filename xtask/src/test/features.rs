//! Each crate compiles without its features, with each of them alone, with its defaults and with all.
//!
//! Clippy does the compiling: it takes as long as `check`, shares its output, and turns a warning of the crate itself
//! into a failure. A function that is dead as soon as one feature is off shows up only here.

use cargo_metadata::Package;

use crate::error::{Context, Result};
use crate::workspace::{Workspace, capture};

/// Compiles every combination and reports all that fail, not just the first.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut failures = Vec::new();
    for member in &workspace.members {
        for flags in combinations(&features(member), published(member)) {
            println!("{} {}", member.name, flags.join(" "));
            let mut command = workspace.cargo(["clippy", "--quiet", "--package", &member.name]);
            if let Err(error) = capture(command.args(&flags).args(["--", "-D", "warnings"])) {
                eprintln!("{error}");
                failures.push(format!("{} {}", member.name, flags.join(" ")));
            }
        }
    }
    match failures.as_slice() {
        [] => Ok(Vec::new()),
        failures => Err(format!("do not compile cleanly alone: {}", failures.join(", "))).context(|| {
            "each feature must stand for itself, so enable in Cargo.toml what it needs or gate what it does not"
                .into()
        }),
    }
}

/// Whether others may depend on the package. One that is not published is compiled whole by other gates, and nobody
/// takes it without its features.
fn published(member: &Package) -> bool {
    member.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}

/// The features to compile alone. Defaults that only stand for one other feature, or for none, say nothing new.
fn features(member: &Package) -> Vec<String> {
    let repeats = |name: &str| name == "default" && member.features.get(name).is_none_or(|of| of.len() < 2);
    member.features.keys().filter(|name| !repeats(name)).cloned().collect()
}

/// The flags of each combination. A published crate without features has just one; `default` is a feature like any
/// other.
fn combinations(features: &[String], published: bool) -> Vec<Vec<String>> {
    let flags = |flags: &[&str]| flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>();
    let alone = features.iter().map(|feature| flags(&["--no-default-features", "--features", feature]));
    match (published, features) {
        (false, _) => alone.collect(),
        (true, []) => vec![Vec::new()],
        (true, _) => std::iter::once(flags(&["--no-default-features"]))
            .chain(alone)
            .chain([flags(&["--all-features"])])
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_features_is_compiled_once() {
        assert_eq!(combinations(&[], true), [Vec::<String>::new()]);
    }

    #[test]
    fn a_package_that_is_not_published_is_compiled_with_each_feature_alone() {
        assert_eq!(combinations(&[], false), Vec::<Vec<String>>::new());
        assert_eq!(
            combinations(&["queue".into()], false),
            [["--no-default-features", "--features", "queue"]]
        );
    }

    #[test]
    fn every_feature_is_compiled_without_the_defaults() {
        let flags: Vec<_> = combinations(&["default".into(), "sqlite".into()], true)
            .iter()
            .map(|flags| flags.join(" "))
            .collect();
        let expected = [
            "--no-default-features",
            "--no-default-features --features default",
            "--no-default-features --features sqlite",
            "--all-features",
        ];
        assert_eq!(flags, expected);
    }
}
