//! The cache of compiled code.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cofferdam_sandbox::{Error, Input, Program, Sandbox, WasmSandbox, WasmSandboxBuilder};

use super::limits;

fn builder() -> WasmSandboxBuilder {
    WasmSandbox::builder().allow_unchecked(true).fuel(true)
}

async fn works(sandbox: &WasmSandbox) {
    let outcome = sandbox.run(&Program::unchecked("result = 1"), &Input::new(), &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 1);
}

#[tokio::test]
async fn code_is_kept_privately_and_a_damaged_file_is_replaced() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("cache");
    works(&builder().cache(&directory).build().unwrap()).await;
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let files: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let whole = std::fs::read(file).unwrap();

    // Cut off, as by a machine that lost power.
    std::fs::write(file, &whole[..whole.len() / 2]).unwrap();
    works(&builder().cache(&directory).build().unwrap()).await;
    assert_eq!(file.metadata().unwrap().len() as usize, whole.len());

    // One bit, in code that would have run.
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    std::fs::write(file, &changed).unwrap();
    works(&builder().cache(&directory).build().unwrap()).await;
    assert!(std::fs::read(file).unwrap() == whole);

    // Open to others: not read, since anybody may have written it.
    let before = file.metadata().unwrap().modified().unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o666)).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    works(&builder().cache(&directory).build().unwrap()).await;
    assert!(file.metadata().unwrap().modified().unwrap() > before);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_directory_that_others_can_enter_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("open");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    match builder().cache(&directory).build().unwrap_err() {
        Error::Backend { source, .. } => {
            assert!(source.to_string().contains("open to other users"), "{source}")
        }
        other => panic!("{other}"),
    }
    assert_eq!(directory.read_dir().unwrap().count(), 0);
}

/// Tells a part of a test below its folder, and that it runs where it may mount.
const FOLDER: &str = "COFFERDAM_TEST_CACHE";

/// Runs a part of a test in a process of its own, which may mount what nobody else sees and what is gone with it. It
/// needs root, or a kernel that lets others have a user namespace.
fn apart(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .env("XDG_CACHE_HOME", folder.path().join("small/home"))
        .output()
        .expect("the unshare command");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The folder of the part; `None` when nobody asked for it.
fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn mount(kind: &[&str], place: &Path) {
    let output = Command::new("mount").args(kind).arg(place).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn files(directory: &Path) -> Vec<PathBuf> {
    directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_full_disk_costs_the_cache_and_nothing_else() {
    apart("cache::full_disk");
}

#[tokio::test]
#[ignore = "it is a part of the test before it, which runs it where it may mount"]
async fn full_disk() {
    let Some(folder) = folder() else { return };
    // The code takes some tens of megabytes.
    let small = folder.join("small");
    std::fs::create_dir(&small).unwrap();
    mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"], &small);
    let named = small.join("named");
    works(&builder().cache(&named).build().unwrap()).await;
    assert_eq!(files(&named), Vec::<PathBuf>::new());
    works(&builder().build().unwrap()).await;
    let default = small.join("home/cofferdam");
    assert_eq!(default.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(files(&default), Vec::<PathBuf>::new());

    // Not even a directory has room.
    let none = folder.join("none");
    std::fs::create_dir(&none).unwrap();
    mount(&["-t", "tmpfs", "-o", "size=1m,nr_inodes=1", "tmpfs"], &none);
    works(&builder().cache(none.join("named")).build().unwrap()).await;
    assert_eq!(files(&none), Vec::<PathBuf>::new());
}

#[test]
fn what_somebody_else_put_there_is_not_run() {
    apart("cache::foreign");
}

#[tokio::test]
#[ignore = "it is a part of the test before it, which runs it where it may mount"]
async fn foreign() {
    let Some(folder) = folder() else { return };
    let directory = folder.join("cache");
    works(&builder().cache(&directory).build().unwrap()).await;
    let [file] = &files(&directory)[..] else { panic!("{directory:?}") };
    // Whole, and as private as ours; but somebody else can change it at any time.
    if std::os::unix::fs::chown(file, Some(65534), None).is_err() {
        mount(&["--bind", "/etc/passwd"], file);
    }
    assert_eq!(file.metadata().unwrap().uid(), 65534);
    works(&builder().cache(&directory).build().unwrap()).await;
    if rustix::process::geteuid().as_raw() == file.metadata().unwrap().uid() {
        assert_eq!(&files(&directory)[..], std::slice::from_ref(file));
    }

    if std::os::unix::fs::chown(&directory, Some(65534), None).is_err() {
        mount(&["--bind", "/etc"], &directory);
    }
    let link = folder.join("link");
    std::os::unix::fs::symlink(&directory, &link).unwrap();
    let _ = std::os::unix::fs::lchown(&link, Some(65534), None);
    for (refused, expected) in [(&directory, "belongs to user 65534"), (&link, "is a symbolic link")] {
        match builder().cache(refused).build().unwrap_err() {
            Error::Backend { source, .. } => assert!(source.to_string().contains(expected), "{source}"),
            other => panic!("{other}"),
        }
    }
}
