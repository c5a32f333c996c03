//! A real Redis, brought up, killed, repaired and taken down by the command itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

fn services(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["services", "--folder"]).arg(folder).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The pid of the only process of the service.
fn pid(folder: &Path) -> String {
    let entries = fs::read_dir(folder.join("redis")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "pid")).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    fs::read_to_string(&files[0]).unwrap().lines().next().unwrap().to_owned()
}

/// Whether a redis-server of this folder still runs under the pid; a zombie has no command line.
fn runs(pid: &str, folder: &Path) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains(folder.to_str().unwrap())
}

fn ping(url: &str) -> bool {
    let address = url.strip_prefix("redis://").unwrap().trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).unwrap();
    reply == *b"+PONG\r\n"
}

/// Takes the services down however the test ends.
struct TakenDown<'a>(&'a Path);

impl Drop for TakenDown<'_> {
    fn drop(&mut self) {
        services(self.0, &["down"]);
    }
}

#[test]
fn redis_comes_up_is_repaired_and_goes_down() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let _taken_down = TakenDown(folder);

    let up = services(folder, &["up", "redis"]);
    if !up.status.success() {
        // A machine without Redis on which we may not install it: then the way out is told.
        assert!(errors(&up).contains("`apt-get install redis-server redis-tools`"), "{}", errors(&up));
        return;
    }
    let environment = fs::read_to_string(folder.join("env")).unwrap();
    assert_eq!(environment, text(&up));
    let url = environment.trim_end().strip_prefix("COFFERDAM_REDIS_URL=").unwrap();
    assert!(ping(url));
    let first = pid(folder);

    let again = services(folder, &["up", "redis"]);
    assert_eq!(text(&again), environment);
    assert_eq!(pid(folder), first, "a service that is up was started again");

    assert!(Command::new("kill").args(["-KILL", &first]).status().unwrap().success());
    while runs(&first, folder) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(text(&services(folder, &["status", "redis"])).contains("broken"));
    let repaired = services(folder, &["up", "redis"]);
    assert!(repaired.status.success(), "{}", errors(&repaired));
    assert_ne!(pid(folder), first);
    let second = pid(folder);

    for _ in 0..2 {
        let down = services(folder, &["down"]);
        assert!(down.status.success(), "{}", errors(&down));
        assert!(!folder.join("redis").exists() && !folder.join("env").exists());
    }
    assert!(!runs(&second, folder));
    assert!(text(&services(folder, &["status", "redis"])).contains("down"));
}

#[test]
fn down_leaves_a_process_alone_that_only_has_the_pid() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    fs::create_dir(folder.join("redis")).unwrap();
    let file = format!("{}\n1\n{}\n", stranger.id(), folder.join("redis").display());
    fs::write(folder.join("redis/16379.pid"), file).unwrap();
    assert!(services(folder, &["down", "redis"]).status.success());
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was ended");
    assert!(!folder.join("redis").exists());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_pid_file_that_cannot_be_read_stops_down_before_the_data_goes() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    fs::create_dir(folder.join("redis")).unwrap();
    fs::write(folder.join("redis/16379.pid"), "torn").unwrap();
    let down = services(folder, &["down"]);
    assert!(!down.status.success());
    assert!(errors(&down).contains("is no pid file of ours"), "{}", errors(&down));
    assert!(folder.join("redis").exists());
}

#[test]
fn an_unknown_service_is_refused_with_the_list() {
    let directory = tempfile::tempdir().unwrap();
    let refused = services(directory.path(), &["up", "kafka"]);
    assert!(!refused.status.success());
    let errors = errors(&refused);
    assert!(errors.contains("kafka") && errors.contains("redis-cluster"), "{errors}");
}
