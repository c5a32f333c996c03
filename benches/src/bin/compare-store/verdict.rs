//! What is told: a table for each load, and the ratios that count.

use cofferdam_benches::Report;

use super::contest::Outcome;
use super::road::{Job, Owner, Road};
use super::site::Kind;

/// Every road of one load.
pub(super) fn table(report: &mut Report, kind: Kind, job: Job, rows: i64, outcomes: &[Outcome]) {
    let heading = format!("{} {} of {rows} rows", kind.name(), job.word());
    report.section(&heading, &["rows/s", "x row", "rows"]);
    let base = rate(outcomes, Road::Each);
    for outcome in outcomes {
        let field = format!("{}_{}_{rows}_{}", kind.field(), job.word(), outcome.road.field());
        let rate = outcome.rows_per_second();
        let times = rate.zip(base).map(|(rate, base)| rate / base);
        report.field(&field, rate);
        let cells = [rate, times, Some(outcome.rows as f64)];
        report.cells(&outcome.road.name(kind, job), &field, outcome.failure.as_deref(), &cells);
    }
}

/// Ours beside the base and the limit, in the fields that are asked for.
pub(super) fn ratios(report: &mut Report, kind: Kind, job: Job, outcomes: &[Outcome]) {
    let field = |ending: &str| format!("{}_{}{ending}", kind.field(), job.word());
    let (ours, fifty) = (rate(outcomes, Road::Ours(None)), rate(outcomes, Road::Ours(Some(50))));
    let (base, back) = (rate(outcomes, Road::Each), rate(outcomes, Road::EachBack));
    let best = outcomes
        .iter()
        .filter(|outcome| outcome.road.owner() == Owner::Hand)
        .filter_map(|outcome| Some((outcome.rows_per_second()?, outcome.road)))
        .max_by(|left, right| left.0.total_cmp(&right.0));
    let limit = best.map(|(rate, _)| rate);
    let name = |words: &str| format!("{} {}: {words}", kind.name(), job.word());
    report.figure(&name("ours, rows/s"), &field("_rows_per_s"), ours);
    report.ratio(&name("ours over row by row"), &field("_vs_row"), ours, base);
    report.ratio(&name("ours over row by row, read back"), &field("_vs_row_read_back"), ours, back);
    report.ratio(&name("ours over the limit"), &field("_vs_limit"), ours, limit);
    report.ratio(&name("ours of 50 over row by row"), &field("_50_vs_row"), fifty, base);
    report.ratio(&name("ours of 50 over the limit"), &field("_50_vs_limit"), fifty, limit);
    report.figure(
        &name("SQLAlchemy, rows/s"),
        &format!("{}_sqlalchemy_{}_rows_per_s", kind.field(), job.word()),
        rate(outcomes, Road::SqlAlchemy),
    );
    if let Some((_, road)) = best {
        report.words(&name("the limit"), &field("_limit"), &road.name(kind, job));
    }
}

/// Processor time of our writer and of the server under it.
pub(super) fn processor(report: &mut Report, kind: Kind, job: Job, outcomes: &[Outcome]) {
    for outcome in outcomes.iter().filter(|outcome| outcome.road == Road::Ours(None)) {
        let micros = |seconds: f64| seconds * 1e6 / outcome.rows as f64;
        let figures = [
            ("client_us_per_row", outcome.median(|cost| Some(micros(cost.client)))),
            ("server_us_per_row", outcome.median(|cost| cost.server.map(micros))),
        ];
        let name = format!("{} {} of {} rows", kind.name(), job.word(), outcome.rows);
        let field = format!("{}_{}_cpu", kind.field(), job.word());
        let absent = figures.iter().any(|(_, value)| value.is_none());
        let reason = absent.then_some("the server's processes were not found on this machine");
        report.row(&name, &field, outcome.failure.as_deref().or(reason), &figures);
    }
}

/// The median of a road, if it is among them.
pub(super) fn rate(outcomes: &[Outcome], road: Road) -> Option<f64> {
    outcomes.iter().find(|outcome| outcome.road == road)?.rows_per_second()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::contest::Cost;
    use super::*;

    fn outcome(road: Road, millis: u64) -> Outcome {
        let cost = Cost { wall: Duration::from_millis(millis), client: 0.0, server: None };
        Outcome { road, rows: 1_000, runs: vec![cost], failure: None, wrong: false }
    }

    #[test]
    fn the_limit_is_the_fastest_that_was_written_by_hand() {
        let mut failed = outcome(Road::Arrays(500), 1);
        failed.failure = Some("not here".to_owned());
        let outcomes = [
            outcome(Road::Ours(None), 20),
            outcome(Road::Ours(Some(50)), 40),
            outcome(Road::Each, 2_000),
            outcome(Road::SeaOrm(500), 5),
            outcome(Road::Rows(500), 25),
            outcome(Road::Copy, 10),
            failed,
        ];
        let mut report = Report::new("test");
        ratios(&mut report, Kind::Postgres, Job::Insert, &outcomes);
        let text = report.finish();
        let line: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(line["postgres_insert_rows_per_s"], 50_000.0);
        assert_eq!(line["postgres_insert_vs_row"], 100.0);
        assert_eq!(line["postgres_insert_vs_limit"], 0.5);
        assert_eq!(line["postgres_insert_50_vs_row"], 50.0);
        assert_eq!(line["postgres_insert_limit"], "by hand: binary COPY");
    }
}
