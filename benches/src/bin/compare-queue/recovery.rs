//! How soon a task runs again when the process of its worker is killed.
//!
//! Victims are processes with a worker each, which hold one task for ever. Another process, the heir, has the one worker
//! that is left to take the tasks over. Each victim is ended by SIGKILL; its time lasts until the heir's handler runs on
//! the task. The kills are spread evenly over the time between two renewals, since how much of its lease a worker leaves
//! behind depends on where it is between them.

use std::collections::HashMap;
use std::process::Command;
use std::thread;
use std::time::Duration;

use cofferdam_benches::{Child, Samples};
use cofferdam_queue::{Job, NewTask, Queue, Worker};

use super::Problem;
use super::ours::{Backend, runtime};
use super::site::Site;

/// The lease of all workers here.
pub(super) const LEASE: Duration = Duration::from_secs(5);

/// Workers renew every third of their lease.
const RENEWAL: Duration = Duration::from_millis(LEASE.as_millis() as u64 / 3);

/// Victims at a time. Their tasks wait for their leases together, so that fifty kills take a minute and not five.
const GROUP: usize = 10;

/// How long anything may take. A task that is not back after this does not come back.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a process of this program is when it is a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Victim,
    Heir,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Victim => "victim",
            Self::Heir => "heir",
        }
    }
}

/// Kills so many workers at a site, and answers how long each of their tasks was away.
///
/// # Errors
///
/// Why nobody knows.
pub(super) fn measure(backend: Backend, site: Result<&Site, &str>, kills: usize) -> Result<Samples, Problem> {
    let site = site?;
    site.clean()?;
    let outcome = kill_all(backend, &site.address()?, kills);
    site.clean()?;
    outcome
}

fn kill_all(backend: Backend, address: &str, kills: usize) -> Result<Samples, Problem> {
    let runtime = runtime()?;
    let queue = runtime.block_on(backend.open(address))?;
    let mut samples = Samples::new();
    while samples.len() < kills {
        let group = GROUP.min(kills - samples.len());
        let tasks = (0..group).map(|_| NewTask::new("")).collect();
        runtime.block_on(queue.enqueue(tasks))?;
        kill_group(backend, address, group, &mut samples)?;
        let left = runtime.block_on(queue.stats())?.total();
        if left.ready + left.leased + left.dead > 0 {
            return Err(format!("after the kills tasks are left over: {left:?}").into());
        }
    }
    Ok(samples)
}

fn kill_group(backend: Backend, address: &str, group: usize, samples: &mut Samples) -> Result<(), Problem> {
    let start = |role| start(role, backend, address);
    let mut victims = (0..group).map(|_| start(Role::Victim)).collect::<Result<Vec<_>, _>>()?;
    let mut held = Vec::new();
    for victim in &mut victims {
        victim.expect("ready", PATIENCE)?;
        let task = victim.line(PATIENCE).map_err(|problem| format!("a worker without a task: {problem}"))?;
        held.push(task.1);
    }
    let mut heir = start(Role::Heir)?;
    heir.expect("ready", PATIENCE)?;

    let mut killed = HashMap::new();
    for (victim, task) in victims.iter_mut().zip(held) {
        thread::sleep(RENEWAL / u32::try_from(group)?);
        killed.insert(task, victim.kill()?);
    }
    while !killed.is_empty() {
        let line = heir.line(PATIENCE);
        let (moment, task) =
            line.map_err(|problem| format!("{} tasks are not back: {problem}", killed.len()))?;
        let kill = killed.remove(&task).ok_or_else(|| format!("{task} ran, and nobody was killed for it"))?;
        samples.add(moment - kill);
    }
    // It records its last results, and ends.
    heir.go()?;
    heir.expect("bye", PATIENCE)
}

fn start(role: Role, backend: Backend, address: &str) -> Result<Child, Problem> {
    let mut command = Command::new(std::env::current_exe()?);
    Child::start(command.args(["--worker", role.word(), backend.word(), address]))
}

/// What such a process does: it says that it is ready, and then each task that it runs.
pub(super) fn worker(words: &[String]) -> Result<(), Problem> {
    let [role, backend, address] = words else {
        return Err("a worker needs a role, a backend and an address".into());
    };
    let role = [Role::Victim, Role::Heir].into_iter().find(|one| one.word() == role).ok_or("no such role")?;
    let backend = Backend::from_word(backend).ok_or("no such backend")?;
    runtime()?.block_on(async {
        let queue = backend.open(address).await?;
        run(role, queue).await
    })
}

async fn run(role: Role, queue: Queue) -> Result<(), Problem> {
    let places = if role == Role::Victim { 1 } else { GROUP };
    let worker = Worker::builder(queue).name(role.word()).concurrency(places).lease(LEASE).build()?;
    println!("ready");
    let handler = move |job: Job| async move {
        println!("{}", job.id());
        if role == Role::Victim {
            std::future::pending::<()>().await;
        }
        Ok(Vec::new())
    };
    worker.run(handler, told()).await?;
    println!("bye");
    Ok(())
}

/// Ends when a line comes, or when whoever started this process is gone.
async fn told() {
    let (tell, told) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        let read = std::io::stdin().read_line(&mut String::new());
        if !matches!(read, Ok(bytes) if bytes > 0) {
            // A victim never ends in order, so nobody would end it.
            std::process::exit(1);
        }
        tell.send(())
    });
    // The sender is dropped in no other way.
    let _ = told.await;
}
