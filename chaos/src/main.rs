//! The command `cofferdam-chaos`, which is also the program of every process that a run starts.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cofferdam_chaos::load::{Setup, produce, work};
use cofferdam_chaos::mode::Mode;
use cofferdam_chaos::{Error, Plan, Result, judge_history, process, report};

#[derive(Parser)]
#[command(
    name = "cofferdam-chaos",
    about = "Faults against the queue, and a checker of what became of every task."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring faults about and judge what became of every task.
    Run(Run),
    /// Judge the history of a run once more.
    Judge {
        /// The folder `history` of the run.
        history: PathBuf,
        /// What was tested.
        #[arg(long, value_enum)]
        mode: Mode,
    },
    /// Runs tasks until it is asked to end.
    #[command(hide = true)]
    Worker(Setup),
    /// Puts tasks in until it is asked to end.
    #[command(hide = true)]
    Producer {
        #[command(flatten)]
        setup: Setup,
        /// What decides what the tasks do.
        #[arg(long)]
        seed: u64,
        /// Tasks a second.
        #[arg(long)]
        rate: u32,
    },
    /// Becomes another program that ends when the one who started it ends.
    #[command(hide = true)]
    Leash {
        /// The program.
        program: PathBuf,
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// A cluster of six nodes, started for the run.
    Redis,
    /// One file, shared by all processes.
    Sqlite,
}

#[derive(Args)]
struct Run {
    /// What to test.
    #[arg(long, value_enum, default_value = "redis")]
    backend: Backend,
    /// How durably Redis is to keep what it acknowledges; all ways where none is given, one after another.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "MODE")]
    durability: Vec<Mode>,
    /// For how many minutes faults come, over all modes together.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// What decides the order of the faults; drawn and printed where it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Where histories, logs and data are written; what is there of an earlier run is removed.
    #[arg(long, default_value = "target/chaos")]
    folder: PathBuf,
    /// The first port that the nodes of a cluster may use.
    #[arg(long, default_value_t = 23_000)]
    port: u16,
    /// The program `redis-server`, where it is not on the PATH.
    #[arg(long)]
    server: Option<PathBuf>,
    /// How many tasks a second are put in.
    #[arg(long, default_value_t = 200)]
    rate: u32,
}

fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", error.in_full());
            ExitCode::from(2)
        }
    }
}

/// Whether what was to be judged is good.
fn execute(command: Command) -> Result<bool> {
    match command {
        Command::Run(run) => execute_run(run),
        Command::Judge { history, mode } => {
            let judgement = judge_history(&history, mode)?;
            let valid = judgement.valid;
            println!("{}", report(0, &[(mode, judgement)])?);
            Ok(valid)
        }
        Command::Worker(setup) => on_the_leash(work(setup)),
        Command::Producer { setup, seed, rate } => on_the_leash(produce(setup, seed, rate)),
        Command::Leash { program, arguments } => Err(process::become_leashed(&program, &arguments)),
    }
}

fn execute_run(run: Run) -> Result<bool> {
    let seconds = run.minutes * 60.0;
    let faults_for = Duration::try_from_secs_f64(seconds).map_err(|_| {
        Error::Refused(format!("{} minutes cannot be run: take a positive number", run.minutes))
    })?;
    let program = std::env::current_exe()
        .map_err(|source| Error::Failed { action: "find this program".into(), source: source.into() })?;
    let seed = run.seed.unwrap_or_else(|| cofferdam_chaos::clock::now() % 1_000_000);
    let plan = Plan {
        modes: modes(run.backend, run.durability)?,
        faults_for,
        seed,
        folder: run.folder.clone(),
        port: run.port,
        server: run.server,
        rate: run.rate,
    };
    let judgements = cofferdam_chaos::run(&plan, program)?;
    let valid = judgements.iter().all(|(_, judgement)| judgement.valid);
    if !valid {
        println!("histories, logs and judgements are in {}", run.folder.display());
    }
    println!("{}", report(seed, &judgements)?);
    Ok(valid)
}

fn modes(backend: Backend, durability: Vec<Mode>) -> Result<Vec<Mode>> {
    match (backend, durability.as_slice()) {
        (Backend::Sqlite, []) => Ok(vec![Mode::Sqlite]),
        (Backend::Redis, []) => Ok(Mode::REDIS.to_vec()),
        (Backend::Redis, some) if some.iter().all(|mode| mode.needs_cluster()) => Ok(durability),
        _ => Err(Error::Refused(
            "SQLite has one durability, its own: give --durability with Redis alone, and not sqlite".into(),
        )),
    }
}

/// Runs a process of the load, which ends with the run however that ends.
fn on_the_leash(deed: impl Future<Output = Result>) -> Result<bool> {
    process::leash()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime
        .map_err(|source| Error::Failed { action: "start the process".into(), source: source.into() })?;
    runtime.block_on(deed).map(|()| true)
}
