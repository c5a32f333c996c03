//! What a phase costs: processor time and commands of the masters, and time on the clock.
//!
//! Processor time is the server's own account of itself (`INFO cpu`: user and system, all of its threads, without its
//! children), taken before and after. It hardly depends on what else the machine does, as time on the clock does.

use std::time::{Duration, Instant};

use redis::Connection;

use super::Problem;
use super::servers::{Master, Server};

/// The half of a task's life that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Enqueue,
    /// Claim, acknowledge, and record the result where there are results.
    Work,
}

/// What the lives of some tasks cost.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    pub(super) enqueue: Cost,
    pub(super) work: Cost,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Cost {
    pub(super) wall: Duration,
    /// Seconds of each master's processor time; empty where there is no server.
    pub(super) cpu: Vec<f64>,
    /// Commands that the masters ran, those within scripts included.
    pub(super) commands: u64,
}

/// Times phases, and nothing of what lies between them.
pub(super) struct Meter {
    masters: Vec<Connection>,
    life: Life,
}

/// What a master said of itself.
struct Account {
    cpu: f64,
    commands: u64,
}

impl Meter {
    /// A meter of the masters of a server, or of the clock alone.
    pub(super) fn new(server: Option<&Server>) -> Result<Self, Problem> {
        let masters = server.map_or(&[][..], |server| &server.masters);
        let masters = masters.iter().map(Master::connect).collect::<Result<_, _>>()?;
        Ok(Self { masters, life: Life::default() })
    }

    /// Adds what this work costs to a phase.
    pub(super) fn time<T>(
        &mut self,
        phase: Phase,
        work: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let before = self.accounts()?;
        let start = Instant::now();
        let outcome = work()?;
        let wall = start.elapsed();
        let accounts = self.accounts()?;
        let pairs = before.iter().zip(&accounts);
        let cost = Cost {
            wall,
            cpu: pairs.clone().map(|(before, after)| after.cpu - before.cpu).collect(),
            commands: pairs.map(|(before, after)| after.commands.saturating_sub(before.commands)).sum(),
        };
        match phase {
            Phase::Enqueue => self.life.enqueue.add(&cost),
            Phase::Work => self.life.work.add(&cost),
        }
        Ok(outcome)
    }

    pub(super) fn life(self) -> Life {
        self.life
    }

    fn accounts(&mut self) -> Result<Vec<Account>, Problem> {
        self.masters.iter_mut().map(account).collect()
    }
}

impl Life {
    /// Both phases, one after the other.
    pub(super) fn full(&self) -> Cost {
        let mut full = self.enqueue.clone();
        full.add(&self.work);
        full
    }
}

impl Cost {
    fn add(&mut self, other: &Self) {
        self.wall += other.wall;
        self.commands += other.commands;
        self.cpu.resize(other.cpu.len(), 0.0);
        for (sum, one) in self.cpu.iter_mut().zip(&other.cpu) {
            *sum += one;
        }
    }

    /// How many of so many tasks a second of the masters' processor time carries.
    pub(super) fn per_cpu_second(&self, tasks: usize) -> f64 {
        tasks as f64 / self.cpu.iter().sum::<f64>()
    }

    pub(super) fn per_second(&self, tasks: usize) -> f64 {
        tasks as f64 / self.wall.as_secs_f64()
    }

    /// What part of the busiest master's processor time the idlest one spent.
    pub(super) fn balance(&self) -> f64 {
        let least = self.cpu.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.cpu.iter().copied().fold(0.0, f64::max);
        least / most
    }
}

fn account(master: &mut Connection) -> Result<Account, Problem> {
    let cpu: String = redis::cmd("INFO").arg("cpu").query(master)?;
    let seconds = |name| {
        let value = cpu.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        value.ok_or_else(|| format!("INFO cpu has no {name}"))
    };
    let stats: String = redis::cmd("INFO").arg("commandstats").query(master)?;
    let calls =
        stats.lines().filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok());
    Ok(Account { cpu: seconds("used_cpu_user:")? + seconds("used_cpu_sys:")?, commands: calls.sum() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "small whole numbers are exact")]

    use super::*;

    #[test]
    fn a_life_is_both_of_its_phases() {
        let cost = |seconds, cpu: [f64; 2]| Cost {
            wall: Duration::from_secs(seconds),
            cpu: cpu.to_vec(),
            commands: seconds,
        };
        let full = Life { enqueue: cost(1, [1.0, 2.0]), work: cost(3, [2.0, 4.0]) }.full();
        assert_eq!(full.per_second(8), 2.0);
        assert_eq!(full.per_cpu_second(9), 1.0);
        assert_eq!(full.balance(), 0.5);
        assert_eq!(full.commands, 4);
    }

    #[test]
    fn without_masters_there_is_the_clock_alone() {
        let mut meter = Meter::new(None).unwrap();
        for _ in 0..2 {
            let work = || {
                std::thread::sleep(Duration::from_millis(2));
                Ok(())
            };
            meter.time(Phase::Work, work).unwrap();
        }
        let life = meter.life();
        assert!(life.work.wall >= Duration::from_millis(4));
        assert!(life.enqueue.wall.is_zero() && life.work.cpu.is_empty());
    }
}
