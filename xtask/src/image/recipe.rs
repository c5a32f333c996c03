//! What of this repository goes into the image, and what the image says of itself.

use std::fs;
use std::path::PathBuf;

use super::packages::Packages;
use crate::error::{Context, Result};
use crate::workspace::Workspace;

/// Changes with everything that this program does to a root folder and that no file of the recipe shows.
const REVISION: &str = "1";

/// Where the image keeps the runner and what it imports.
pub(super) const HOME: &str = "usr/lib/cofferdam";

/// The files of the image's own folder: name there, and name here.
const FILES: [(&str, &str); 8] = [
    ("runner.py", "sandbox/docker/runner.py"),
    ("confine.py", "sandbox/docker/confine.py"),
    ("modules.txt", "sandbox/docker/modules.txt"),
    ("standard.txt", "sandbox/guest/python/modules.txt"),
    ("cofferdam.py", "sandbox/guest/python/cofferdam.py"),
    ("cofferdam_policy.py", "sandbox/guest/python/cofferdam_policy.py"),
    ("cofferdam_rules.json", "sandbox/guest/python/cofferdam_rules.json"),
    ("cofferdam_runtime.py", "sandbox/guest/python/cofferdam_runtime.py"),
];

/// The files, read.
pub(super) struct Recipe {
    pub(super) files: Vec<(&'static str, String)>,
    dockerfile: PathBuf,
}

impl Recipe {
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let mut files = Vec::new();
        for (name, place) in FILES {
            let path = workspace.root.join(place);
            files.push((name, fs::read_to_string(&path).context(|| format!("read {}", path.display()))?));
        }
        Ok(Self { files, dockerfile: workspace.root.join("sandbox/docker/Dockerfile") })
    }

    /// What programs in the image may import.
    pub(super) fn modules(&self) -> Vec<&str> {
        let lists = ["standard.txt", "modules.txt"];
        let texts = lists.iter().flat_map(|list| self.files.iter().filter(move |(name, _)| name == list));
        texts.flat_map(|(_, text)| text.split_whitespace()).collect()
    }

    /// A fingerprint of all that the image is made of.
    pub(super) fn content(&self, packages: &Packages) -> String {
        let texts = self.files.iter().flat_map(|(name, text)| [*name, text.as_str()]);
        let names = packages.files().iter().map(String::as_str);
        let parts: Vec<&str> = std::iter::once(REVISION).chain(texts).chain(names).collect();
        format!("{:016x}", fingerprint(&parts))
    }

    /// What `docker import` is told beside the files. The protocol is the one in the Dockerfile, so that the two images
    /// cannot differ in it.
    pub(super) fn changes(&self, python: &str, content: &str) -> Result<Vec<String>> {
        let path = &self.dockerfile;
        let text = fs::read_to_string(path).context(|| format!("read {}", path.display()))?;
        let protocol = text
            .lines()
            .find_map(|line| line.strip_prefix("LABEL cofferdam.protocol="))
            .ok_or_else(|| format!("{} has no label cofferdam.protocol", path.display()))?;
        Ok(vec![
            format!(r#"ENTRYPOINT ["/usr/bin/python3", "-s", "-S", "-B", "/{HOME}/runner.py"]"#),
            "USER 65534:65534".to_owned(),
            "WORKDIR /".to_owned(),
            format!("LABEL cofferdam.protocol={protocol}"),
            format!("LABEL cofferdam.python={python}"),
            format!("LABEL cofferdam.modules={}", self.modules().join(",")),
            format!("LABEL cofferdam.content={content}"),
        ])
    }
}

/// FNV-1a. It tells versions of our own files apart, and protects from nobody.
fn fingerprint(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_and_its_edge_change_the_fingerprint() {
        let seen = [&["ab", "c"][..], &["a", "bc"], &["ab", "d"], &["ab"], &[]].map(fingerprint);
        for (index, one) in seen.iter().enumerate() {
            assert!(!seen.iter().skip(index + 1).any(|other| other == one));
        }
    }

    #[test]
    fn the_repository_has_a_recipe_with_numpy_in_it() {
        let recipe = Recipe::read(&Workspace::find().unwrap()).unwrap();
        assert!(recipe.modules().contains(&"numpy.linalg") && recipe.modules().contains(&"math"));
        assert!(!recipe.modules().contains(&"os"));
        let changes = recipe.changes("3.11", "0").unwrap();
        assert!(changes.contains(&"LABEL cofferdam.protocol=1".to_owned()), "{changes:?}");
    }
}
