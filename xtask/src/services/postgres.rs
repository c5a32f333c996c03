//! PostgreSQL with one empty database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::folder::Folder;
use super::process::launch;
use super::service::{PATIENCE, Settings};
use super::user::User;
use super::{install, port};
use crate::error::{Context, Result};
use crate::workspace::capture;

const PORT: u16 = 15_432;

/// Where Debian keeps the servers, one folder a version, outside of the PATH.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Connections that tests of several crates may hold at once.
const CONNECTIONS: &str = "max_connections=200";

/// Creates the data, the server and the database `cofferdam`, which the role `cofferdam` may enter from this machine
/// without a password.
pub(super) fn start(folder: &Folder) -> Result<Settings> {
    let programs = Programs::provide()?;
    let user = User::for_server(&["postgres", "nobody"])?;
    let data = folder.create_inside("data")?;
    if let Some(user) = &user {
        user.own(&data)?;
    }
    let prepared = |program: &Path| {
        let mut command = Command::new(program);
        // The servers look into the current folder, which the account may not be able to see.
        command.current_dir("/").stdin(Stdio::null());
        if let Some(user) = &user {
            user.become_for(&mut command);
        }
        command
    };
    let mut create = prepared(&programs.initdb);
    create.args(["--auth=trust", "--username=cofferdam", "--encoding=UTF8", "--locale=C", "--pgdata"]);
    capture(create.arg(&data)).context(|| "create the data of PostgreSQL".into())?;
    let port = port::free(PORT)?;
    let number = port.to_string();
    let mut server = prepared(&programs.server);
    server.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &number, "-k", "", "-c", CONNECTIONS]);
    let address = ["--host=127.0.0.1", "--port", &number, "--username=cofferdam"];
    launch(folder, "postgres", &mut server)?.wait_until(PATIENCE, || {
        capture(prepared(&programs.is_ready).args(address).args(["--timeout=2", "--quiet"])).is_ok()
    })?;
    capture(prepared(&programs.createdb).args(address).arg("cofferdam"))
        .context(|| "create the database".into())?;
    Ok(vec![("COFFERDAM_POSTGRES_URL", format!("postgres://cofferdam@127.0.0.1:{port}/cofferdam"))])
}

struct Programs {
    server: PathBuf,
    initdb: PathBuf,
    is_ready: PathBuf,
    createdb: PathBuf,
}

impl Programs {
    /// The newest server that Debian's folders hold, then one on the PATH, then the package.
    fn provide() -> Result<Self> {
        if let Some(programs) = Self::find() {
            return Ok(programs);
        }
        install::install(&["postgresql"])?;
        Self::find().ok_or_else(|| "PostgreSQL is not to be found although it is installed".into())
    }

    fn find() -> Option<Self> {
        let newest = newest(Path::new(VERSIONS)).map(|version| version.join("bin"));
        let find = |program: &str| {
            let beside = newest.as_ref().map(|folder| folder.join(program)).filter(|path| path.is_file());
            beside.or_else(|| install::find(program))
        };
        Some(Self {
            server: find("postgres")?,
            initdb: find("initdb")?,
            is_ready: find("pg_isready")?,
            createdb: find("createdb")?,
        })
    }
}

/// The folder with the highest number as its name.
fn newest(versions: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(versions).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let numbered = folders.filter_map(|path| {
        let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
        Some((number, path))
    });
    numbered.max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(newest(directory.path()), None);
        for version in ["9", "15", "common"] {
            fs::create_dir(directory.path().join(version)).unwrap();
        }
        assert_eq!(newest(directory.path()), Some(directory.path().join("15")));
    }
}
