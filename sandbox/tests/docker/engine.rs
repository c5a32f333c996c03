//! A Docker engine of the test's own, which may be killed, ended and filled up without harm to anybody.
//!
//! It keeps everything in a temporary folder, has no network, and is known by its socket only. It needs root and
//! `dockerd`; where either is missing the test fails and says so. When the test ends, however it ends, what the engine
//! started ends with it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long an engine may take to answer, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The engine; it ends when this is dropped.
pub(crate) struct OwnEngine {
    /// Short, since the path of a socket has a limit, and `/tmp` is short.
    folder: TempDir,
    server: Option<Child>,
    /// Whether a file system of our own lies beneath its data.
    mounted: bool,
}

impl OwnEngine {
    /// An engine that has the image.
    pub(crate) fn start() -> Self {
        Self::begin(None)
    }

    /// An engine that keeps its data on a file system of so many bytes.
    pub(crate) fn on_a_small_disk(bytes: u64) -> Self {
        Self::begin(Some(bytes))
    }

    fn begin(disk: Option<u64>) -> Self {
        assert!(rustix::process::geteuid().is_root(), "an engine of the test's own needs root");
        let folder = tempfile::Builder::new().prefix("cofferdam-engine-").tempdir_in("/tmp").unwrap();
        let mut engine = Self { folder, server: None, mounted: false };
        fs::create_dir(engine.data()).unwrap();
        if let Some(bytes) = disk {
            let size = format!("size={bytes}");
            let data = engine.data();
            run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&data));
            engine.mounted = true;
        }
        // The machine's own configuration would contradict the arguments.
        fs::write(engine.folder.path().join("daemon.json"), "{}\n").unwrap();
        engine.resume();
        engine.load();
        engine
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// Where it keeps images and containers.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the engine, for the first time or again, and waits until it answers.
    pub(crate) fn resume(&mut self) {
        assert!(self.server.is_none());
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let log = fs::File::create(path("log")).unwrap();
        let server = Command::new("dockerd")
            .arg(format!("--config-file={}", path("daemon.json")))
            .arg(format!("--host=unix://{}", path("docker.sock")))
            .arg(format!("--data-root={}", path("data")))
            .arg(format!("--exec-root={}", path("run")))
            .arg(format!("--pidfile={}", path("pid")))
            .args(["--bridge=none", "--iptables=false", "--ip-masq=false"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the dockerd command");
        self.server = Some(server);
        let begin = Instant::now();
        while !self.client(&["version"]).output().unwrap().status.success() {
            let ended = self.server.as_mut().unwrap().try_wait().unwrap();
            if ended.is_some() || begin.elapsed() > PATIENCE {
                panic!("dockerd does not answer: {}", fs::read_to_string(path("log")).unwrap());
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Ends the engine as its machine's service manager would, and waits for it.
    pub(crate) fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Ends the engine without a chance to do anything.
    pub(crate) fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut server) = self.server.take() else { return };
        kill_process(Pid::from_child(&server), signal).unwrap();
        let begin = Instant::now();
        while server.try_wait().unwrap().is_none() {
            if begin.elapsed() > PATIENCE {
                server.kill().unwrap();
            }
            sleep(Duration::from_millis(20));
        }
    }

    fn client(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.arg("--host").arg(format!("unix://{}", self.socket().display())).args(arguments);
        command
    }

    /// Asks this engine through its own client.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        run(&mut self.client(arguments))
    }

    /// All containers that it has, whatever their state.
    pub(crate) fn containers(&self) -> Vec<String> {
        self.docker(&["ps", "--all", "--quiet"]).lines().map(str::to_owned).collect()
    }

    /// Brings the image from the engine that the other tests use.
    fn load(&self) {
        let image = super::support::image();
        let mut save = Command::new("docker").args(["save", &image]).stdout(Stdio::piped()).spawn().unwrap();
        run(self.client(&["load"]).stdin(save.stdout.take().unwrap()));
        assert!(save.wait().unwrap().success(), "docker save {image}: cargo xtask image makes it");
    }

    /// Processes that name this engine's folder: its own, and those that hold its containers and outlive it.
    fn processes(&self) -> Vec<i32> {
        let folder = self.folder.path().to_str().unwrap();
        let pids =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let ours = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).split('\0').any(|argument| argument.contains(folder))
        };
        pids.filter(|pid| *pid != std::process::id() as i32).filter(ours).collect()
    }
}

impl Drop for OwnEngine {
    /// Best effort, and no panic: the test may be panicking already.
    fn drop(&mut self) {
        if self.server.is_some() {
            let list = self.client(&["ps", "--all", "--quiet"]).output();
            let list =
                list.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            for container in list.lines() {
                let _ = self.client(&["rm", "--force", container]).output();
            }
        }
        self.stop();
        let containers = folders(&self.data().join("containers"));
        // What a killed engine left running: each holder of a container, and first the container.
        for holder in self.processes() {
            for pid in children(holder).into_iter().flat_map(|child| [children(child), vec![child]].concat())
            {
                end(pid);
            }
            end(holder);
        }
        // Their control groups, one in each hierarchy; they are empty once the kernel has seen the end.
        let groups = containers.iter().flat_map(|path| groups(path.file_name().unwrap_or_default()));
        for group in groups.collect::<Vec<_>>() {
            let begin = Instant::now();
            while group.exists()
                && fs::remove_dir(&group).is_err()
                && begin.elapsed() < Duration::from_secs(5)
            {
                sleep(Duration::from_millis(20));
            }
        }
        for mount in mounts(self.folder.path()) {
            let _ = Command::new("umount").args(["--lazy", &mount]).output();
        }
        if self.mounted {
            let _ = Command::new("umount").arg("--lazy").arg(self.data()).output();
        }
    }
}

fn folders(place: &Path) -> Vec<PathBuf> {
    fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Where the control groups of a container would be.
fn groups(container: &OsStr) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = folders(root).into_iter().chain([root.to_owned()]);
    hierarchies
        .map(|hierarchy| hierarchy.join("docker").join(container))
        .filter(|group| group.exists())
        .collect()
}

fn end(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// What is mounted below the folder, innermost first.
fn mounts(folder: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let places = table
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|place| Path::new(place).starts_with(folder));
    let mut places: Vec<_> = places.map(str::to_owned).collect();
    places.reverse();
    places
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
