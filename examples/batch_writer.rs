//! Writes rows through a `BatchWriter` and changes them through a `BatchUpdateWriter`, and tells how fast that was.
//!
//! ```text
//! cargo run --release --example batch_writer -- --url sqlite:rows.sqlite3 --rows 1000000
//! cargo run --release --example batch_writer -- --url postgres://user:password@127.0.0.1/database --rows 1000000
//! cargo run --release --example batch_writer -- --url mysql://user:password@127.0.0.1/database --rows 1000000 --json
//! ```

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use cofferdam::store::{BatchUpdateWriter, BatchWriter, Flushed, Observer};
use indicatif::{ProgressBar, ProgressStyle};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, EntityTrait,
    PaginatorTrait, QueryFilter, Schema,
};
use serde_json::{Value, json};

/// Writes rows through a BatchWriter, changes each of them through a BatchUpdateWriter, and tells how fast that was.
///
/// The rows go to a table of its own, cofferdam_example_reading, which must not be there yet and is removed at the end.
#[derive(Parser)]
#[command(
    after_help = "Exit codes: 0 all rows were written and changed, 1 they were not, 2 the arguments make no sense."
)]
struct Arguments {
    /// The database: sqlite:FILE, postgres://… or mysql://…; a file is made if it is not there.
    #[arg(long, value_parser = url)]
    url: String,
    /// How many rows.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
    rows: i64,
    /// Tasks that write through one writer.
    #[arg(long, default_value = "4")]
    tasks: NonZeroUsize,
    /// Replace the table, whoever made it.
    #[arg(long)]
    replace: bool,
    /// Leave the table there.
    #[arg(long)]
    keep: bool,
    /// Tell one JSON object, and nothing of the progress.
    #[arg(long)]
    json: bool,
}

mod reading {
    #![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "cofferdam_example_reading")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub sensor: String,
        pub value: f64,
        pub checked: bool,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn row(id: i64) -> reading::Model {
    let note = (id % 10 == 0).then(|| format!("reading {id} was the tenth in a row"));
    reading::Model {
        id,
        sensor: format!("sensor-{:03}", id % 1_000),
        value: id as f64 / 8.0,
        checked: false,
        note,
    }
}

/// Only the columns that are set are changed.
fn change(id: i64) -> reading::ActiveModel {
    reading::ActiveModel {
        id: ActiveValue::Unchanged(id),
        value: ActiveValue::Set(-1.0),
        checked: ActiveValue::Set(true),
        ..Default::default()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let database = connect(&arguments.url).await?;
    make_table(&database, arguments.replace).await?;
    let outcome = write(&database, arguments).await;
    if !arguments.keep {
        drop_table(&database).await?;
    }
    database.close().await.map_err(|problem| format!("the connection did not end well: {problem}"))?;
    let [inserted, updated] = outcome?;
    if arguments.json {
        println!(
            "{}",
            json!({ "rows": arguments.rows, "insert": inserted.json(), "update": updated.json() })
        );
    } else {
        println!("{inserted}\n{updated}");
    }
    Ok(())
}

async fn connect(url: &str) -> Result<DatabaseConnection, String> {
    let mut options = ConnectOptions::new(url);
    // Each connection to a memory has a memory of its own.
    options.max_connections(if url.contains(":memory:") { 1 } else { 4 });
    options.acquire_timeout(Duration::from_secs(5)).sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|options| options.create_if_missing(true));
    let refused =
        |problem| format!("the database does not answer: {problem}; is it running, and is the URL right?");
    Database::connect(options).await.map_err(refused)
}

async fn make_table(database: &DatabaseConnection, replace: bool) -> Result<(), String> {
    if replace {
        drop_table(database).await?;
    }
    let create = Schema::new(database.get_database_backend()).create_table_from_entity(reading::Entity);
    database.execute(&create).await.map(drop).map_err(|problem| {
        format!(
            "the table cofferdam_example_reading cannot be made: {problem}; if it is there and nobody needs it, give \
             --replace"
        )
    })
}

async fn drop_table(database: &DatabaseConnection) -> Result<(), String> {
    let drop_it = database.execute_unprepared("DROP TABLE IF EXISTS cofferdam_example_reading").await;
    drop_it.map(drop).map_err(|problem| format!("the table cannot be removed: {problem}"))
}

/// All rows, and then all changes.
async fn write(database: &DatabaseConnection, arguments: &Arguments) -> Result<[Phase; 2], String> {
    let watch = Watch::new("insert", arguments);
    let writer = BatchWriter::<reading::Entity>::builder(database.clone()).observer(watch.clone());
    let writer = writer.build().map_err(sentence)?;
    let handle = writer.clone();
    from_tasks(arguments, move |id| {
        let writer = handle.clone();
        async move { writer.add(row(id)).await.map_err(sentence) }
    })
    .await?;
    let summary = writer.close().await.map_err(sentence)?;
    let inserted = watch.end(summary.counts.written);

    let watch = Watch::new("update", arguments);
    let writer = BatchUpdateWriter::<reading::Entity>::builder(database.clone()).observer(watch.clone());
    let writer = writer.build().map_err(sentence)?;
    let handle = writer.clone();
    from_tasks(arguments, move |id| {
        let writer = handle.clone();
        async move { writer.add(change(id)).await.map_err(sentence) }
    })
    .await?;
    let summary = writer.close().await.map_err(sentence)?;
    let updated = watch.end(summary.counts.written);

    let changed = reading::Entity::find().filter(reading::Column::Checked.eq(true));
    let found = changed.count(database).await.map_err(sentence)?;
    let expected = arguments.rows.unsigned_abs();
    if (inserted.rows, updated.rows, found) == (expected, expected, expected) {
        Ok([inserted, updated])
    } else {
        let (inserted, updated) = (inserted.rows, updated.rows);
        Err(format!(
            "of {expected} rows {inserted} were written, {updated} changed, and {found} found changed"
        ))
    }
}

/// Calls `add` for each row, from several tasks.
async fn from_tasks<F: Future<Output = Result<(), String>> + Send>(
    arguments: &Arguments,
    add: impl Fn(i64) -> F + Clone + Send + Sync + 'static,
) -> Result<(), String> {
    let (rows, step) = (arguments.rows, arguments.tasks.get());
    let tasks: Vec<_> = (0_i64..)
        .take(step)
        .map(|first| {
            let add = add.clone();
            tokio::spawn(async move {
                for id in (first..rows).step_by(step) {
                    add(id).await?;
                }
                Ok::<_, String>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.map_err(sentence)??;
    }
    Ok(())
}

/// Watches a writer: moves the bar, and remembers how long each batch took.
#[derive(Clone)]
struct Watch {
    name: &'static str,
    begun: Instant,
    bar: ProgressBar,
    flushes: Arc<Mutex<Vec<Duration>>>,
}

impl Observer for Watch {
    fn flushed(&self, event: &Flushed<'_>) {
        self.bar.inc(event.written);
        self.flushes.lock().unwrap_or_else(PoisonError::into_inner).push(event.duration);
    }
}

impl Watch {
    fn new(name: &'static str, arguments: &Arguments) -> Self {
        let hidden = arguments.json;
        let bar =
            if hidden { ProgressBar::hidden() } else { ProgressBar::new(arguments.rows.unsigned_abs()) };
        let template = "{msg} {wide_bar} {human_pos}/{human_len} rows, {per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name);
        Self { name, begun: Instant::now(), bar, flushes: Arc::default() }
    }

    fn end(self, rows: u64) -> Phase {
        let elapsed = self.begun.elapsed();
        self.bar.finish_and_clear();
        let mut flushes = std::mem::take(&mut *self.flushes.lock().unwrap_or_else(PoisonError::into_inner));
        flushes.sort_unstable();
        Phase { name: self.name, rows, elapsed, flushes }
    }
}

/// What a writer did.
struct Phase {
    name: &'static str,
    rows: u64,
    elapsed: Duration,
    /// The times of its batches, shortest first.
    flushes: Vec<Duration>,
}

impl Phase {
    fn per_second(&self) -> f64 {
        self.rows as f64 / self.elapsed.as_secs_f64()
    }

    fn rows_a_batch(&self) -> f64 {
        self.rows as f64 / self.flushes.len() as f64
    }

    /// The time in milliseconds that so many percent of the batches did not exceed.
    fn flush(&self, percent: usize) -> f64 {
        let rank = (self.flushes.len() * percent).div_ceil(100).saturating_sub(1);
        self.flushes.get(rank).copied().unwrap_or_default().as_secs_f64() * 1e3
    }

    fn json(&self) -> Value {
        json!({
            "rows": self.rows,
            "seconds": self.elapsed.as_secs_f64(),
            "rows_per_s": self.per_second().round(),
            "batches": self.flushes.len(),
            "rows_per_batch": self.rows_a_batch(),
            "flush_p50_ms": self.flush(50),
            "flush_p99_ms": self.flush(99),
        })
    }
}

impl Display for Phase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}: {} rows in {:.2} s, {:.0} rows/s; {} batches of {:.0} rows, flush p50 {:.1} ms, p99 {:.1} ms",
            self.name,
            self.rows,
            self.elapsed.as_secs_f64(),
            self.per_second(),
            self.flushes.len(),
            self.rows_a_batch(),
            self.flush(50),
            self.flush(99)
        )
    }
}

/// A URL that there is a driver for.
fn url(text: &str) -> Result<String, String> {
    let known = ["sqlite:", "postgres://", "postgresql://", "mysql://"];
    if known.iter().any(|scheme| text.starts_with(scheme)) {
        Ok(text.to_owned())
    } else {
        Err("it begins with sqlite:, postgres:// or mysql://".to_owned())
    }
}

fn sentence(problem: impl Display) -> String {
    problem.to_string()
}
