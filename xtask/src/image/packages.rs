//! Debian's packages: which are needed, and how they are fetched and unpacked without being installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::{Context, Result};
use crate::workspace::capture;

/// What the image is for; the rest follows from what these depend on.
const WANTED: [&str; 3] = ["python3-minimal", "python3-numpy", "python3-pandas"];

/// What they depend on for modules and scripts that are not in the image. Names begin so in all releases, which differ in
/// their version suffixes.
const UNNEEDED: [&str; 25] = [
    "debconf",
    "dpkg",
    "gcc-",
    "libacl",
    "libcom-err",
    "libcrypt",
    "libdb",
    "libgssapi",
    "libk5crypto",
    "libkeyutils",
    "libkrb5",
    "libmd",
    "libncurses",
    "libnsl",
    "libpcre2",
    "libreadline",
    "libselinux",
    "libsqlite3",
    "libssl",
    "libtinfo",
    "libtirpc",
    "libuuid",
    "libzstd",
    "media-types",
    "readline-common",
];

/// The packages that are needed on this machine's release and architecture.
pub(super) struct Packages {
    /// Names of package files, with their versions, in order.
    files: Vec<String>,
}

impl Packages {
    /// Asks apt, which must know the release's packages; an update of its lists is tried once.
    pub(super) fn choose() -> Result<Self> {
        let mut ask = apt(&["install", "--print-uris", "--yes", "--quiet=2", "--no-install-recommends"]);
        ask.args(WANTED);
        let answer = capture(&mut ask).or_else(|_| {
            capture(Command::new("apt-get").args(["update", "--quiet=2"]))?;
            capture(&mut ask)
        });
        let files = parse(&answer.context(|| "ask apt for python3, numpy and pandas".into())?);
        if files.is_empty() {
            return Err("apt names no packages for python3, numpy and pandas".into());
        }
        Ok(Self { files })
    }

    /// The names of the package files.
    pub(super) fn files(&self) -> &[String] {
        &self.files
    }

    /// Fetches what is not there yet. apt checks signatures and hashes.
    pub(super) fn download(&self, folder: &Path) -> Result {
        fs::create_dir_all(folder.join("partial")).context(|| format!("make {}", folder.display()))?;
        let archives = format!("Dir::Cache::archives={}", folder.display());
        let mut fetch = apt(&["install", "--download-only", "--yes", "--quiet=2", "--no-install-recommends"]);
        // The account that apt fetches as may not enter the folder.
        fetch.args(["-o", &archives, "-o", "APT::Sandbox::User=root"]).args(WANTED);
        capture(&mut fetch).map(|_| ()).context(|| "fetch Debian's packages".into())
    }

    /// Unpacks them all over one another, without running their scripts.
    pub(super) fn unpack(&self, folder: &Path, root: &Path) -> Result {
        for file in &self.files {
            capture(Command::new("dpkg-deb").arg("--extract").arg(folder.join(file)).arg(root))?;
        }
        Ok(())
    }
}

/// An apt that believes that nothing is installed, and so names all that is needed.
fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .args(["-o", "Dir::State::status=/dev/null", "-o", "Debug::NoLocking=1"])
        .env("LC_ALL", "C");
    command
}

/// The files that apt's lines name, without those that are not needed: `'address' file size hash`.
fn parse(lines: &str) -> Vec<String> {
    let files = lines.lines().filter(|line| line.starts_with('\'')).filter_map(|line| line.split(' ').nth(1));
    let needed = files.filter(|file| !UNNEEDED.iter().any(|name| file.starts_with(name)));
    let mut files: Vec<_> = needed.map(str::to_owned).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_files_are_read_and_unneeded_ones_left_out() {
        let lines = "'http://deb.debian.org/z.deb' zlib1g_1%3a1.2.13_amd64.deb 86650 SHA256:ab\n\
                     Reading lists\n\
                     'http://deb.debian.org/l.deb' libssl3_3.0_amd64.deb 1 SHA256:cd\n\
                     'http://deb.debian.org/c.deb' libc6_2.36_amd64.deb 1 SHA256:ef\n";
        assert_eq!(parse(lines), ["libc6_2.36_amd64.deb", "zlib1g_1%3a1.2.13_amd64.deb"]);
    }
}
