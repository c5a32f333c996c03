//! What a task does when it runs, which stands in its payload.

use std::time::Duration;

use cofferdam_queue::Failure;
use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// The longest that a slow task works; longer than the lease, so that it lives by renewals.
const LONGEST: f64 = 7.0;

/// The shortest that a slow task works.
const SHORTEST: f64 = 0.1;

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Behaviour {
    /// How long it works, in milliseconds.
    pub works_ms: u64,
    /// How it ends then.
    pub then: Then,
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// With a result.
    Ends,
    /// With a failure up to this attempt, and with a result after that.
    FailsUntil(u32),
    /// With a refusal for ever.
    Refuses,
    /// With a panic unless a run of it has broken down before.
    PanicsOnce,
}

impl Behaviour {
    /// Draws one: nine in ten tasks are quick and good, the others slow, or bad in one of the ways.
    #[must_use]
    pub fn draw(rng: &mut Rng) -> Self {
        let quick = rng.u64(0..10);
        // Evenly over the orders of magnitude.
        let slow = SHORTEST * (LONGEST / SHORTEST).powf(rng.f64());
        let (works_ms, then) = match rng.u32(0..100) {
            0..3 => ((slow * 1_000.0) as u64, Then::Ends),
            3..7 => (quick, Then::FailsUntil(rng.u32(1..3))),
            7 => (quick, Then::FailsUntil(u32::MAX)),
            8 => (quick, Then::Refuses),
            9 => (quick, Then::PanicsOnce),
            _ => (quick, Then::Ends),
        };
        Self { works_ms, then }
    }

    /// The payload of a task that does this.
    ///
    /// # Errors
    /// None in practice: there is nothing in it that JSON cannot hold.
    pub fn payload(&self) -> crate::Result<Vec<u8>> {
        use crate::error::Context;
        serde_json::to_vec(self).context(|| "write a payload".to_owned())
    }

    /// Does it, in this attempt and after so many breakdowns.
    ///
    /// # Errors
    /// As the task is made.
    ///
    /// # Panics
    /// As the task is made.
    #[allow(clippy::panic)]
    pub async fn run(&self, attempt: u32, crashes: u32) -> Result<(), Failure> {
        tokio::time::sleep(Duration::from_millis(self.works_ms)).await;
        match self.then {
            Then::FailsUntil(last) if attempt <= last => Err(Failure::retryable("as the task is made")),
            Then::Refuses => Err(Failure::permanent("as the task is made")),
            Then::PanicsOnce if crashes == 0 => panic!("as the task is made"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behaviour_comes_up_and_survives_the_payload() {
        let mut rng = Rng::with_seed(7);
        let drawn: Vec<Behaviour> = (0..5_000).map(|_| Behaviour::draw(&mut rng)).collect();
        for one in &drawn {
            assert_eq!(serde_json::from_slice::<Behaviour>(&one.payload().unwrap()).unwrap(), *one);
        }
        let share = |wanted: fn(&&Behaviour) -> bool| drawn.iter().filter(wanted).count();
        assert!(share(|one| one.works_ms >= 100) > 75 && share(|one| one.works_ms >= 5_000) > 3);
        assert!(drawn.iter().all(|one| one.works_ms <= 7_000));
        for then in [Then::Refuses, Then::PanicsOnce, Then::FailsUntil(1), Then::FailsUntil(u32::MAX)] {
            assert!(drawn.iter().filter(|one| one.then == then).count() > 20, "{then:?}");
        }
    }
}
