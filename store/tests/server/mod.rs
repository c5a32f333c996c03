//! A database server of a test's own, which the test may kill.
//!
//! The programs are looked for where `cargo xtask services` finds them. A server ends with its value; what it wrote goes
//! with its folder.

use std::{
    fs::{self, File, Permissions},
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use tempfile::TempDir;

use super::common::Kind;

/// How long a server may take until it answers, after a crash on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Run by MariaDB, a statement a line, so that no client program and no password is needed.
const SETUP: &str = "CREATE USER IF NOT EXISTS 'cofferdam'@'127.0.0.1';
GRANT ALL ON *.* TO 'cofferdam'@'127.0.0.1';
";

pub struct Server {
    kind: Kind,
    folder: TempDir,
    port: u16,
    /// The account it runs as where we are root: PostgreSQL refuses root.
    account: Option<(u32, u32)>,
    process: Option<Child>,
}

impl Server {
    /// A server without data that answers.
    pub async fn start(kind: Kind) -> Self {
        let folder = tempfile::Builder::new().prefix("cofferdam-server-").tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let names: &[&str] =
            if kind == Kind::Postgres { &["postgres", "nobody"] } else { &["mysql", "nobody"] };
        let account = rustix::process::geteuid().is_root().then(|| account(names));
        let mut server = Self { kind, folder, port: free_port(), account, process: None };
        fs::create_dir(server.data()).unwrap();
        fs::write(server.folder.path().join("setup.sql"), SETUP).unwrap();
        if let Some((user, group)) = account {
            chown(server.data(), Some(user), Some(group)).unwrap();
        }
        server.create();
        server.again().await;
        server
    }

    /// A connection to a database of this name, which is made if it is not there.
    pub async fn connect(&self, name: &str) -> DatabaseConnection {
        let server = self.reach(self.kind.default()).await.unwrap();
        server.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        server.close().await.unwrap();
        self.reach(name).await.unwrap()
    }

    /// Ends the server by SIGKILL, with every process that it has.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let children = children(process.id());
        process.kill().unwrap();
        process.wait().unwrap();
        for child in children {
            // It may have seen that its parent is gone, and left.
            let _ = kill_process(child, Signal::KILL);
        }
    }

    /// Starts the server on the data that it has, and waits until it answers.
    pub async fn again(&mut self) {
        let begun = Instant::now();
        loop {
            let ended = self.process.as_mut().is_none_or(|process| process.try_wait().unwrap().is_some());
            if ended {
                // Also where it left at once, since something of the killed one had not gone yet.
                self.process = Some(self.command().spawn().unwrap());
            }
            if let Ok(database) = self.reach(self.kind.default()).await {
                database.close().await.unwrap();
                return;
            }
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < PATIENCE, "the server does not answer: {}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn reach(&self, database: &str) -> Result<DatabaseConnection, sea_orm::DbErr> {
        let scheme = if self.kind == Kind::Postgres { "postgres" } else { "mysql" };
        let address = format!("{scheme}://cofferdam@127.0.0.1:{}/{database}", self.port);
        let mut options = ConnectOptions::new(address);
        // Short, so that what is tried again is tried often.
        options.max_connections(4).acquire_timeout(Duration::from_secs(2)).sqlx_logging(false);
        Database::connect(options).await
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn create(&self) {
        let mut command = match self.kind {
            Kind::Postgres => {
                let mut command = self.program("initdb");
                command.args([
                    "--auth=trust",
                    "--username=cofferdam",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--pgdata",
                ]);
                command.arg(self.data());
                command
            }
            _ => {
                let mut command = self.program("mariadb-install-db");
                command.arg("--no-defaults").arg(format!("--datadir={}", self.data().display()));
                command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
                command
            }
        };
        assert!(command.status().unwrap().success(), "{:?} cannot make its data", self.kind);
    }

    fn command(&self) -> Command {
        let (data, port) = (self.data(), self.port.to_string());
        match self.kind {
            Kind::Postgres => {
                let mut command = self.program("postgres");
                command.arg("-D").arg(data).args(["-h", "127.0.0.1", "-p", &port, "-k", ""]);
                // After a crash it syncs its whole folder, file by file by default, which takes longer than all else.
                command.args(["-c", "recovery_init_sync_method=syncfs"]);
                command
            }
            _ => {
                let mut command = self.program("mariadbd");
                command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
                command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--socket="]);
                command.args([
                    format!("--port={port}"),
                    format!("--init-file={}/setup.sql", self.folder.path().display()),
                ]);
                command
            }
        }
    }

    fn program(&self, name: &str) -> Command {
        let path = find(name).unwrap_or_else(|| {
            panic!("{name} is not here: `cargo xtask services up postgres mariadb` installs it")
        });
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(path);
        // The servers look into the current folder, which the account may not be able to see.
        command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Kind {
    /// The database that every server has.
    const fn default(self) -> &'static str {
        if matches!(self, Self::Postgres) { "postgres" } else { "mysql" }
    }
}

/// Debian keeps PostgreSQL in a folder a version, and servers where the PATH of a user does not lead.
fn find(program: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path));
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders = newest.map(|version| version.join("bin")).into_iter();
    folders
        .chain(std::env::split_paths(&inherited))
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// The first of the accounts that exists.
fn account(names: &[&str]) -> (u32, u32) {
    let text = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &&str| {
        let mut fields = text.lines().find(|line| line.split(':').next() == Some(name))?.split(':');
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    names.iter().find_map(find).expect("an account for the server")
}

/// Below the range from which the kernel serves outgoing connections, so that it is free after a kill as well.
fn free_port() -> u16 {
    let first = 25_000 + u16::try_from(std::process::id() % 5_000).unwrap();
    (first..first + 500).find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).unwrap()
}

fn children(parent: u32) -> Vec<Pid> {
    let text = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect()
}
