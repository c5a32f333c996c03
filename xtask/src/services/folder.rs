//! What is kept of a service on disk: its data, log, pid files and settings.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::process::Process;
use super::service::{Service, Settings};
use crate::error::{Context, Result};

/// The folder that holds one folder a service, and `env` with the settings of all that are up.
pub(super) struct Root {
    path: PathBuf,
}

impl Root {
    /// Names the folder; it must exist.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The folder of one service.
    pub(super) fn folder(&self, service: Service) -> Folder {
        Folder { path: self.path.join(service.name()) }
    }

    /// Writes `env` anew from the settings of every service, or removes it when there are none. The file changes in
    /// one step, so that a test never reads half of it.
    pub(super) fn write_environment(&self) -> Result {
        let mut text = String::new();
        for &service in Service::all() {
            for (key, value) in self.folder(service).settings()? {
                text.push_str(&format!("{key}={value}\n"));
            }
        }
        let environment = self.path.join("env");
        if text.is_empty() {
            return unless_missing(fs::remove_file(&environment))
                .context(|| format!("remove {}", environment.display()));
        }
        let draft = self.path.join("env.draft");
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &environment))
            .context(|| format!("write {}", environment.display()))
    }
}

/// The folder of one service. `settings` appears in it once the service answers.
pub(super) struct Folder {
    path: PathBuf,
}

/// How much of a service is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing.
    Down,
    /// It did not come up, or one of its processes is gone.
    Broken,
    /// It came up, and it was somebody else who started it.
    Foreign,
    /// It came up, and its processes, this many, are all there.
    Up(usize),
}

impl Folder {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside it.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes it.
    pub(super) fn create(&self) -> Result {
        fs::create_dir_all(&self.path).context(|| format!("make {}", self.path.display()))
    }

    /// Makes a folder inside it and returns its path.
    pub(super) fn create_inside(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).context(|| format!("make {}", path.display()))?;
        Ok(path)
    }

    /// Writes a file of configuration and returns its path.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, text).context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Removes it with everything in it.
    pub(super) fn remove(&self) -> Result {
        unless_missing(fs::remove_dir_all(&self.path)).context(|| format!("remove {}", self.path.display()))
    }

    /// How much of the service is there.
    pub(super) fn condition(&self) -> Result<Condition> {
        let processes = self.processes()?;
        Ok(if !self.path.exists() {
            Condition::Down
        } else if !self.join("settings").exists() || !processes.iter().all(Process::is_running) {
            Condition::Broken
        } else if processes.is_empty() {
            Condition::Foreign
        } else {
            Condition::Up(processes.len())
        })
    }

    /// The processes that were started for the service, in the order of their names.
    pub(super) fn processes(&self) -> Result<Vec<Process>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.context(|| format!("list {}", self.path.display()))?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.context(|| format!("list {}", self.path.display()))?.path();
            if path.extension().is_some_and(|extension| extension == "pid") {
                files.push(path);
            }
        }
        files.sort();
        files.iter().map(|file| Process::read(file)).collect()
    }

    /// Notes what tests need to know, which also marks the service as up.
    pub(super) fn write_settings(&self, settings: &Settings) -> Result {
        let text: String = settings.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        self.write("settings", &text).map(|_| ())
    }

    /// What was noted; nothing while the service is not up.
    pub(super) fn settings(&self) -> Result<Vec<(String, String)>> {
        let path = self.join("settings");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.context(|| format!("read {}", path.display()))?,
        };
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Ok(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }
}

fn unless_missing(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_holds_what_is_up_and_goes_with_the_last_service() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path().to_owned());
        let redis = root.folder(Service::Redis);
        redis.create().unwrap();
        redis.write_settings(&vec![("COFFERDAM_REDIS_URL", "redis://127.0.0.1:1/?a=b".into())]).unwrap();
        root.write_environment().unwrap();
        let environment = directory.path().join("env");
        assert_eq!(
            fs::read_to_string(&environment).unwrap(),
            "COFFERDAM_REDIS_URL=redis://127.0.0.1:1/?a=b\n"
        );
        redis.remove().unwrap();
        root.write_environment().unwrap();
        assert!(!environment.exists());
        redis.remove().unwrap();
        root.write_environment().unwrap();
    }

    #[test]
    fn a_service_without_settings_is_not_up() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Root::new(directory.path().to_owned()).folder(Service::Postgres);
        assert_eq!(folder.condition().unwrap(), Condition::Down);
        folder.create().unwrap();
        assert_eq!(folder.condition().unwrap(), Condition::Broken);
        folder.write_settings(&vec![("COFFERDAM_POSTGRES_URL", "postgres://127.0.0.1:1/".into())]).unwrap();
        assert_eq!(folder.condition().unwrap(), Condition::Foreign);
        folder.write("postgres.pid", "1\n2\n/not/its/folder\n").unwrap();
        assert_eq!(folder.condition().unwrap(), Condition::Broken);
    }
}
