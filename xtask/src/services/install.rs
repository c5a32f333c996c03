//! Programs that the services need, found on the machine or installed from Debian's packages.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::user::is_root;
use crate::error::{Context, Result};
use crate::workspace::capture;

/// Servers live here, and the PATH of an ordinary user often leaves it out.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// What Debian's package scripts ask before they start a service; 101 means "do not".
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Returns the paths of the programs, in the order asked, after installing the packages if one is missing.
pub(super) fn require<const N: usize>(programs: [&str; N], packages: &[&str]) -> Result<[PathBuf; N]> {
    if programs.iter().any(|program| find(program).is_none()) {
        install(packages)?;
    }
    let mut paths = programs.map(PathBuf::from);
    for path in &mut paths {
        let program = path.display().to_string();
        *path = find(&program)
            .ok_or_else(|| format!("{program} is missing although {} is installed", packages.join(" ")))?;
    }
    Ok(paths)
}

/// The program's path, if the machine has it.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&inherited)
        .chain(SYSTEM_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Installs packages without letting any of them start a service of its own.
pub(super) fn install(packages: &[&str]) -> Result {
    let list = packages.join(" ");
    if !is_root() || find("apt-get").is_none() {
        return Err(format!(
            "the packages {list} are needed: install them, as root on Debian by `apt-get install {list}`, and try \
             again"
        )
        .into());
    }
    eprintln!("installing {list}");
    let _policy = NoServices::declare(Path::new(POLICY))?;
    let advice = || format!("install {list} by hand and try again");
    capture(&mut apt(&["update", "--quiet"])).context(advice)?;
    capture(apt(&["install", "--yes", "--quiet", "--no-install-recommends"]).args(packages))
        .context(advice)?;
    Ok(())
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    // Another apt at work is waited for, but not for ever.
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// While it lives, packages do not start services. A policy that the machine already has is left as it is.
struct NoServices {
    /// The file to remove, if it is ours.
    ours: Option<PathBuf>,
}

impl NoServices {
    fn declare(policy: &Path) -> Result<Self> {
        match OpenOptions::new().write(true).create_new(true).mode(0o755).open(policy) {
            Ok(mut file) => {
                let guard = Self { ours: Some(policy.to_owned()) };
                file.write_all(b"#!/bin/sh\nexit 101\n").context(|| format!("write {}", policy.display()))?;
                Ok(guard)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Self { ours: None }),
            Err(error) => Err(error).context(|| format!("make {}", policy.display())),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(policy) = &self.ours
            && let Err(error) = fs::remove_file(policy)
        {
            let policy = policy.display();
            eprintln!("remove {policy} by hand, or packages will not start their services: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_and_folders_are_not_programs() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-such-program-anywhere"), None);
        assert_eq!(find("."), None);
    }

    #[test]
    fn services_are_held_back_for_the_time_of_the_installation() {
        let directory = tempfile::tempdir().unwrap();
        let policy = directory.path().join("policy-rc.d");
        let guard = NoServices::declare(&policy).unwrap();
        let within = NoServices::declare(&policy).unwrap();
        assert_eq!(Command::new(&policy).status().unwrap().code(), Some(101));
        drop(within);
        assert!(policy.exists(), "a policy that was there before was removed");
        drop(guard);
        assert!(!policy.exists());
    }
}
