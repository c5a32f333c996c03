//! A part of a test in a process of its own, where it may mount a small disk.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

const FOLDER: &str = "COFFERDAM_STORE_TEST_FOLDER";

/// Runs the ignored test `part` of this program in a mount namespace of its own.
pub fn apart(part: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .arg(std::env::current_exe().unwrap())
        .args([part, "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .expect("the unshare command");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A disk of so many KiB for a part; `None` when nobody asked for the part.
pub fn small_disk(kib: u32) -> Option<PathBuf> {
    let disk = PathBuf::from(std::env::var_os(FOLDER)?).join("small");
    std::fs::create_dir(&disk).unwrap();
    let output = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
        .arg(&disk)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(disk)
}

/// Fills a disk to the last byte; removing the file that this returns makes room again.
pub fn fill(disk: &Path) -> PathBuf {
    use std::io::Write as _;
    let path = disk.join("ballast");
    let mut ballast = std::fs::File::create(&path).unwrap();
    for size in [4096, 1] {
        while ballast.write_all(&vec![0; size]).is_ok() {}
    }
    path
}
