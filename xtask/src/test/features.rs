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
        for flags in combinations(&features(member)) {
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

/// The features to compile alone. Defaults that only stand for one other feature, or for none, say nothing new.
fn features(member: &Package) -> Vec<String> {
    let repeats = |name: &str| name == "default" && member.features.get(name).is_none_or(|of| of.len() < 2);
    member.features.keys().filter(|name| !repeats(name)).cloned().collect()
}

/// The flags of each combination. A crate without features has just one; `default` is a feature like any other.
fn combinations(features: &[String]) -> Vec<Vec<String>> {
    if features.is_empty() {
        return vec![Vec::new()];
    }
    let mut combinations = vec![vec!["--no-default-features".to_owned()]];
    for feature in features {
        combinations.push(vec!["--no-default-features".into(), "--features".into(), feature.clone()]);
    }
    combinations.push(vec!["--all-features".into()]);
    combinations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_features_is_compiled_once() {
        assert_eq!(combinations(&[]), [Vec::<String>::new()]);
    }

    #[test]
    fn every_feature_is_compiled_without_the_defaults() {
        let flags: Vec<_> =
            combinations(&["default".into(), "sqlite".into()]).iter().map(|flags| flags.join(" ")).collect();
        let expected = [
            "--no-default-features",
            "--no-default-features --features default",
            "--no-default-features --features sqlite",
            "--all-features",
        ];
        assert_eq!(flags, expected);
    }
}
