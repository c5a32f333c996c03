//! What the figures say, put beside each other.

use cofferdam_benches::{Report, chain};

use super::Problem;
use super::contest::Outcome;
use super::parties::{Programs, apalis_with_backlogs};
use super::party::Party;
use super::site::Site;
use super::tasks::Load;

/// Those who are somebody else's, by the beginning of their fields.
const PEERS: [&str; 3] = ["apalis", "apalis_default", "bullmq"];

/// How many tasks it takes to show what backlogs do to a peer.
const MANY: usize = 10_000;

/// On a Redis alone: ours beside the best peer and the bare loops, and a peer's limit.
pub(super) fn on_one(
    outcomes: &[Outcome],
    site: Result<&Site, &str>,
    programs: &Programs,
    load: &Load,
    report: &mut Report,
) {
    let full_life = |field: &str| find(outcomes, field).and_then(Outcome::full_life);
    let ours = full_life("ours");
    let best = PEERS.into_iter().filter_map(full_life).max_by(f64::total_cmp);
    let as_they_come = ["apalis_default", "bullmq"].into_iter().filter_map(full_life).max_by(f64::total_cmp);
    report.ratio("ours over the best peer", "ours_over_best_peer", ours, best);
    report.ratio("ours over the best peer as it comes", "ours_over_best_default_peer", ours, as_they_come);
    report.ratio("ours over bare Streams", "ours_over_streams", ours, full_life("streams"));
    let results = full_life("streams_results");
    report.ratio("ours over bare Streams with results", "ours_over_streams_results", ours, results);
    for party in apalis_with_backlogs(programs) {
        let words = if load.tasks < MANY { "too few tasks".to_owned() } else { attempt(&party, site, load) };
        report.words(party.name, party.field, &words);
    }
}

/// On the cluster: whether all masters share the work.
pub(super) fn on_cluster(outcomes: &[Outcome], report: &mut Report) {
    for (party, name, field) in [
        ("ours", "balance of the masters, ours", "cluster_balance_min_over_max"),
        ("streams", "balance of the masters, bare Streams", "streams_cluster_balance_min_over_max"),
        ("bullmq", "balance of the masters, bullmq-official", "bullmq_cluster_balance_min_over_max"),
    ] {
        let value = find(outcomes, party).and_then(|outcome| outcome.median(|life| life.full().balance()));
        report.figure(name, field, value);
    }
}

/// Without a server: ours beside the peer that waits for the disk as ours does, and the one that does not.
pub(super) fn embedded(outcomes: &[Outcome], report: &mut Report) {
    let life = |field: &str| {
        find(outcomes, field).and_then(|outcome| outcome.median(|life| life.full().per_second(outcome.tasks)))
    };
    let ours = life("sqlite");
    report.ratio("SQLite: ours over apalis", "sqlite_over_apalis", ours, life("apalis_sqlite"));
    report.ratio("  over apalis as it comes", "sqlite_over_apalis_off", ours, life("apalis_sqlite_off"));
}

fn find<'a>(outcomes: &'a [Outcome], field: &str) -> Option<&'a Outcome> {
    outcomes.iter().find(|outcome| outcome.party.field == field)
}

/// What becomes of a party that is played once.
fn attempt(party: &Party, site: Result<&Site, &str>, load: &Load) -> String {
    match site.map_err(Problem::from).and_then(|site| party.play(site, load)) {
        Ok(life) => format!("{:.0} whole lives", life.full().per_cpu_second(load.tasks)),
        Err(problem) => format!("fails: {}", chain(problem.as_ref())),
    }
}
