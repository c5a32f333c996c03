//! Where the parties meet: a server, or a folder for those who need none.

use tempfile::TempDir;

use super::Problem;
use super::servers::Server;
use super::sweep::sweep;

pub(super) enum Site {
    Redis(Server),
    Folder(TempDir),
}

impl Site {
    /// A new folder where the system keeps temporary files, on a disk or not: figures of files are only worth as much
    /// as that.
    pub(super) fn folder() -> Result<Self, Problem> {
        Ok(Self::Folder(tempfile::Builder::new().prefix("compare-queue-").tempdir()?))
    }

    pub(super) fn server(&self) -> Option<&Server> {
        match self {
            Self::Redis(server) => Some(server),
            Self::Folder(_) => None,
        }
    }

    pub(super) fn name(&self) -> String {
        self.server().map_or_else(|| "a folder".to_owned(), |server| server.kind.to_string())
    }

    /// URLs, or the path of a file.
    pub(super) fn address(&self) -> Result<String, Problem> {
        match self {
            Self::Redis(server) => Ok(server.urls.clone()),
            Self::Folder(folder) => {
                let path = folder.path().join("queue.sqlite3").into_os_string();
                Ok(path.into_string().map_err(|path| format!("{path:?} is no text"))?)
            }
        }
    }

    /// Removes what a party left behind.
    pub(super) fn clean(&self) -> Result<(), Problem> {
        match self {
            Self::Redis(server) => sweep(server),
            Self::Folder(folder) => {
                for file in std::fs::read_dir(folder.path())? {
                    std::fs::remove_file(file?.path())?;
                }
                Ok(())
            }
        }
    }
}
