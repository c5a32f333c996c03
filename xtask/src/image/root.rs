//! The folder that becomes the image: what stays of the packages, and what is added.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::recipe::{HOME, Recipe};
use crate::error::{Context, Result};
use crate::workspace::capture;

/// What numpy and pandas are made of, and where Debian keeps it.
const PACKAGES: [&str; 5] = ["dateutil", "numpy", "pandas", "pytz", "six.py"];
const DEBIAN_PACKAGES: &str = "usr/lib/python3/dist-packages";

/// Parts of Python's library that start processes, show windows, install things or test Python itself.
const UNNEEDED_LIBRARY: [&str; 14] = [
    "curses",
    "dbm",
    "distutils",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "sqlite3",
    "test",
    "tkinter",
    "turtledemo",
    "venv",
    "wsgiref",
    "xmlrpc",
];

/// Beginnings of the names of compiled modules that are not needed, most of them because their libraries are not there.
const UNNEEDED_MODULES: [&str; 16] = [
    "_codecs_",
    "_crypt",
    "_ctypes_test",
    "_curses",
    "_dbm",
    "_gdbm",
    "_hashlib",
    "_multibytecodec",
    "_sqlite3",
    "_ssl",
    "_test",
    "_uuid",
    "_xx",
    "nis",
    "ossaudiodev",
    "readline",
];

/// Beginnings of the names of the C library's parts that nothing here loads.
const UNNEEDED_LIBRARIES: [&str; 10] = [
    "libBrokenLocale",
    "libanl",
    "libc_malloc_debug",
    "libmemusage",
    "libnsl",
    "libnss_",
    "libpcprofile",
    "libresolv",
    "libthread_db",
    "libutil",
];

/// Folders beside the interpreter that it does not read.
const UNNEEDED_FOLDERS: [&str; 5] = ["usr/include", "usr/sbin", "var", "etc", "usr/lib/python3"];

/// A root folder under construction.
pub(super) struct Root {
    path: PathBuf,
}

impl Root {
    /// Makes the folder, empty.
    pub(super) fn make(path: PathBuf) -> Result<Self> {
        remove(&path)?;
        fs::create_dir_all(&path).context(|| format!("make {}", path.display()))?;
        // As the root of a file system has it.
        mode(&path, 0o755)?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn remove(self) -> Result {
        remove(&self.path)
    }

    /// Turns unpacked packages into the image. Answers the version of Python.
    pub(super) fn arrange(&self, recipe: &Recipe) -> Result<String> {
        let version = self.version()?;
        let home = self.path.join(HOME);
        fs::create_dir_all(&home).context(|| format!("make {}", home.display()))?;
        for package in PACKAGES {
            let (from, to) = (self.path.join(DEBIAN_PACKAGES).join(package), home.join(package));
            fs::rename(&from, &to).context(|| format!("move {}", from.display()))?;
        }
        for (name, text) in &recipe.files {
            let path = home.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).context(|| format!("make {}", folder.display()))?;
            }
            fs::write(path, text).context(|| format!("write {name}"))?;
        }
        self.link_libraries()?;
        self.prune(&version)?;
        for folder in ["dev", "etc", "proc", "sys", "tmp"] {
            fs::create_dir_all(self.path.join(folder)).context(|| format!("make {folder}"))?;
        }
        mode(&self.path.join("tmp"), 0o1777)?;
        self.write("etc/passwd", "nobody:x:65534:65534:nobody:/tmp:/\n")?;
        self.write("etc/group", "nogroup:x:65534:\n")?;
        // Checked by nobody at the start of a container, so that it starts sooner; the root is read-only anyway.
        let library = format!("/usr/lib/python{version}");
        let compile = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"];
        self.python(&[&compile[..], &[&library, &format!("/{HOME}")]].concat())?;
        Ok(version)
    }

    /// Imports in the folder what programs may import in the image.
    pub(super) fn check(&self, recipe: &Recipe) -> Result {
        let modules = recipe.modules().join(",");
        let program =
            format!("import sys; sys.path.insert(0, '/{HOME}')\nimport resource, ctypes, {modules}");
        self.python(&["-c", &program]).map(|_| ()).context(|| "try the image's modules".into())
    }

    fn python(&self, arguments: &[&str]) -> Result<String> {
        capture(
            Command::new("chroot")
                .arg(&self.path)
                .args(["/usr/bin/python3", "-s", "-S", "-B"])
                .args(arguments)
                .current_dir("/")
                .env_clear()
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        )
    }

    /// The version whose interpreter was unpacked, such as 3.11.
    fn version(&self) -> Result<String> {
        let names = names(&self.path.join("usr/bin"))?;
        let version = names.iter().filter_map(|name| name.strip_prefix("python3."));
        let version = version.filter(|minor| minor.bytes().all(|byte| byte.is_ascii_digit())).max();
        version.map(|minor| format!("3.{minor}")).ok_or_else(|| "the packages hold no Python".into())
    }

    /// Makes the links that the packages' scripts would make: those of newer releases from /lib into /usr, and those to the
    /// one implementation of BLAS and LAPACK that is there.
    fn link_libraries(&self) -> Result {
        for folder in ["lib", "lib64"] {
            if !self.path.join(folder).exists() && self.path.join("usr").join(folder).is_dir() {
                link(&format!("usr/{folder}"), &self.path.join(folder))?;
            }
        }
        for folder in self.library_folders()? {
            for (name, library) in [("blas", "libblas.so.3"), ("lapack", "liblapack.so.3")] {
                if folder.join(name).join(library).exists() && !folder.join(library).exists() {
                    link(&format!("{name}/{library}"), &folder.join(library))?;
                }
            }
        }
        Ok(())
    }

    /// The folders of shared libraries, such as usr/lib/x86_64-linux-gnu.
    fn library_folders(&self) -> Result<Vec<PathBuf>> {
        let mut folders = Vec::new();
        for above in ["lib", "usr/lib"] {
            let above = self.path.join(above);
            let names = if above.is_dir() { names(&above)? } else { Vec::new() };
            folders
                .extend(names.iter().filter(|name| name.contains("-linux-gnu")).map(|name| above.join(name)));
        }
        Ok(folders)
    }

    fn prune(&self, version: &str) -> Result {
        for folder in UNNEEDED_FOLDERS {
            remove(&self.path.join(folder))?;
        }
        keep_only(&self.path.join("usr/bin"), |name| {
            name == "python3" || name == format!("python{version}")
        })?;
        keep_only(&self.path.join("usr/share"), |name| name == "zoneinfo")?;
        let library = self.path.join(format!("usr/lib/python{version}"));
        keep_only(&library, |name| !UNNEEDED_LIBRARY.contains(&name) && name != "sitecustomize.py")?;
        keep_only(&library.join("lib-dynload"), |name| !starts_with(name, &UNNEEDED_MODULES))?;
        for folder in self.library_folders()? {
            keep_only(&folder, |name| name != "gconv" && !starts_with(name, &UNNEEDED_LIBRARIES))?;
        }
        tidy(&self.path)
    }

    fn write(&self, name: &str, text: &str) -> Result {
        fs::write(self.path.join(name), text).context(|| format!("write {name}"))
    }
}

/// Removes the tests of all packages, and the bits that lend a user's or group's rights.
fn tidy(folder: &Path) -> Result {
    for name in names(folder)? {
        let path = folder.join(&name);
        let data = fs::symlink_metadata(&path).context(|| format!("look at {}", path.display()))?;
        if data.is_dir() && name == "tests" {
            remove(&path)?;
            continue;
        }
        if !data.is_symlink() && data.permissions().mode() & 0o6000 != 0 {
            mode(&path, data.permissions().mode() & 0o777)?;
        }
        if data.is_dir() {
            tidy(&path)?;
        }
    }
    Ok(())
}

fn starts_with(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| name.starts_with(beginning))
}

/// Removes from a folder, if it is there, what is not worth keeping.
fn keep_only(folder: &Path, worth: impl Fn(&str) -> bool) -> Result {
    if folder.is_dir() {
        for name in names(folder)?.iter().filter(|name| !worth(name)) {
            remove(&folder.join(name))?;
        }
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).context(|| format!("list {}", folder.display()))? {
        let name = entry.context(|| format!("list {}", folder.display()))?.file_name();
        names.push(name.into_string().map_err(|name| format!("{name:?} is not UTF-8"))?);
    }
    names.sort();
    Ok(names)
}

/// Removes a file, a link or a folder, if it is there.
fn remove(path: &Path) -> Result {
    let done = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    done.context(|| format!("remove {}", path.display()))
}

fn link(target: &str, path: &Path) -> Result {
    symlink(target, path).context(|| format!("link {}", path.display()))
}

fn mode(path: &Path, mode: u32) -> Result {
    fs::set_permissions(path, Permissions::from_mode(mode)).context(|| format!("change {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_lent_rights_go_and_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir_all(root.join("numpy/tests/data")).unwrap();
        let outside = directory.path().join("outside");
        fs::write(&outside, "").unwrap();
        mode(&outside, 0o4755).unwrap();
        symlink(&outside, root.join("numpy/link")).unwrap();
        fs::write(root.join("numpy/tool"), "").unwrap();
        mode(&root.join("numpy/tool"), 0o4755).unwrap();
        tidy(&root).unwrap();
        assert_eq!(names(&root.join("numpy")).unwrap(), ["link", "tool"]);
        assert_eq!(fs::metadata(root.join("numpy/tool")).unwrap().permissions().mode() & 0o7777, 0o755);
        assert_eq!(fs::metadata(&outside).unwrap().permissions().mode() & 0o7777, 0o4755);
    }
}
