//! The cache of compiled code.
//!
//! Compiling CPython takes a processor several seconds; reading the result back takes milliseconds. But whoever can
//! write the cached file can run code in this process. So it lies in a directory that only the process's user can
//! enter, and that is checked at each use; a directory that others could write to is refused, never repaired. A file's
//! name ends in the hash of its content, so that what a disk or a careless hand changed is not run but made anew.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A directory for compiled code that only its owner can touch.
#[derive(Debug)]
pub(super) struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// The directory `cofferdam` in the user's cache directory (`XDG_CACHE_HOME`, else `~/.cache`), if there is one.
    pub(super) fn default_directory() -> Option<PathBuf> {
        let home = |name: &str, below: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
                .map(|path| path.join(below))
        };
        home("XDG_CACHE_HOME", "cofferdam").or_else(|| home("HOME", ".cache/cofferdam"))
    }

    /// Opens the directory and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// A sentence when it cannot be made, or belongs to or is open to somebody else. A full disk is none: a program runs
    /// as well without a cache, and a directory that is not there holds nothing.
    pub(super) fn open(directory: PathBuf) -> Result<Self, String> {
        match make_private(&directory) {
            Ok(()) => check_private(&directory)?,
            Err(error) if is_full(&error) => {
                tracing::warn!(path = %directory.display(), "the disk has no room for a cache; compiled code is not kept");
            }
            Err(error) => return Err(format!("{}: {error}", directory.display())),
        }
        Ok(Self { directory })
    }

    /// Where the code of this name is, if it is there as it was stored and nobody else can have written it.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        let entries = fs::read_dir(&self.directory).ok()?.flatten();
        entries.map(|entry| entry.path()).find(|path| {
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            let Some(hash) = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')) else { return false };
            if !path.is_file() || check_private(path).is_err() {
                return false;
            }
            let intact = hash_of(path).is_ok_and(|found| hash.strip_suffix(SUFFIX) == Some(&found));
            // What is left of a store that was cut short has another ending, and is none of this.
            if !intact && hash.ends_with(SUFFIX) {
                tracing::warn!(path = %path.display(), "cached code is not what was stored; it is removed and made anew");
                let _ = fs::remove_file(path);
            }
            intact
        })
    }

    /// Stores code under a name, whole or not at all, and removes what other versions left behind long ago.
    pub(super) fn store(&self, name: &str, code: &[u8]) -> std::io::Result<()> {
        check_private(&self.directory).map_err(std::io::Error::other)?;
        self.prune();
        let name = format!("{name}-{}{SUFFIX}", blake3::hash(code).to_hex());
        // A name of its own, because several processes may find the cache empty at once.
        let partial = self.directory.join(format!("{name}.{}.partial", std::process::id()));
        let written =
            write_private(&partial, code).and_then(|()| fs::rename(&partial, self.directory.join(&name)));
        if written.is_err() {
            // Nothing half-written may stay; that the first error is reported matters more than this one.
            let _ = fs::remove_file(&partial);
        }
        written
    }

    /// Removes files that are older than [`KEPT`]. Best effort: what cannot be removed does no harm.
    fn prune(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let age = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .ok()
                .and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > KEPT) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// How long compiled code is kept. Each version of the component, of wasmtime or of its settings leaves some 40 MB; code
/// that is still in use is compiled again once in this time, at most.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// How the name of a whole file ends.
const SUFFIX: &str = ".cwasm";

/// Whether a disk, or what its user may take of it, is used up.
fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// BLAKE3 of a file, in hexadecimal. Some 40 MB take about ten milliseconds.
fn hash_of(path: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs::File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(unix)]
fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;

    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(unix)]
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// That `path` belongs to this process's user and that nobody else can write to it, nor to its directory's entries.
#[cfg(unix)]
fn check_private(path: &Path) -> Result<(), String> {
    check_owned(path, rustix::process::geteuid().as_raw())
}

/// That `path` belongs to this user alone.
#[cfg(unix)]
fn check_owned(path: &Path, user: u32) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;

    let metadata = fs::symlink_metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if metadata.is_symlink() {
        return Err(format!(
            "{} is a symbolic link, and may lead elsewhere tomorrow; name the directory itself",
            path.display()
        ));
    }
    if metadata.uid() != user {
        return Err(format!(
            "{} belongs to user {}, and code from it would run as user {user}; name a directory of your own",
            path.display(),
            metadata.uid()
        ));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(format!(
            "{} is open to other users (mode {:o}); run chmod go-rwx on it or name another",
            path.display(),
            metadata.mode() & 0o777
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn write_private(_: &Path, _: &[u8]) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn check_private(path: &Path) -> Result<(), String> {
    Err(format!("{}: whether a directory is private can only be checked on Unix", path.display()))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn cache(parent: &Path) -> Cache {
        Cache::open(parent.join("cache")).unwrap()
    }

    #[test]
    fn what_was_stored_is_found_whole_under_its_name_alone() {
        let parent = tempfile::tempdir().unwrap();
        let cache = cache(parent.path());
        assert_eq!(cache.find("python-a"), None);
        cache.store("python-a", b"code").unwrap();
        let path = cache.find("python-a").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"code");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(cache.find("python"), None);
        assert_eq!(cache.find("python-b"), None);
    }

    #[test]
    fn what_was_cut_short_changed_or_opened_is_not_found() {
        let parent = tempfile::tempdir().unwrap();
        let cache = cache(parent.path());
        for spoil in [
            |path: &Path| fs::write(path, b"co").unwrap(),
            |path: &Path| fs::write(path, b"").unwrap(),
            |path: &Path| fs::write(path, b"kode").unwrap(),
            |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap(),
            |path: &Path| {
                let elsewhere = path.with_extension("elsewhere");
                fs::rename(path, &elsewhere).unwrap();
                symlink(&elsewhere, path).unwrap();
            },
        ] {
            cache.store("python", b"code").unwrap();
            spoil(&cache.find("python").unwrap());
            assert_eq!(cache.find("python"), None);
        }
        cache.store("python", b"code").unwrap();
        assert!(cache.find("python").is_some());
    }

    #[test]
    fn what_belongs_to_somebody_else_is_named_with_both_users() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let user = rustix::process::geteuid().as_raw();
        assert_eq!(check_owned(file.path(), user), Ok(()));
        let said = check_owned(file.path(), user + 1).unwrap_err();
        assert!(said.contains(&format!("belongs to user {user}, and")), "{said}");
        assert!(said.contains(&format!("would run as user {}", user + 1)), "{said}");
    }

    #[test]
    fn a_directory_that_is_a_link_is_refused_whosever_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let (real, link) = (parent.path().join("real"), parent.path().join("link"));
        Cache::open(real.clone()).unwrap();
        symlink(&real, &link).unwrap();
        assert!(Cache::open(link.clone()).unwrap_err().contains("is a symbolic link"));
        // One that leads nowhere is not followed either.
        fs::remove_dir(&real).unwrap();
        Cache::open(link).unwrap_err();
        assert!(!real.exists());
    }

    #[test]
    fn nothing_is_stored_in_a_directory_that_was_opened_or_removed_meanwhile() {
        let parent = tempfile::tempdir().unwrap();
        let cache = cache(parent.path());
        fs::set_permissions(&cache.directory, fs::Permissions::from_mode(0o755)).unwrap();
        cache.store("python", b"code").unwrap_err();
        assert_eq!(cache.directory.read_dir().unwrap().count(), 0);
        fs::remove_dir(&cache.directory).unwrap();
        cache.store("python", b"code").unwrap_err();
        assert_eq!(cache.find("python"), None);
    }
}
