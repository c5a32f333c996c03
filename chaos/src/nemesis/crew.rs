//! The processes of the load.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal as Unix;

use crate::error::Result;
use crate::history::{Recorder, Signal, What};
use crate::load::Setup;
use crate::process::{Process, Spawner};

/// How long a process may take to end when it is asked to: a producer repeats its last batches, a worker drains.
const FAREWELL: Duration = Duration::from_secs(25);

/// How many workers there are: with one frozen and one gone, two still compete.
pub(super) const WORKERS: usize = 4;

/// How many producers there are.
pub(super) const PRODUCERS: usize = 2;

/// Who does what in a run, each a process that can be killed and comes back under a new name.
pub struct Crew {
    spawner: Spawner,
    recorder: Recorder,
    /// What all processes are told; the name is each one's own.
    setup: Setup,
    logs: PathBuf,
    seed: u64,
    /// Tasks a second for each producer.
    rate: u32,
    workers: Vec<Post>,
    producers: Vec<Post>,
}

/// A place in the crew, and who holds it now.
struct Post {
    role: &'static str,
    number: usize,
    lives: u64,
    process: Option<Process>,
}

/// A place in the crew, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A worker.
    Worker(usize),
    /// A producer.
    Producer(usize),
}

impl Crew {
    /// Starts all processes; the producers together put so many tasks a second in.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start(
        spawner: &Spawner,
        recorder: &Recorder,
        setup: &Setup,
        logs: PathBuf,
        seed: u64,
        rate: u32,
    ) -> Result<Self> {
        let post = |role| move |number| Post { role, number, lives: 0, process: None };
        let mut crew = Self {
            spawner: spawner.clone(),
            recorder: recorder.clone(),
            setup: setup.clone(),
            logs,
            seed,
            rate: rate.div_ceil(PRODUCERS as u32),
            workers: (0..WORKERS).map(post("worker")).collect(),
            producers: (0..PRODUCERS).map(post("producer")).collect(),
        };
        crew.everywhere().into_iter().try_for_each(|place| crew.fill(place))?;
        Ok(crew)
    }

    /// All places of the workers.
    pub(super) fn all_workers(&self) -> Vec<Place> {
        (0..self.workers.len()).map(Place::Worker).collect()
    }

    fn everywhere(&self) -> Vec<Place> {
        let producers = (0..self.producers.len()).map(Place::Producer);
        self.all_workers().into_iter().chain(producers).collect()
    }

    /// The post of a place.
    fn post(&mut self, place: Place) -> Option<&mut Post> {
        match place {
            Place::Worker(number) => self.workers.get_mut(number),
            Place::Producer(number) => self.producers.get_mut(number),
        }
    }

    /// Starts a new life in an empty place.
    pub(super) fn fill(&mut self, place: Place) -> Result {
        let (spawner, setup, logs) = (self.spawner.clone(), self.setup.clone(), self.logs.clone());
        let (seed, rate) = (self.seed, self.rate);
        let Some(post) = self.post(place) else { return Ok(()) };
        let name = format!("{}-{}.{}", post.role, post.number, post.lives);
        let mut arguments = vec![post.role.to_owned()];
        arguments.extend(Setup { name: name.clone(), ..setup }.arguments());
        if let Place::Producer(number) = place {
            let seed = seed.wrapping_add(post.lives.wrapping_mul(1_000)).wrapping_add(number as u64);
            arguments.extend(["--seed".into(), seed.to_string(), "--rate".into(), rate.to_string()]);
        }
        post.lives += 1;
        post.process = Some(spawner.spawn(&name, arguments, &logs.join(format!("{name}.log")))?);
        Ok(())
    }

    /// Kills whoever is there.
    pub(super) fn kill(&mut self, place: Place) -> Result {
        let recorder = self.recorder.clone();
        let Some(mut process) = self.post(place).and_then(|post| post.process.take()) else { return Ok(()) };
        recorder.write(What::Signal { target: process.name().to_owned(), signal: Signal::Kill });
        process.kill()
    }

    /// Makes whoever is there stand still.
    pub(super) fn freeze(&mut self, place: Place) -> Result {
        // Written down before it is done, and the other after: the time between covers the one in which it stands still.
        self.note(place, Signal::Stop);
        self.send(place, Unix::STOP)
    }

    /// Makes whoever is there go on.
    pub(super) fn thaw(&mut self, place: Place) -> Result {
        self.send(place, Unix::CONT)?;
        self.note(place, Signal::Continue);
        Ok(())
    }

    /// Asks whoever is there to end, and waits for it.
    pub(super) fn dismiss(&mut self, place: Place) -> Result {
        self.note(place, Signal::Terminate);
        self.send(place, Unix::TERM)?;
        let Some(mut process) = self.post(place).and_then(|post| post.process.take()) else { return Ok(()) };
        if process.wait(FAREWELL)?.is_none() {
            let status = format!("no end within {} s", FAREWELL.as_secs());
            self.recorder.write(What::Died { target: process.name().to_owned(), status });
        }
        Ok(())
    }

    /// Writes down who has ended although nobody told them to, and fills their places.
    pub(super) fn look_after(&mut self) -> Result {
        for place in self.everywhere() {
            let Some(post) = self.post(place) else { continue };
            let Some(status) = post.process.as_mut().map(Process::ended).transpose()?.flatten() else {
                continue;
            };
            if let Some(process) = post.process.take() {
                let (target, status) = (process.name().to_owned(), status.to_string());
                self.recorder.write(What::Died { target, status });
            }
            self.fill(place)?;
        }
        Ok(())
    }

    /// Asks the producers to end, and waits for them.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn dismiss_producers(&mut self) -> Result {
        self.look_after()?;
        (0..self.producers.len()).try_for_each(|number| self.dismiss(Place::Producer(number)))
    }

    /// Asks the workers to end, and waits for them.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn dismiss_workers(&mut self) -> Result {
        self.look_after()?;
        self.all_workers().into_iter().try_for_each(|place| self.dismiss(place))
    }

    fn note(&mut self, place: Place, signal: Signal) {
        let name =
            self.post(place).and_then(|post| post.process.as_ref().map(|process| process.name().to_owned()));
        if let Some(target) = name {
            self.recorder.write(What::Signal { target, signal });
        }
    }

    fn send(&mut self, place: Place, signal: Unix) -> Result {
        let process = self.post(place).and_then(|post| post.process.as_ref());
        process.map_or(Ok(()), |process| process.signal(signal))
    }
}
