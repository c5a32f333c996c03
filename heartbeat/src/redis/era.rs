//! When a silence may be the store's doing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How far, in seconds, the server's clock and ours may drift apart between two looks before it counts as a jump. An honest pair
/// drifts by milliseconds; one second too little costs a death its promptness, and one too much may cost a life.
const DRIFT: f64 = 1.0;

/// The number of the present era. A new one begins when the store may have forgotten what was written, or may have aged
/// what it holds: another server, another run of it, a jump of its clock; and with every look that leaves it in doubt.
#[derive(Debug, Default)]
pub(super) struct Era {
    number: u64,
    last: Option<Look>,
}

/// What one look at the store showed.
#[derive(Debug)]
pub(super) struct Look {
    /// The run ids of the masters.
    pub(super) servers: BTreeSet<String>,
    /// The server's time.
    pub(super) time: Duration,
    /// Our time when that was asked, and when it was known.
    pub(super) asked: Instant,
    pub(super) answered: Instant,
    /// Whether workers may have been unable to write: a master refused writes, gave no answer, or is new.
    pub(super) doubtful: bool,
}

impl Era {
    /// The era after this look.
    pub(super) fn after(&mut self, look: Look) -> u64 {
        let changed =
            self.last.as_ref().is_some_and(|last| last.servers != look.servers || look.jumped(last));
        if changed || look.doubtful {
            self.number += 1;
        }
        self.last = Some(look);
        self.number
    }
}

impl Look {
    /// Whether the server's clock went on otherwise than ours, more than the way of the answers can explain.
    fn jumped(&self, last: &Self) -> bool {
        let longest = self.answered.saturating_duration_since(last.asked).as_secs_f64() + DRIFT;
        let shortest = self.asked.saturating_duration_since(last.answered).as_secs_f64() - DRIFT;
        let passed = self.time.as_secs_f64() - last.time.as_secs_f64();
        passed < shortest || passed > longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        era: Era,
        begin: Instant,
    }

    impl World {
        fn new() -> Self {
            Self { era: Era::default(), begin: Instant::now() }
        }

        /// A look at our `ours` seconds and the server's `theirs`, which took `way` milliseconds.
        fn look(&mut self, servers: &[&str], ours: u64, theirs: u64, way: u64, doubtful: bool) -> u64 {
            let asked = self.begin + Duration::from_secs(ours);
            let answered = asked + Duration::from_millis(way);
            let servers = servers.iter().map(|server| (*server).to_owned()).collect();
            let time = Duration::from_secs(1000 + theirs);
            self.era.after(Look { servers, time, asked, answered, doubtful })
        }
    }

    #[test]
    fn the_era_lasts_while_the_servers_and_their_clock_go_on() {
        let mut world = World::new();
        for second in [0, 0, 5, 10, 3600] {
            assert_eq!(world.look(&["a", "b"], second, second, 3, false), 0);
        }
        assert_eq!(world.look(&["a", "b"], 3610, 3612, 4000, false), 0, "a slow answer is no jump");
    }

    #[test]
    fn another_server_or_another_run_begins_an_era() {
        let mut world = World::new();
        assert_eq!(world.look(&["a", "b"], 0, 0, 1, false), 0);
        assert_eq!(world.look(&["a", "c"], 5, 5, 1, false), 1);
        assert_eq!(world.look(&["a"], 10, 10, 1, false), 2);
        assert_eq!(world.look(&["a"], 15, 15, 1, false), 2);
    }

    #[test]
    fn a_jump_of_the_clock_begins_an_era_either_way() {
        let mut world = World::new();
        assert_eq!(world.look(&["a"], 100, 100, 1, false), 0);
        assert_eq!(world.look(&["a"], 105, 125, 1, false), 1, "forward");
        assert_eq!(world.look(&["a"], 110, 130, 1, false), 1);
        assert_eq!(world.look(&["a"], 115, 115, 1, false), 2, "back");
        assert_eq!(world.look(&["a"], 120, 120, 1, false), 2);
        assert_eq!(world.look(&["a"], 125, 120, 1, false), 3, "it stood still");
    }

    #[test]
    fn every_doubtful_look_is_an_era_of_its_own() {
        let mut world = World::new();
        assert_eq!(world.look(&["a"], 0, 0, 1, true), 1);
        assert_eq!(world.look(&["a"], 5, 5, 1, true), 2);
        assert_eq!(world.look(&["a"], 10, 10, 1, false), 2);
    }
}
