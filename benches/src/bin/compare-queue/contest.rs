//! Rounds: everybody once, then everybody again, so that whatever else the machine does falls on all alike.

use cofferdam_benches::chain;

use super::meter::Life;
use super::party::{Kind, Party};
use super::site::Site;
use super::tasks::Load;

/// What came out for one party.
pub(super) struct Outcome {
    pub(super) party: Party,
    /// One for each counted round.
    pub(super) lives: Vec<Life>,
    /// Why the party is not measured. It may have done some rounds before.
    pub(super) failure: Option<String>,
    pub(super) tasks: usize,
}

/// Has all parties meet at a site, or says of all why there is none.
pub(super) fn hold(
    site: Result<&Site, &str>,
    parties: Vec<Party>,
    load: &Load,
    rounds: usize,
) -> Vec<Outcome> {
    let start = |party: Party| {
        let failure = match (site, &party.kind) {
            (Err(reason), _) => Some(reason.to_owned()),
            (_, Kind::Peer(Err(reason))) => Some(reason.clone()),
            _ => None,
        };
        Outcome { party, lives: Vec::new(), failure, tasks: load.tasks }
    };
    let mut outcomes: Vec<_> = parties.into_iter().map(start).collect();
    let Ok(site) = site else { return outcomes };
    let short = Load { tasks: load.tasks.div_ceil(10), ..*load };
    let everybody = outcomes.len();
    for round in 0..rounds {
        eprintln!("round {} of {rounds} at {}", round + 1, site.name());
        // Whatever a party left the server to do falls on the one that follows, so each round begins with another.
        for place in 0..everybody {
            let Some(outcome) = outcomes.get_mut((place + round) % everybody) else { continue };
            if outcome.failure.is_some() {
                continue;
            }
            // Before it counts, a short turn loads scripts, and has the server ask the system for memory.
            let life = outcome.party.play(site, &short).and_then(|_| outcome.party.play(site, load));
            match life {
                Ok(life) => outcome.lives.push(life),
                Err(problem) => outcome.failure = Some(chain(problem.as_ref())),
            }
        }
    }
    outcomes
}

impl Outcome {
    /// The median over the rounds; nothing when a round failed.
    pub(super) fn median(&self, figure: impl Fn(&Life) -> f64) -> Option<f64> {
        if self.failure.is_some() {
            return None;
        }
        let mut figures: Vec<_> = self.lives.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    }

    /// Whole lives in a second of the masters' processor time.
    pub(super) fn full_life(&self) -> Option<f64> {
        self.median(|life| life.full().per_cpu_second(self.tasks))
    }
}
