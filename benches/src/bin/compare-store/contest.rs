//! Rounds: every road once, then every road again, so that whatever else the machine does falls on all alike.

use std::time::{Duration, Instant};

use cofferdam_benches::{Child, chain};
use sea_orm::DatabaseConnection;
use tokio::task::block_in_place;

use super::fill;
use super::python::{Python, turn};
use super::road::{Job, Road};
use super::site::{Kind, Site, Wrong};
use super::{Problem, cpu, mysql, orm, ours, postgres, sqlite};

/// What came out for one road.
pub(super) struct Outcome {
    pub(super) road: Road,
    /// How many rows it writes.
    pub(super) rows: i64,
    pub(super) runs: Vec<Cost>,
    /// Why it is not measured.
    pub(super) failure: Option<String>,
    /// Whether that says that something is wrong, and not that something is not here.
    pub(super) wrong: bool,
}

/// What one run took.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    pub(super) wall: Duration,
    /// Seconds of processor time.
    pub(super) client: f64,
    pub(super) server: Option<f64>,
}

/// A site, with the Python that comes along.
pub(super) struct Stage<'a> {
    pub(super) site: &'a Site,
    python: Result<Child, String>,
}

impl Outcome {
    /// The median over the runs.
    pub(super) fn median(&self, figure: impl Fn(&Cost) -> Option<f64>) -> Option<f64> {
        if self.failure.is_some() {
            return None;
        }
        let mut figures: Vec<_> = self.runs.iter().filter_map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    }

    pub(super) fn rows_per_second(&self) -> Option<f64> {
        self.median(|cost| Some(self.rows as f64 / cost.wall.as_secs_f64()))
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(site: &'a Site, python: &Result<Python, String>) -> Self {
        let start = |python: &Python| python.start(site).map_err(|problem| chain(problem.as_ref()));
        let python = python.as_ref().map_err(Clone::clone).and_then(start);
        Self { site, python }
    }

    /// Has all roads take the same load.
    pub(super) async fn hold(&mut self, job: Job, rows: i64, rounds: usize) -> Vec<Outcome> {
        let start = |road: Road| Outcome {
            road,
            rows: road.share(self.site.kind, job, rows),
            runs: Vec::new(),
            failure: None,
            wrong: false,
        };
        let mut outcomes: Vec<_> = Road::all(self.site.kind, job).into_iter().map(start).collect();
        let everybody = outcomes.len();
        for round in 0..rounds {
            eprintln!("{} {} of {rows}, round {} of {rounds}", self.site.kind.name(), job.word(), round + 1);
            // Whatever a road left the server to do falls on the one that follows, so each round begins with another.
            for place in 0..everybody {
                let Some(outcome) = outcomes.get_mut((place + round) % everybody) else { continue };
                if outcome.failure.is_some() {
                    continue;
                }
                match self.play(outcome.road, job, rows, outcome.rows).await {
                    Ok(cost) => outcome.runs.push(cost),
                    Err(problem) => {
                        outcome.wrong = problem.is::<Wrong>() || matches!(outcome.road, Road::Ours(_));
                        outcome.failure = Some(chain(problem.as_ref()));
                    }
                }
            }
        }
        outcomes
    }

    /// One run of `written` rows, in a table of `rows` rows where they are changed.
    async fn play(&mut self, road: Road, job: Job, rows: i64, written: i64) -> Result<Cost, Problem> {
        let there = if job == Job::Insert { 0 } else { rows };
        self.site.prepare(there).await?;
        let cost = match road {
            Road::SqlAlchemy | Road::PsycopgCopy => {
                let child = self.python.as_mut().map_err(|reason| reason.clone())?;
                let wall = block_in_place(|| turn(child, road, job, written))?;
                Cost { wall, client: 0.0, server: None }
            }
            road => {
                let database = self.site.connect().await?;
                // The models exist beforehand on every road: what is measured is the writing.
                let cost = match job {
                    Job::Insert => {
                        let rows = (0..written).map(fill::row).collect();
                        self.time(self.insert(road, &database, rows)).await
                    }
                    Job::Update => {
                        let rows = (0..written).map(fill::change).collect();
                        self.time(self.update(road, &database, rows)).await
                    }
                };
                database.close().await?;
                cost?
            }
        };
        match job {
            Job::Insert => self.site.check(written, 0).await?,
            Job::Update => self.site.check(rows, written).await?,
        }
        Ok(cost)
    }

    async fn time(&self, work: impl Future<Output = Result<(), Problem>>) -> Result<Cost, Problem> {
        let server = cpu::server(self.site);
        let client = cpu::client();
        let start = Instant::now();
        work.await?;
        let wall = start.elapsed();
        let client = (cpu::client() - client).as_secs_f64();
        let server = cpu::server(self.site).zip(server).map(|(after, before)| after - before);
        Ok(Cost { wall, client, server })
    }

    async fn insert(
        &self,
        road: Road,
        database: &DatabaseConnection,
        rows: Vec<fill::Model>,
    ) -> Result<(), Problem> {
        match road {
            Road::Ours(size) => ours::insert(database, rows, size).await,
            Road::Each => orm::insert_each(database, rows).await,
            Road::EachBack => orm::insert_each_and_read(database, rows).await,
            Road::InOne => orm::insert_in_one(database, rows).await,
            Road::SeaOrm(size) => orm::insert_many(database, rows, size).await,
            Road::Rows(size) => match self.site.kind {
                Kind::Sqlite => sqlite::insert(database, rows, size).await,
                Kind::Postgres => postgres::insert(database, rows, size).await,
                Kind::Mysql => mysql::insert(database, rows, size).await,
            },
            Road::Arrays(size) => postgres::insert_arrays(database, rows, size).await,
            Road::Copy => postgres::copy(database, &rows).await,
            Road::CopyAny => postgres::copy_any(database, rows).await,
            Road::Directly(size) => {
                block_in_place(|| sqlite::insert_directly(&self.site.database(), &rows, size))
            }
            Road::Load => mysql::load(database, &rows, &self.site.file("fills.tsv")).await,
            Road::Stage | Road::SqlAlchemy | Road::PsycopgCopy => Err(no_such(road)),
        }
    }

    async fn update(
        &self,
        road: Road,
        database: &DatabaseConnection,
        rows: Vec<fill::Change>,
    ) -> Result<(), Problem> {
        match road {
            Road::Ours(size) => ours::update(database, rows, size).await,
            Road::Each => orm::update_each(database, rows).await,
            Road::EachBack => orm::update_each_and_read(database, rows).await,
            Road::InOne => orm::update_in_one(database, rows).await,
            Road::SeaOrm(size) => orm::update_by_case(database, rows, size).await,
            Road::Rows(size) => match self.site.kind {
                Kind::Sqlite => sqlite::update(database, rows, size).await,
                Kind::Postgres => postgres::update(database, rows, size).await,
                Kind::Mysql => mysql::update(database, rows, size).await,
            },
            Road::Arrays(size) => postgres::update_arrays(database, rows, size).await,
            Road::Stage => match self.site.kind {
                Kind::Mysql => mysql::update_by_load(database, &rows, &self.site.file("changes.tsv")).await,
                _ => postgres::update_by_stage(database, &rows).await,
            },
            Road::Directly(_) => block_in_place(|| sqlite::update_directly(&self.site.database(), &rows)),
            Road::Copy | Road::CopyAny | Road::Load | Road::SqlAlchemy | Road::PsycopgCopy => {
                Err(no_such(road))
            }
        }
    }
}

fn no_such(road: Road) -> Problem {
    format!("{road:?} does not lead there").into()
}
