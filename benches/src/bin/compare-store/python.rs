//! Python: SQLAlchemy and psycopg, in a process that does one turn after the other.
//!
//! The program makes itself a virtual environment in `peers` beside its own folder, with the versions that stand in
//! `benches/peers/sqlalchemy/requirements.txt`. A process connects and makes its rows before it says that it is ready.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cofferdam_benches::Child;

use super::Problem;
use super::road::{Job, Road};
use super::site::Site;

/// How long a turn may take: a hundred thousand rows take tens of seconds where the machine is busy.
const PATIENCE: Duration = Duration::from_secs(300);

/// An interpreter with the libraries.
pub(super) struct Python(PathBuf);

impl Python {
    /// Makes the environment, unless an earlier run did.
    ///
    /// # Errors
    ///
    /// Why Python cannot be measured here.
    pub(super) fn provide() -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|problem| format!("where this program lies: {problem}"))?;
        let folder = own.ancestors().nth(2).ok_or("this program lies in no target folder")?;
        let folder = folder.join("peers").join("sqlalchemy");
        let python = folder.join("bin").join("python");
        let has_all = |python: &Path| {
            let mut look = Command::new(python);
            look.args(["-c", "import sqlalchemy, psycopg, pymysql"]).stderr(Stdio::null());
            look.status().is_ok_and(|status| status.success())
        };
        if !has_all(&python) {
            eprintln!("making a Python environment in {}", folder.display());
            let named = std::env::var_os("COFFERDAM_PYTHON").unwrap_or_else(|| "python3".into());
            run(Command::new(named).args(["-m", "venv"]).arg(&folder))?;
            let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
            run(Command::new(&python).args(install).arg(source("requirements.txt")))?;
        }
        if has_all(&python) { Ok(Self(python)) } else { Err("its libraries cannot be imported".to_owned()) }
    }

    /// Starts a process for a database.
    pub(super) fn start(&self, site: &Site) -> Result<Child, Problem> {
        // SQLAlchemy has another word for each driver, and sqlite3 wants no options in the address.
        let address = match site.address.split_once("://") {
            Some(("sqlite", file)) => {
                format!("sqlite:///{}", file.split_once('?').map_or(file, |(file, _)| file))
            }
            Some(("mysql" | "mariadb", rest)) => format!("mysql+pymysql://{rest}"),
            Some((_, rest)) => format!("postgresql+psycopg://{rest}"),
            None => return Err("the address has no scheme".into()),
        };
        Child::start(Command::new(&self.0).arg(source("turn.py")).arg(address))
    }
}

/// One turn: the time from the word to go on to the answer that all is committed.
pub(super) fn turn(child: &mut Child, road: Road, job: Job, rows: i64) -> Result<Duration, Problem> {
    let way = if road == Road::PsycopgCopy { "copy" } else { job.word() };
    child.tell(&format!("{way} {rows}"))?;
    child.expect("ready", PATIENCE)?;
    let start = std::time::Instant::now();
    child.go()?;
    match child.line(PATIENCE)? {
        (end, line) if line == "done" => Ok(end - start),
        (_, line) => Err(line.into()),
    }
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join("sqlalchemy").join(name)
}

fn run(command: &mut Command) -> Result<(), String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|problem| format!("`{shown}` cannot be started: {problem}"))?;
    let last =
        String::from_utf8_lossy(&output.stderr).trim_end().lines().last().unwrap_or_default().to_owned();
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("`{shown}` ended with {}: {last}", output.status))
    }
}
