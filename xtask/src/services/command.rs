//! `up`, `down` and `status`.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Subcommand};

use super::folder::{Condition, Folder, Root};
use super::service::Service;
use crate::error::{Context, Result};
use crate::workspace::Workspace;

/// What `cargo xtask services` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Where the services keep their data [default: target/services].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start services, install what they need, wait until they answer and print their addresses.
    Up(Names),
    /// End what `up` started and remove its data. Without names: everything.
    Down(Names),
    /// Say which services run and where.
    Status(Names),
}

#[derive(Args)]
struct Names {
    /// The services; all of them without a name.
    #[arg(value_enum)]
    names: Vec<Service>,
}

impl Names {
    fn services(&self) -> &[Service] {
        if self.names.is_empty() { Service::all() } else { &self.names }
    }
}

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    let path = match &arguments.folder {
        Some(folder) => std::path::absolute(folder).context(|| format!("find {}", folder.display()))?,
        None => workspace.private("services"),
    };
    locked(path, |root| match &arguments.action {
        Action::Up(names) => names.services().iter().try_for_each(|service| up(root, *service)),
        Action::Down(names) => down(root, names.services()),
        Action::Status(names) => names.services().iter().try_for_each(|service| status(root, *service)),
    })
}

/// Carries work out while these services run. Those that were not up before are ended afterwards, with their data.
pub(crate) fn during<T>(
    workspace: &Workspace,
    services: &[Service],
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let path = workspace.private("services");
    let mut started = Vec::new();
    let there = locked(path.clone(), |root| {
        services.iter().try_for_each(|&service| {
            if !matches!(root.folder(service).condition()?, Condition::Up(_) | Condition::Foreign) {
                started.push(service);
            }
            up(root, service)
        })
    });
    let outcome = there.and_then(|()| work());
    let ended = locked(path, |root| down(root, &started));
    outcome.and_then(|done| ended.map(|()| done))
}

/// Works under a lock, since two at a time would take each other's ports and pid files.
fn locked(path: PathBuf, work: impl FnOnce(&Root) -> Result) -> Result {
    fs::create_dir_all(&path).context(|| format!("make {}", path.display()))?;
    let lock = path.join("lock");
    let lock_file = File::create(&lock).context(|| format!("open {}", lock.display()))?;
    lock_file.lock().context(|| format!("lock {}", lock.display()))?;
    work(&Root::new(path))
}

fn up(root: &Root, service: Service) -> Result {
    let folder = root.folder(service);
    if !matches!(folder.condition()?, Condition::Up(_)) {
        // What is half there, after a crash or a killed node, is not worth mending: tests want a known state. And
        // what is not ours is looked at anew, since it may be gone.
        stop(&folder, service)?;
        folder.create()?;
        let began = Instant::now();
        match service.start(&folder) {
            Ok(settings) => folder.write_settings(&settings)?,
            Err(error) => {
                stop(&folder, service).context(|| format!("clean up after: {error}"))?;
                root.write_environment()?;
                return Err(error).context(|| format!("start {}", service.name()));
            }
        }
        eprintln!("{} answers after {:.1} s", service.name(), began.elapsed().as_secs_f64());
    }
    for (key, value) in folder.settings()? {
        println!("{key}={value}");
    }
    root.write_environment()
}

/// Goes on after an error, so that one stubborn service does not keep the others alive.
fn down(root: &Root, services: &[Service]) -> Result {
    let mut outcome = Ok(());
    for &service in services {
        let folder = root.folder(service);
        let before = folder.condition();
        match before.and_then(|before| stop(&folder, service).map(|()| before)) {
            Ok(Condition::Up(_) | Condition::Broken) => eprintln!("{} is down", service.name()),
            Ok(Condition::Down | Condition::Foreign) => {}
            Err(error) => {
                eprintln!("{} is not down: {error}", service.name());
                outcome = Err("some services could not be ended; see above".into());
            }
        }
    }
    root.write_environment()?;
    outcome
}

/// Ends the processes of the pid files and removes the folder.
fn stop(folder: &Folder, service: Service) -> Result {
    for process in folder.processes()? {
        process.stop(service.stop_signal())?;
    }
    folder.remove()
}

fn status(root: &Root, service: Service) -> Result {
    let folder = root.folder(service);
    let state = match folder.condition()? {
        Condition::Down => "down".to_owned(),
        Condition::Broken => "broken: `up` starts it anew".to_owned(),
        Condition::Foreign => "up, not ours".to_owned(),
        Condition::Up(1) => "up".to_owned(),
        Condition::Up(processes) => format!("up, {processes} processes"),
    };
    println!("{:<14} {state}", service.name());
    for (key, value) in folder.settings()? {
        println!("{:<14} {key}={value}", "");
    }
    Ok(())
}
