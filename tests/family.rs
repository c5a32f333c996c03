//! The shape of the family, held by a test: who may depend on whom, who owns which third-party crate, and what every
//! manifest says.
//!
//! A crate that is used alone must pull nothing of its siblings. That is lost by one line in a manifest, and nobody
//! would notice for months; so every edge that is not in [`FAMILY`] fails here, and so does a crate that is not in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use toml::{Table, Value};

/// How a crate may depend on a sibling, in normal and build dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    /// In any way.
    Any,
    /// Only where a feature asks for it.
    Optional,
    /// Only where the feature of this name asks for it.
    Feature(&'static str),
}

/// The crates of the family and all their permitted edges. Tests may use any sibling: who depends on a crate does not
/// build its tests.
const FAMILY: [(&str, &[(&str, Bond)]); 11] = [
    ("cofferdam-python", &[]),
    ("cofferdam-sandbox", &[("cofferdam-python", Bond::Optional)]),
    ("cofferdam-queue", &[]),
    ("cofferdam-heartbeat", &[]),
    ("cofferdam-store", &[]),
    ("cofferdam-optimize", &[]),
    (
        "cofferdam-telemetry",
        &[
            ("cofferdam-sandbox", Bond::Feature("sandbox")),
            ("cofferdam-queue", Bond::Feature("queue")),
            ("cofferdam-heartbeat", Bond::Feature("heartbeat")),
            ("cofferdam-store", Bond::Feature("store")),
            ("cofferdam-optimize", Bond::Feature("optimize")),
        ],
    ),
    ("cofferdam", EVERYONE),
    ("cofferdam-benches", EVERYONE),
    ("cofferdam-chaos", &[("cofferdam-queue", Bond::Any)]),
    ("xtask", &[]),
];

/// The edges of a crate that composes the others.
const EVERYONE: &[(&str, Bond)] = &[
    ("cofferdam", Bond::Any),
    ("cofferdam-python", Bond::Any),
    ("cofferdam-sandbox", Bond::Any),
    ("cofferdam-queue", Bond::Any),
    ("cofferdam-heartbeat", Bond::Any),
    ("cofferdam-store", Bond::Any),
    ("cofferdam-optimize", Bond::Any),
    ("cofferdam-telemetry", Bond::Any),
];

/// Third-party crates whose types stay out of every public signature, and the crates that may know them at all, tests
/// included. The benches measure against them and may know everything.
const OWNED: [(&str, &[&str]); 5] = [
    ("bollard", &["cofferdam-sandbox"]),
    ("prometheus-client", &["cofferdam-telemetry"]),
    ("redis", &["cofferdam-heartbeat", "cofferdam-queue"]),
    ("rustpython-parser", &["cofferdam-sandbox"]),
    ("wasmtime", &["cofferdam-sandbox"]),
];

/// A member of the workspace, as far as the rules look at it.
#[derive(Clone)]
struct Member {
    name: String,
    published: bool,
    dependencies: Vec<Dependency>,
    features: BTreeMap<String, Vec<String>>,
    /// Its Cargo.toml.
    manifest: Table,
    /// Its README.md, if there is one.
    readme: Option<String>,
    /// Its src/lib.rs, if there is one.
    library: Option<String>,
}

#[derive(Clone)]
struct Dependency {
    name: String,
    kind: DependencyKind,
    optional: bool,
}

impl Member {
    fn of(package: &Package) -> Self {
        let folder = package.manifest_path.parent().unwrap();
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            kind: dependency.kind,
            optional: dependency.optional,
        });
        Self {
            name: package.name.to_string(),
            published: package.publish.as_ref().is_none_or(|registries| !registries.is_empty()),
            dependencies: dependencies.collect(),
            features: package.features.clone(),
            manifest: fs::read_to_string(&package.manifest_path).unwrap().parse().unwrap(),
            readme: fs::read_to_string(folder.join("README.md")).ok(),
            library: fs::read_to_string(folder.join("src/lib.rs")).ok(),
        }
    }

    fn flag(&self, path: &[&str]) -> bool {
        path.iter().try_fold(&Value::Table(self.manifest.clone()), |value, key| value.get(key))
            == Some(&Value::Boolean(true))
    }
}

fn members() -> Vec<Member> {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    metadata.packages.iter().map(Member::of).collect()
}

/// What is wrong with the edges between the members.
fn wrong_edges(members: &[Member]) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in members {
        let Some((_, permitted)) = FAMILY.iter().find(|(name, _)| *name == member.name) else {
            wrong.push(format!("{} is not in the table of the family: add it with its edges", member.name));
            continue;
        };
        let shipped = member.dependencies.iter().filter(|dependency| {
            dependency.kind != DependencyKind::Development
                && members.iter().any(|other| other.name == dependency.name)
        });
        for dependency in shipped {
            let bond = permitted.iter().find(|(name, _)| *name == dependency.name).map(|(_, bond)| *bond);
            let fault = match bond {
                None => Some("must not depend on".to_owned()),
                Some(Bond::Any) => None,
                Some(_) if !dependency.optional => Some("must depend only optionally on".to_owned()),
                Some(Bond::Optional) => None,
                Some(Bond::Feature(feature)) => (!enables(member, feature, &dependency.name))
                    .then(|| format!("needs a feature `{feature}` with \"dep:{}\" for", dependency.name)),
            };
            wrong.extend(fault.map(|fault| format!("{} {fault} {}", member.name, dependency.name)));
        }
    }
    for (name, _) in FAMILY {
        if !members.iter().any(|member| member.name == name) {
            wrong.push(format!("{name} is in the table of the family but not in the workspace"));
        }
    }
    wrong
}

/// Whether this feature, and no other, brings the dependency in.
fn enables(member: &Member, feature: &str, dependency: &str) -> bool {
    let switch = format!("dep:{dependency}");
    let mut enabling = member.features.iter().filter(|(_, parts)| parts.contains(&switch));
    enabling.next().is_some_and(|(name, _)| name == feature) && enabling.next().is_none()
}

/// Who knows a third-party crate that belongs to another.
fn wrong_owners(members: &[Member]) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in members.iter().filter(|member| member.name != "cofferdam-benches") {
        for (third_party, owners) in OWNED {
            let known = member.dependencies.iter().any(|dependency| dependency.name == third_party);
            if known && !owners.contains(&member.name.as_str()) {
                wrong.push(format!(
                    "{} must not depend on {third_party}, which only {} may know",
                    member.name,
                    owners.join(" and ")
                ));
            }
        }
    }
    wrong
}

/// What is wrong with the manifests.
fn wrong_manifests(members: &[Member]) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in members {
        let mut required: Vec<&[&str]> = vec![
            &["package", "version", "workspace"],
            &["package", "edition", "workspace"],
            &["package", "rust-version", "workspace"],
            &["package", "license", "workspace"],
            &["package", "repository", "workspace"],
            &["lints", "workspace"],
        ];
        if member.published {
            required.push(&["package", "metadata", "docs", "rs", "all-features"]);
        }
        for path in required.into_iter().filter(|path| !member.flag(path)) {
            wrong.push(format!("{}: `{} = true` is missing", member.name, path.join(".")));
        }
        for name in versioned_dependencies(&member.manifest) {
            wrong.push(format!(
                "{}: {name} must say `workspace = true`; versions stand in the root manifest alone",
                member.name
            ));
        }
    }
    wrong
}

/// The dependencies of a manifest, those of one target included, that do not take their version from the workspace.
fn versioned_dependencies(manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let places = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = places.flat_map(|place| kinds.iter().filter_map(|kind| place.get(*kind)?.as_table()));
    let dependencies = tables.flatten();
    let versioned = dependencies.filter(|(_, value)| value.get("workspace") != Some(&Value::Boolean(true)));
    versioned.map(|(name, _)| name.clone()).collect()
}

/// Which published crates have no README, or one whose examples nobody compiles.
fn wrong_readmes(members: &[Member]) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in members.iter().filter(|member| member.published) {
        let hook = r#"include_str!("../README.md")"#;
        let hooked = member.library.as_ref().is_some_and(|text| text.contains(hook));
        match &member.readme {
            None => wrong.push(format!("{} has no README.md", member.name)),
            Some(text) if !text.contains("```") => {
                wrong.push(format!("{}: the README.md has no example", member.name));
            }
            Some(_) if !hooked => wrong.push(format!(
                "{}: src/lib.rs does not include ../README.md, so that its examples are not compiled",
                member.name
            )),
            Some(_) => {}
        }
    }
    wrong
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_family_has_only_the_permitted_edges() {
    assert_none(&wrong_edges(&members()));
}

#[test]
fn third_party_crates_stay_with_their_owners() {
    assert_none(&wrong_owners(&members()));
}

#[test]
fn every_manifest_follows_the_workspace() {
    assert_none(&wrong_manifests(&members()));
}

#[test]
fn every_readme_has_a_compiled_example() {
    assert_none(&wrong_readmes(&members()));
}

/// The rules themselves, on a family that breaks them one at a time.
mod rules {
    use super::*;

    const MANIFEST: &str = r#"
        [package]
        version.workspace = true
        edition.workspace = true
        rust-version.workspace = true
        license.workspace = true
        repository.workspace = true
        metadata.docs.rs.all-features = true
        [dependencies]
        serde = { workspace = true }
        [lints]
        workspace = true
    "#;

    fn family() -> Vec<Member> {
        let member = |(name, _): &(&str, &[(&str, Bond)])| Member {
            name: (*name).to_owned(),
            published: true,
            dependencies: Vec::new(),
            features: BTreeMap::new(),
            manifest: MANIFEST.parse().unwrap(),
            readme: Some("```\nassert!(true);\n```".into()),
            library: Some(r#"#![doc = include_str!("../README.md")]"#.into()),
        };
        FAMILY.iter().map(member).collect()
    }

    fn member<'a>(family: &'a mut [Member], name: &str) -> &'a mut Member {
        family.iter_mut().find(|member| member.name == name).unwrap()
    }

    fn depend(family: &mut [Member], from: &str, to: &str, kind: DependencyKind, optional: bool) {
        member(family, from).dependencies.push(Dependency { name: to.into(), kind, optional });
    }

    #[test]
    fn a_good_family_passes() {
        let mut family = family();
        depend(&mut family, "cofferdam", "cofferdam-queue", DependencyKind::Normal, false);
        depend(&mut family, "cofferdam-sandbox", "cofferdam-python", DependencyKind::Normal, true);
        depend(&mut family, "cofferdam-store", "cofferdam-queue", DependencyKind::Development, false);
        depend(&mut family, "cofferdam-queue", "redis", DependencyKind::Normal, true);
        depend(&mut family, "cofferdam-benches", "redis", DependencyKind::Normal, false);
        for wrong in
            [wrong_edges(&family), wrong_owners(&family), wrong_manifests(&family), wrong_readmes(&family)]
        {
            assert_none(&wrong);
        }
    }

    #[test]
    fn a_sibling_must_not_be_pulled_in() {
        for kind in [DependencyKind::Normal, DependencyKind::Build] {
            let mut family = family();
            depend(&mut family, "cofferdam-store", "cofferdam-queue", kind, true);
            assert_eq!(wrong_edges(&family), ["cofferdam-store must not depend on cofferdam-queue"]);
        }
    }

    #[test]
    fn the_guest_is_optional() {
        let mut family = family();
        depend(&mut family, "cofferdam-sandbox", "cofferdam-python", DependencyKind::Normal, false);
        assert_eq!(
            wrong_edges(&family),
            ["cofferdam-sandbox must depend only optionally on cofferdam-python"]
        );
    }

    #[test]
    fn telemetry_has_a_feature_of_the_siblings_name_and_no_other() {
        let expected =
            "cofferdam-telemetry needs a feature `queue` with \"dep:cofferdam-queue\" for cofferdam-queue";
        let mut family = family();
        depend(&mut family, "cofferdam-telemetry", "cofferdam-queue", DependencyKind::Normal, true);
        assert_eq!(wrong_edges(&family), [expected]);
        let features = &mut member(&mut family, "cofferdam-telemetry").features;
        features.insert("queue".into(), vec!["dep:cofferdam-queue".into()]);
        assert_none(&wrong_edges(&family));
        let features = &mut member(&mut family, "cofferdam-telemetry").features;
        features.insert("http".into(), vec!["dep:cofferdam-queue".into()]);
        assert_eq!(wrong_edges(&family), [expected]);
    }

    #[test]
    fn the_table_and_the_workspace_name_the_same_crates() {
        let mut family = family();
        member(&mut family, "xtask").name = "ytask".into();
        assert_eq!(
            wrong_edges(&family),
            [
                "ytask is not in the table of the family: add it with its edges",
                "xtask is in the table of the family but not in the workspace",
            ]
        );
    }

    #[test]
    fn a_third_party_crate_is_known_to_its_owner_alone() {
        let mut family = family();
        depend(&mut family, "cofferdam", "redis", DependencyKind::Development, false);
        assert_eq!(
            wrong_owners(&family),
            [
                "cofferdam must not depend on redis, which only cofferdam-heartbeat and cofferdam-queue may know"
            ]
        );
    }

    #[test]
    fn a_version_outside_the_root_is_found_wherever_it_stands() {
        for place in ["dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
            for entry in [r#"libc = "0.2""#, r#"libc = { version = "0.2" }"#] {
                let text = format!("{MANIFEST}\n[{place}]\n{entry}");
                assert_eq!(versioned_dependencies(&text.parse().unwrap()), ["libc"], "{text}");
            }
        }
    }

    #[test]
    fn a_manifest_must_inherit_and_tell_docs_rs() {
        for line in ["rust-version.workspace", "license.workspace", "metadata.docs.rs.all-features"] {
            let mut family = family();
            let text = MANIFEST.replace(&format!("{line} = true"), "");
            assert_ne!(text, MANIFEST);
            member(&mut family, "cofferdam").manifest = text.parse().unwrap();
            assert_eq!(wrong_manifests(&family), [format!("cofferdam: `package.{line} = true` is missing")]);
        }
        let mut family = family();
        member(&mut family, "cofferdam").manifest.remove("lints");
        assert_eq!(wrong_manifests(&family), ["cofferdam: `lints.workspace = true` is missing"]);
    }

    #[test]
    fn a_readme_without_a_compiled_example_is_found() {
        let mut family = family();
        member(&mut family, "cofferdam-store").readme = None;
        member(&mut family, "cofferdam-queue").readme = Some("words only".into());
        member(&mut family, "cofferdam-sandbox").library = Some("//! A library.".into());
        member(&mut family, "xtask").readme = None;
        member(&mut family, "xtask").published = false;
        let wrong = wrong_readmes(&family);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong.contains(&"cofferdam-store has no README.md".to_owned()));
        assert!(wrong.contains(&"cofferdam-queue: the README.md has no example".to_owned()));
    }
}
