//! Seeing a replica become the master, and the clients find it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::view::Role;
use super::{Cluster, Wire};
use crate::error::{Error, Result};

/// Between two questions to the node: a hundredth of what is measured.
const PAUSE: Duration = Duration::from_millis(20);

/// How long the cluster may take to make a replica a master: its node timeout, the election, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The commands by which a client of the queue does anything. A replica never runs them: what a script changed reaches it
/// as plain commands.
const SCRIPTS: [&str; 3] = ["cmdstat_eval:", "cmdstat_evalsha:", "cmdstat_fcall:"];

/// Watches the replica of a shard from before its master is lost.
#[derive(Debug)]
pub struct Watch {
    port: u16,
    wire: Option<Wire>,
    served_before: u64,
}

impl Cluster {
    /// Begins to watch the node that is the replica of a shard now.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn watch(&self, shard: usize) -> Result<Watch> {
        let mut watch = Watch { port: self.replica(shard)?.port(), wire: None, served_before: 0 };
        watch.served_before = watch.served().ok_or_else(|| watch.silent())?;
        Ok(watch)
    }
}

impl Watch {
    /// Waits until the node is a master and serves its slots.
    ///
    /// # Errors
    /// When that takes longer than half a minute.
    pub fn await_promotion(&mut self) -> Result {
        let began = Instant::now();
        while !self.is_serving_master() {
            if began.elapsed() > PATIENCE {
                let what = format!("the promotion of the node on port {}", self.port);
                let remedy = "see the logs of the nodes".to_owned();
                return Err(Error::TooLate { what, seconds: PATIENCE.as_secs(), remedy });
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    /// Waits until the node has run a client's script without an error; false when that takes longer than this.
    #[must_use]
    pub fn await_service(&mut self, within: Duration) -> bool {
        let began = Instant::now();
        while self.served().is_none_or(|served| served <= self.served_before) {
            if began.elapsed() > within {
                return false;
            }
            sleep(PAUSE);
        }
        true
    }

    fn silent(&self) -> Error {
        Error::Refused(format!("the node on port {} does not answer: see its log", self.port))
    }

    fn is_serving_master(&mut self) -> bool {
        let role = self.ask(&[b"ROLE"]).as_ref().and_then(Role::parse);
        role.is_some_and(|role| role.is_master())
            && self
                .ask(&[b"CLUSTER", b"INFO"])
                .and_then(|info| info.text().map(|text| text.lines().any(|line| line == "cluster_state:ok")))
                .unwrap_or(false)
    }

    /// How many scripts the node has run for clients.
    fn served(&mut self) -> Option<u64> {
        let statistics = self.ask(&[b"INFO", b"commandstats"])?;
        Some(statistics.text()?.lines().filter_map(successes).sum())
    }

    fn ask(&mut self, command: &[&[u8]]) -> Option<super::Reply> {
        let mut wire = self.wire.take().or_else(|| Wire::open(self.port).ok())?;
        let reply = wire.ask(command).ok()?;
        // Kept only after an answer: what a broken connection says later belongs to another question.
        self.wire = Some(wire);
        Some(reply)
    }
}

/// The calls of a line about a script command that did not fail.
fn successes(line: &str) -> Option<u64> {
    let figures = SCRIPTS.iter().find_map(|script| line.strip_prefix(script))?;
    let figure = |wanted: &str| {
        let pairs = figures.split(',').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == wanted).find_map(|(_, value)| value.parse::<u64>().ok())
    };
    Some(figure("calls")?.saturating_sub(figure("failed_calls").unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scripts_that_did_not_fail_count() {
        let line = "usec=9,usec_per_call=1.00,rejected_calls=5,failed_calls=2";
        assert_eq!(successes(&format!("cmdstat_evalsha:calls=7,{line}")), Some(5));
        assert_eq!(successes("cmdstat_eval:calls=3,usec=9"), Some(3));
        assert_eq!(successes(&format!("cmdstat_evalsha_ro:calls=7,{line}")), None);
        assert_eq!(successes(&format!("cmdstat_get:calls=7,{line}")), None);
    }
}
