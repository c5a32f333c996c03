//! What a queue costs: our backends, peers and bare loops, turn by turn, in one run.
//!
//! One module a question. On Redis the figure that counts is how many tasks a second of the servers' processor time
//! carries: a queue's clients can be multiplied, its servers hardly. Everybody is given the same tasks: first all are
//! enqueued, then all are claimed and acknowledged, with a result where there are results. Whoever cannot do that, or is
//! not here, is printed by name with the reason, and stands as `null` in the last line.
#![forbid(unsafe_code)]

mod arguments;
mod backlog;
mod contest;
mod lists;
mod meter;
mod ours;
mod parties;
mod party;
mod peer;
mod raw;
mod recovery;
mod report;
mod servers;
mod site;
mod streams;
mod sweep;
mod tasks;
mod verdict;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::{Arguments, Effort};
use clap::Parser as _;
use cofferdam_benches::{Problem, Report, chain};
use contest::hold;
use ours::Backend;
use parties::{Programs, embedded, on_redis};
use servers::{Kind, Server};
use site::Site;

const NO_SERVER: &str = "no Redis is known: start both kinds by `cargo xtask services up redis redis-cluster`, or name \
                         them by --url and --cluster-urls";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.worker {
        Some(words) => recovery::worker(words),
        None => compare(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("compare-queue: {}", chain(problem.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Result<(), Problem> {
    let servers = Server::find(arguments)?;
    if servers.is_empty() {
        return Err(NO_SERVER.into());
    }
    let effort = Effort::new(arguments);
    let programs = Programs::build(&arguments.peers()?);
    let mut report = Report::new("compare-queue");
    effort.tell(&mut report);

    let sites: Vec<_> = servers.into_iter().map(Site::Redis).collect();
    let find = |kind: Kind| {
        let site = sites.iter().find(|site| site.server().is_some_and(|server| server.kind == kind));
        site.ok_or(kind.missing())
    };
    for kind in [Kind::Single, Kind::Cluster] {
        let outcomes = hold(find(kind), on_redis(&programs), &effort.load, effort.rounds);
        report::on_redis(&mut report, kind, &outcomes);
        match kind {
            Kind::Single => verdict::on_one(&outcomes, find(kind), &programs, &effort.load, &mut report),
            Kind::Cluster => verdict::on_cluster(&outcomes, &mut report),
        }
    }
    let folder = Site::folder()?;
    let outcomes = hold(Ok(&folder), embedded(&programs), &effort.load, effort.rounds);
    report::embedded(&mut report, &outcomes);
    verdict::embedded(&outcomes, &mut report);

    report.section(
        &format!("from SIGKILL to the next run, lease {:?}", recovery::LEASE),
        &["p50", "p99", "max"],
    );
    for (name, field, backend, site) in [
        ("cofferdam-queue, one Redis", "recovery", Backend::Redis, find(Kind::Single)),
        ("cofferdam-queue, the cluster", "recovery_cluster", Backend::Redis, find(Kind::Cluster)),
        ("cofferdam-queue, SQLite", "recovery_sqlite", Backend::Sqlite, Ok(&folder)),
    ] {
        report.times(name, field, recovery::measure(backend, site, effort.kills));
    }
    report.section(
        &format!("a turn of {} tasks, enqueued, claimed and settled", effort.load.batch),
        &["p50", "p99", "max"],
    );
    for (name, field, backend, site) in [
        ("one Redis", "turn", Backend::Redis, find(Kind::Single)),
        ("the cluster", "turn_cluster", Backend::Redis, find(Kind::Cluster)),
        ("SQLite", "turn_sqlite", Backend::Sqlite, Ok(&folder)),
    ] {
        for (depth, waiting) in [("shallow", backlog::SHALLOW), ("deep", effort.waiting)] {
            let samples = backlog::measure(backend, site, &effort.load, waiting);
            report.times(&format!("{name}, {waiting} tasks waiting"), &format!("{field}_{depth}"), samples);
        }
    }
    Ok(std::io::stdout().write_all(report.finish().as_bytes())?)
}
