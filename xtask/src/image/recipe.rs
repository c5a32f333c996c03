//! What of this repository goes into the image, and what the image says of itself.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::packages::Packages;
use crate::error::{Context, Result};
use crate::workspace::Workspace;

/// Changes with everything that this program does to a root folder and that no file of the recipe shows.
const REVISION: &str = "1";

/// Where the image keeps the runner and what it imports.
pub(super) const HOME: &str = "usr/lib/cofferdam";

/// The files of the image's own folder: name there, and name here.
const FILES: [(&str, &str); 6] = [
    ("runner.py", "sandbox/docker/runner.py"),
    ("confine.py", "sandbox/docker/confine.py"),
    ("modules.txt", "sandbox/docker/modules.txt"),
    ("standard.txt", "sandbox/guest/python/modules.txt"),
    ("cofferdam.py", "sandbox/guest/python/cofferdam.py"),
    ("cofferdam_runtime.py", "sandbox/guest/python/cofferdam_runtime.py"),
];

/// The packages of Python beside them, each with all that is in it.
const PACKAGES: [(&str, &str); 1] = [("cofferdam_policy", "sandbox/guest/python/cofferdam_policy")];

/// The files, read, with their paths in the image's own folder.
pub(super) struct Recipe {
    pub(super) files: Vec<(String, String)>,
    dockerfile: PathBuf,
}

impl Recipe {
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let mut files = Vec::new();
        for (name, place) in FILES {
            let path = workspace.root.join(place);
            files.push((name.to_owned(), text(&path)?));
        }
        for (name, place) in PACKAGES {
            package(name, &workspace.root.join(place), &mut files)?;
        }
        Ok(Self { files, dockerfile: workspace.root.join("sandbox/docker/Dockerfile") })
    }

    /// What programs in the image may import.
    pub(super) fn modules(&self) -> Vec<&str> {
        let lists = ["standard.txt", "modules.txt"];
        let texts = lists.iter().flat_map(|list| self.files.iter().filter(move |(name, _)| name == *list));
        texts.flat_map(|(_, text)| text.split_whitespace()).collect()
    }

    /// A fingerprint of all that the image is made of.
    pub(super) fn content(&self, packages: &Packages) -> String {
        let texts = self.files.iter().flat_map(|(name, text)| [name.as_str(), text]);
        let names = packages.files().iter().map(String::as_str);
        let parts: Vec<&str> = std::iter::once(REVISION).chain(texts).chain(names).collect();
        format!("{:016x}", fingerprint(&parts))
    }

    /// What `docker import` is told beside the files. The protocol is the one in the Dockerfile, so that the two images
    /// cannot differ in it.
    pub(super) fn changes(&self, python: &str, content: &str) -> Result<Vec<String>> {
        let path = &self.dockerfile;
        let text = text(path)?;
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

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).context(|| format!("read {}", path.display()))
}

/// Adds the modules of a package and their data, in the order of their names, so that the fingerprint is the same
/// everywhere.
fn package(name: &str, folder: &Path, files: &mut Vec<(String, String)>) -> Result {
    let read = || format!("read {}", folder.display());
    let entries: Vec<_> =
        fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<_>>()).context(read)?;
    let mut paths: Vec<_> = entries.iter().map(DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let Some(own) = path.file_name().and_then(OsStr::to_str) else { continue };
        let inside = format!("{name}/{own}");
        if path.is_dir() && own != "__pycache__" {
            package(&inside, &path, files)?;
        } else if let Some("py" | "json") = path.extension().and_then(OsStr::to_str) {
            files.push((inside, text(&path)?));
        }
    }
    Ok(())
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
        for name in ["cofferdam_policy/rules.json", "cofferdam_policy/walk/__init__.py"] {
            assert!(recipe.files.iter().any(|(file, _)| file == name), "{name}");
        }
        let changes = recipe.changes("3.11", "0").unwrap();
        assert!(changes.contains(&"LABEL cofferdam.protocol=1".to_owned()), "{changes:?}");
    }
}
