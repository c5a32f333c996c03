//! Bringing faults about, one after another.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::Schedule;
use crate::error::Result;
use crate::history::{Recorder, What};

/// A kind of faults that share a stage.
pub trait Fault: Display + Sized {
    /// What the faults are done to.
    type Stage;

    /// How many kinds there are.
    const KINDS: usize;

    /// A fault of this kind, with everything else about it drawn.
    fn draw(kind: usize, rng: &mut Rng) -> Self;

    /// Whether a master is lost in it, with whatever it had acknowledged and not replicated.
    fn loses_master(&self) -> bool;

    /// Brings it about, and heals it.
    ///
    /// # Errors
    /// When it cannot be brought about, or does not heal.
    fn strike(&self, stage: &mut Self::Stage, scene: &Scene<'_>) -> Result;
}

/// What all lanes of a run share.
#[derive(Debug)]
pub struct Scene<'a> {
    /// Where the faults are written down.
    pub recorder: &'a Recorder,
    /// The number of the next fault.
    pub numbers: &'a AtomicU64,
    /// The number of the fault that is under way in this lane.
    pub number: u64,
    /// When no more faults begin.
    pub until: Instant,
    /// Whether a lane has failed, so that the others need not go on.
    pub failed: &'a AtomicBool,
}

impl Scene<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until || self.failed.load(Ordering::Relaxed)
    }

    /// Writes down something about the fault that is under way.
    pub(super) fn write(&self, what: What) {
        self.recorder.write(what);
    }
}

/// Brings about the faults of a schedule until the time is over; the last one is healed all the same.
///
/// # Errors
/// When a fault cannot be brought about or does not heal.
pub fn run_lane<F: Fault>(schedule: Schedule<F>, stage: &mut F::Stage, mut scene: Scene<'_>) -> Result {
    let began = Instant::now();
    for planned in schedule {
        sleep(planned.pause.min(scene.until.saturating_duration_since(Instant::now())));
        if scene.is_over() {
            break;
        }
        scene.number = scene.numbers.fetch_add(1, Ordering::Relaxed);
        let (fault, number) = (&planned.fault, scene.number);
        println!("{:7.1} s  fault {number}: {fault}", began.elapsed().as_secs_f64());
        let (name, loses_master) = (fault.to_string(), fault.loses_master());
        scene.write(What::FaultBegins { fault: number, name, loses_master });
        if let Err(error) = fault.strike(stage, &scene) {
            scene.failed.store(true, Ordering::Relaxed);
            return Err(error);
        }
        scene.write(What::FaultEnds { fault: number });
    }
    Ok(())
}

/// A time in milliseconds, drawn.
pub(super) fn time(rng: &mut Rng, milliseconds: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(milliseconds))
}
