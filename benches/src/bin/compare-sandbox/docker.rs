//! Containers: one that is made when it is needed, and one that waits ready.
//!
//! A turn ends when nothing of it goes on: its container is gone, and the pool is full again. So no other thing is
//! measured while a container comes or goes.

use std::time::Instant;

use cofferdam_benches::{Samples, chain};
use cofferdam_sandbox::{DockerSandbox, Input, Limits, Program, Sandbox, Session};

use super::Problem;
use super::report::{Report, median};

/// A sandbox without a pool and one with, and what they took.
pub(super) struct Docker {
    cold: Side,
    warm: Side,
}

struct Side {
    sandbox: DockerSandbox,
    /// Until the result is in the caller's hand.
    result: Samples,
    /// Until the container is gone, too: what `Sandbox::run` waits for.
    gone: Samples,
}

impl Docker {
    /// # Errors
    ///
    /// Why containers cannot be measured here.
    pub(super) async fn connect() -> Result<Self, String> {
        Ok(Self { cold: Side::new(0).await?, warm: Side::new(1).await? })
    }

    /// One container of each.
    pub(super) async fn turn(&mut self, program: &Program) -> Result<(), Problem> {
        for side in [&mut self.cold, &mut self.warm] {
            side.sandbox.warmed().await;
            std::thread::sleep(super::latency::REST);
            side.turn(program).await?;
            side.sandbox.warmed().await;
        }
        Ok(())
    }

    /// Forgets what was measured so far.
    pub(super) fn forget(&mut self) {
        for side in [&mut self.cold, &mut self.warm] {
            (side.result, side.gone) = Default::default();
        }
    }

    /// Removes the containers that nobody took.
    pub(super) async fn close(self, report: &mut Report) {
        let rows = [
            ("Docker cold, result in hand", "docker_cold", &self.cold.result),
            ("Docker cold, container gone", "docker_cold_gone", &self.cold.gone),
            ("Docker warm, result in hand", "docker_warm", &self.warm.result),
            ("Docker warm, container gone", "docker_warm_gone", &self.warm.gone),
        ];
        for (name, field, samples) in rows {
            report.times(name, field, samples);
        }
        let (cold, warm) = (median(&self.cold.result), median(&self.warm.result));
        report.ratio("  cold over warm, result in hand", "docker_cold_over_warm", cold, warm);
        self.cold.sandbox.close().await;
        self.warm.sandbox.close().await;
    }

    /// Says the same rows without figures.
    pub(super) fn skip(report: &mut Report, reason: &str) {
        for (name, field) in [
            ("Docker cold, result in hand", "docker_cold"),
            ("Docker cold, container gone", "docker_cold_gone"),
            ("Docker warm, result in hand", "docker_warm"),
            ("Docker warm, container gone", "docker_warm_gone"),
        ] {
            report.no_times(name, field, reason);
        }
        report.no_figure("  cold over warm, result in hand", "docker_cold_over_warm", reason);
    }
}

impl Side {
    async fn new(warm: usize) -> Result<Self, String> {
        let sandbox = DockerSandbox::builder().warm(warm).build().await.map_err(|error| chain(&error))?;
        Ok(Self { sandbox, result: Samples::new(), gone: Samples::new() })
    }

    async fn turn(&mut self, program: &Program) -> Result<(), Problem> {
        let start = Instant::now();
        let mut session = self.sandbox.open(program, &Limits::default()).await?;
        let outcome = session.call(&Input::new()).await;
        self.result.add_since(start);
        session.close().await;
        self.gone.add_since(start);
        outcome.into_result()?;
        Ok(())
    }
}
