//! What writing many rows costs: our writers beside sea-orm, the fast roads that one writes by hand, and Python.
//!
//! Every road is given the same rows of ten columns and some 200 bytes, on the same server or on a file in the same
//! folder with the same durability. First they are inserted into an empty table, then three columns of rows that are
//! there are changed. Roads take turns within a round, and the figures are medians. After each run the whole table is
//! read and held against what it should hold: a road that wrote anything else is an error, not a figure.
//!
//! Connections are open, and the models made, before the clock starts. sea-orm's row by row commits each row, our
//! writers each batch, all others once. Slow roads write only the first rows; how many is told.
#![forbid(unsafe_code)]

mod arguments;
mod contest;
mod cpu;
mod fill;
mod mysql;
mod orm;
mod ours;
mod postgres;
mod python;
mod road;
mod site;
mod sqlite;
mod text;
mod verdict;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::{Arguments, Effort};
use clap::Parser as _;
use cofferdam_benches::{Problem, Report, chain};
use contest::{Outcome, Stage};
use python::Python;
use road::{Job, Road};
use site::{Kind, Site};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match compare(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("compare-store: a road wrote something else than it should, or ours failed; see above");
            ExitCode::FAILURE
        }
        Err(problem) => {
            eprintln!("compare-store: {}", chain(problem.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// What came out for one load.
struct Load {
    kind: Kind,
    job: Job,
    rows: i64,
    outcomes: Vec<Outcome>,
}

/// Whether all that was measured is right.
async fn compare(arguments: &Arguments) -> Result<bool, Problem> {
    let effort = Effort::new(arguments)?;
    let sites = arguments.databases.iter().map(|kind| Site::find(*kind, arguments));
    let sites = sites.collect::<Result<Vec<_>, _>>()?;
    let mut report = Report::new("compare-store");
    report.setting("rounds", effort.rounds);
    report.setting("reference_rows", effort.reference());
    report.say(&format!("medians of {} rounds", effort.rounds));
    for site in &sites {
        let settings = site.settings().await?;
        report.words(site.kind.name(), &format!("{}_settings", site.kind.field()), &settings);
    }
    let python = Python::provide();
    let mut loads = Vec::new();
    for site in &sites {
        let mut stage = Stage::new(site, &python);
        for job in Job::ALL {
            for &rows in &effort.rows {
                let outcomes = stage.hold(job, rows, effort.rounds).await;
                loads.push(Load { kind: site.kind, job, rows, outcomes });
            }
        }
        site.clear().await?;
    }
    tell(&mut report, &effort, &loads);
    std::io::stdout().write_all(report.finish().as_bytes())?;
    Ok(!loads.iter().flat_map(|load| &load.outcomes).any(|outcome| outcome.wrong))
}

fn tell(report: &mut Report, effort: &Effort, loads: &[Load]) {
    for Load { kind, job, rows, outcomes } in loads {
        verdict::table(report, *kind, *job, *rows, outcomes);
    }
    report.section("processor time of ours a row, in microseconds", &["client", "server"]);
    let most = effort.rows.iter().max();
    for Load { kind, job, outcomes, .. } in
        loads.iter().filter(|load| Some(&load.rows) == most && load.kind != Kind::Sqlite)
    {
        verdict::processor(report, *kind, *job, outcomes);
    }
    report.section(&format!("at {} rows", effort.reference()), &[]);
    let mut sqlalchemy = None;
    for Load { kind, job, outcomes, .. } in loads.iter().filter(|load| load.rows == effort.reference()) {
        verdict::ratios(report, *kind, *job, outcomes);
        if *job == Job::Insert {
            // One figure for all databases: the fastest.
            let rate = verdict::rate(outcomes, Road::SqlAlchemy);
            sqlalchemy = [sqlalchemy, rate].into_iter().flatten().max_by(f64::total_cmp);
        }
    }
    report.figure("SQLAlchemy insert at its fastest, rows/s", "sqlalchemy_insert_rows_per_s", sqlalchemy);
}
