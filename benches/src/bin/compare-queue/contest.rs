//! Rounds: everybody once, then everybody again, so that whatever else the machine does falls on all alike.

use super::meter::Life;
use super::party::{Kind, Party};
use super::report::chain;
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
    // The first round is short and not counted: it loads scripts, and has the server ask the system for its memory.
    let short = Load { tasks: load.tasks.div_ceil(10), ..*load };
    for round in 0..=rounds {
        eprintln!("round {round} of {rounds} at {}", site.name());
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.failure.is_none()) {
            let load = if round == 0 { &short } else { load };
            match outcome.party.play(site, load) {
                Ok(life) if round > 0 => outcome.lives.push(life),
                Ok(_) => {}
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
