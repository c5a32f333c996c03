//! What befalls the processes of the load.

use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use fastrand::Rng;

use super::crew::{Crew, PRODUCERS, Place, WORKERS};
use super::lane::{Fault, Scene, time};
use crate::error::Result;

/// A fault of workers and producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrewFault {
    /// A worker is killed, and another takes its place after a while.
    KillWorker {
        /// Which.
        worker: usize,
        /// The while.
        gone: Duration,
    },
    /// All workers are killed at once.
    KillEveryWorker {
        /// How long nobody works.
        gone: Duration,
    },
    /// A worker stands still, for less or for more than its lease.
    FreezeWorker {
        /// Which.
        worker: usize,
        /// For how long.
        still: Duration,
    },
    /// A worker stands still, and is killed before it goes on.
    FreezeAndKillWorker {
        /// Which.
        worker: usize,
        /// For how long.
        still: Duration,
    },
    /// A worker is asked to end, and another takes its place.
    RetireWorker {
        /// Which.
        worker: usize,
    },
    /// A producer is killed in the middle of its calls, and another takes its place.
    KillProducer {
        /// Which.
        producer: usize,
    },
    /// A producer stands still.
    FreezeProducer {
        /// Which.
        producer: usize,
        /// For how long.
        still: Duration,
    },
}

impl Fault for CrewFault {
    type Stage = Crew;

    const KINDS: usize = 7;

    fn draw(kind: usize, rng: &mut Rng) -> Self {
        let (worker, producer) = (rng.usize(0..WORKERS), rng.usize(0..PRODUCERS));
        match kind {
            0 => Self::KillWorker { worker, gone: time(rng, 0..2_000) },
            1 => Self::KillEveryWorker { gone: time(rng, 0..2_000) },
            2 => Self::FreezeWorker { worker, still: time(rng, 500..9_000) },
            3 => Self::FreezeAndKillWorker { worker, still: time(rng, 500..6_000) },
            4 => Self::RetireWorker { worker },
            5 => Self::KillProducer { producer },
            _ => Self::FreezeProducer { producer, still: time(rng, 500..6_000) },
        }
    }

    fn loses_master(&self) -> bool {
        false
    }

    fn strike(&self, crew: &mut Crew, _: &Scene<'_>) -> Result {
        crew.look_after()?;
        match *self {
            Self::KillWorker { worker, gone } => replace(crew, &[Place::Worker(worker)], gone),
            Self::KillEveryWorker { gone } => replace(crew, &crew.all_workers(), gone),
            Self::FreezeWorker { worker, still } => freeze(crew, Place::Worker(worker), still),
            Self::FreezeAndKillWorker { worker, still } => {
                let place = Place::Worker(worker);
                crew.freeze(place)?;
                sleep(still);
                replace(crew, &[place], Duration::ZERO)
            }
            Self::RetireWorker { worker } => {
                let place = Place::Worker(worker);
                crew.dismiss(place)?;
                crew.fill(place)
            }
            Self::KillProducer { producer } => replace(crew, &[Place::Producer(producer)], Duration::ZERO),
            Self::FreezeProducer { producer, still } => freeze(crew, Place::Producer(producer), still),
        }?;
        crew.look_after()
    }
}

fn replace(crew: &mut Crew, places: &[Place], gone: Duration) -> Result {
    places.iter().try_for_each(|place| crew.kill(*place))?;
    sleep(gone);
    places.iter().try_for_each(|place| crew.fill(*place))
}

fn freeze(crew: &mut Crew, place: Place, still: Duration) -> Result {
    crew.freeze(place)?;
    sleep(still);
    crew.thaw(place)
}

impl fmt::Display for CrewFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillWorker { worker, gone } => write!(f, "kill worker {worker}, gone for {gone:?}"),
            Self::KillEveryWorker { gone } => write!(f, "kill every worker, gone for {gone:?}"),
            Self::FreezeWorker { worker, still } => write!(f, "freeze worker {worker} for {still:?}"),
            Self::FreezeAndKillWorker { worker, still } => {
                write!(f, "freeze worker {worker} for {still:?} and kill it")
            }
            Self::RetireWorker { worker } => write!(f, "retire worker {worker}"),
            Self::KillProducer { producer } => write!(f, "kill producer {producer}"),
            Self::FreezeProducer { producer, still } => write!(f, "freeze producer {producer} for {still:?}"),
        }
    }
}
