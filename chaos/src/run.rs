//! A whole run: set the stage, let the faults in, heal, wait until all is quiet, judge.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;
use std::time::{Duration, Instant};

use crate::checker::{Judgement, judge};
use crate::cluster::{Cluster, find_server};
use crate::error::{Context, Error, Result};
use crate::history::{self, Recorder};
use crate::load::{Auditor, Setup};
use crate::mode::Mode;
use crate::nemesis::{Crew, CrewFault, NodeFault, Scene, Schedule, run_lane};
use crate::process::Spawner;

/// How long the load runs before the first fault, so that there is something to lose.
const CALM: Duration = Duration::from_secs(2);

/// How long the queue may take to be worked off after the last fault is healed. What is still there then is stuck: the
/// longest task, all its attempts and a lease that runs out fit in several times.
const QUIET: Duration = Duration::from_secs(60);

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The modes, one after another, each from the beginning of the same schedule.
    pub modes: Vec<Mode>,
    /// How long faults come, over all modes together.
    pub faults_for: Duration,
    /// What decides the order of the faults and what tasks do.
    pub seed: u64,
    /// Where everything is written; emptied at the start.
    pub folder: PathBuf,
    /// The first port that the nodes of a cluster may use.
    pub port: u16,
    /// The server's program; looked for where it is not told.
    pub server: Option<PathBuf>,
    /// How many tasks a second are put in.
    pub rate: u32,
}

/// Runs a plan, with children that are this program, and answers the judgement of each mode.
///
/// # Errors
/// When a run cannot be brought to its end; a bad end is a judgement.
pub fn run(plan: &Plan, program: PathBuf) -> Result<Vec<(Mode, Judgement)>> {
    let modes = u32::try_from(plan.modes.len().max(1)).unwrap_or(u32::MAX);
    let faults_for = plan.faults_for / modes;
    let spawner = Spawner::start(program)?;
    let mut judgements = Vec::new();
    for &mode in &plan.modes {
        println!("{mode}: faults for {:.0} s, seed {}", faults_for.as_secs_f64(), plan.seed);
        let stage = Stage::set(plan, mode, &spawner)?;
        judgements.push((mode, stage.play(plan, faults_for, &spawner)?));
    }
    Ok(judgements)
}

/// Judges the history in a folder once more.
///
/// # Errors
/// When it cannot be read.
pub fn judge_history(folder: &Path, mode: Mode) -> Result<Judgement> {
    Ok(judge(&history::read(folder)?, &mode.terms()))
}

/// Everything that one mode is run on.
struct Stage {
    mode: Mode,
    setup: Setup,
    logs: PathBuf,
    judgement: PathBuf,
    recorder: Recorder,
    cluster: Option<Cluster>,
}

impl Stage {
    fn set(plan: &Plan, mode: Mode, spawner: &Spawner) -> Result<Self> {
        let folder = plan.folder.join(mode.name());
        if folder.exists() {
            fs::remove_dir_all(&folder).context(|| format!("empty {}", folder.display()))?;
        }
        let [history, logs] = ["history", "logs"].map(|name| folder.join(name));
        for part in [&history, &logs] {
            fs::create_dir_all(part).context(|| format!("make {}", part.display()))?;
        }
        let cluster = if mode.needs_cluster() {
            let server = plan.server.clone().map_or_else(find_server, Ok)?;
            Some(Cluster::start(spawner, &server, &folder, plan.port)?)
        } else {
            None
        };
        let file = folder.join("queue.sqlite3");
        let place = cluster.as_ref().map_or_else(|| file.display().to_string(), Cluster::urls);
        let recorder = Recorder::open(&history, "nemesis")?;
        let setup = Setup { name: "auditor".to_owned(), mode, place, history };
        Ok(Self { mode, setup, logs, judgement: folder.join("judgement.json"), recorder, cluster })
    }

    fn play(mut self, plan: &Plan, faults_for: Duration, spawner: &Spawner) -> Result<Judgement> {
        let (logs, seed) = (self.logs.clone(), plan.seed);
        let mut crew = Crew::start(spawner, &self.recorder, &self.setup, logs, seed, plan.rate)?;
        thread::sleep(CALM);
        self.let_faults_in(plan.seed, faults_for, &mut crew)?;
        println!("the faults are over and healed");
        crew.dismiss_producers()?;
        let auditor = Auditor::open(&self.setup, &history::read(&self.setup.history)?)?;
        let began = Instant::now();
        if auditor.await_quiet(QUIET)? {
            println!("all tasks are finished after {:.1} s", began.elapsed().as_secs_f64());
        }
        crew.dismiss_workers()?;
        auditor.read()?;
        self.conclude()
    }

    fn let_faults_in(&mut self, seed: u64, faults_for: Duration, crew: &mut Crew) -> Result {
        let (numbers, failed) = (AtomicU64::new(1), AtomicBool::new(false));
        let until = Instant::now() + faults_for;
        let scene =
            || Scene { recorder: &self.recorder, numbers: &numbers, number: 0, until, failed: &failed };
        let cluster = self.cluster.as_mut();
        let (crew_scene, node_scene) = (scene(), scene());
        thread::scope(|scope| {
            let crew_lane = scope.spawn(|| run_lane(Schedule::<CrewFault>::new(seed), crew, crew_scene));
            let on_nodes = |cluster| run_lane(Schedule::<NodeFault>::new(seed), cluster, node_scene);
            let nodes = cluster.map_or(Ok(()), on_nodes);
            let crew = crew_lane.join().unwrap_or_else(|_| {
                Err(Error::Refused("the lane of the crew broke down: see what it printed".to_owned()))
            });
            nodes.and(crew)
        })
    }

    /// Judges what was written down, and keeps the judgement beside it.
    fn conclude(&self) -> Result<Judgement> {
        let judgement = judge_history(&self.setup.history, self.mode)?;
        let text = serde_json::to_vec_pretty(&judgement).context(|| "write the judgement".to_owned())?;
        fs::write(&self.judgement, text).context(|| format!("write {}", self.judgement.display()))?;
        Ok(judgement)
    }
}
