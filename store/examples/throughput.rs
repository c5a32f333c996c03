//! Measures the roads into SQLite side by side, in one run on one machine: use the ratios.
//!
//! `cargo run --release -p cofferdam-store --example throughput [rows] [rounds]`
//!
//! Each round writes `rows` rows of ten columns and some 200 bytes into an empty table (the slow roads write a
//! tenth), then updates three columns of each. The file is in WAL mode with `synchronous=NORMAL`. Roads take turns
//! within a round; the figures are medians over the rounds. The last line is one JSON object.

use std::{collections::BTreeMap, error::Error, path::Path, time::Instant};

use cofferdam_store::{BatchUpdateWriter, BatchWriter};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectOptions, ConnectionTrait, Database,
    DatabaseConnection, DbBackend, EntityTrait, ExprTrait, IntoActiveModel, Iterable, QueryFilter, Schema,
    Statement, TransactionTrait,
    sea_query::{CaseStatement, Expr},
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};

mod fill {
    use sea_orm::entity::prelude::*;

    /// A fill of an order: ten columns, some 200 bytes.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "fill")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: i64,
        pub(super) symbol: String,
        pub(super) side: String,
        pub(super) price: f64,
        pub(super) quantity: i64,
        pub(super) fee: f64,
        pub(super) at: i64,
        pub(super) venue: String,
        pub(super) client: Option<String>,
        pub(super) note: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

type Outcome<T> = Result<T, Box<dyn Error>>;

fn row(id: i64) -> fill::Model {
    fill::Model {
        id,
        symbol: "EURUSD".to_owned(),
        side: if id % 2 == 0 { "buy" } else { "sell" }.to_owned(),
        price: 1.08 + id as f64 * 1e-6,
        quantity: 100 + id,
        fee: 0.25,
        at: 1_700_000_000_000 + id,
        venue: "first venue of the list".to_owned(),
        client: (id % 3 == 0).then(|| format!("client-{id:08}")),
        note: format!("fill {id} {}", "x".repeat(80)),
    }
}

fn change(id: i64) -> fill::ActiveModel {
    fill::ActiveModel {
        id: ActiveValue::Unchanged(id),
        price: ActiveValue::Set(2.0 + id as f64),
        quantity: ActiveValue::Set(-id),
        note: ActiveValue::Set(format!("changed {id}")),
        ..<fill::ActiveModel as ActiveModelTrait>::default()
    }
}

#[derive(Debug, Clone, Copy)]
enum Road {
    RowByRow,
    OneTransaction,
    /// `insert_many` for inserts, CASE WHEN for updates.
    SeaOrm(usize),
    /// A text that is built once, through sea-orm's `Statement`: the writer's statements without its driver access.
    Raw(usize),
    Writer(usize),
    WriterDefault,
}

impl Road {
    fn name(self, insert: bool) -> String {
        match self {
            Self::RowByRow => "row by row, a commit each".to_owned(),
            Self::OneTransaction => "row by row, one transaction".to_owned(),
            Self::SeaOrm(rows) if insert => format!("sea-orm insert_many of {rows}"),
            Self::SeaOrm(rows) => format!("sea-orm CASE WHEN of {rows}"),
            Self::Raw(rows) => format!("sea-orm Statement, one text, {rows}"),
            Self::Writer(rows) if insert => format!("BatchWriter of {rows}"),
            Self::Writer(rows) => format!("BatchUpdateWriter of {rows}"),
            Self::WriterDefault if insert => "BatchWriter, default".to_owned(),
            Self::WriterDefault => "BatchUpdateWriter, default".to_owned(),
        }
    }

    /// How many of `rows` rows the road writes: a slow one is told by a tenth.
    const fn rows(self, insert: bool, rows: i64) -> i64 {
        match self {
            Self::RowByRow => rows / 10,
            Self::SeaOrm(_) if !insert => rows / 4,
            _ => rows,
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let rows: i64 = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let inserts = [
        Road::RowByRow,
        Road::OneTransaction,
        Road::SeaOrm(50),
        Road::SeaOrm(500),
        Road::Raw(500),
        Road::Writer(50),
        Road::Writer(500),
        Road::WriterDefault,
    ];
    let updates = [
        Road::RowByRow,
        Road::OneTransaction,
        Road::SeaOrm(50),
        Road::SeaOrm(500),
        Road::Writer(50),
        Road::Writer(500),
        Road::WriterDefault,
    ];
    let mut figures: BTreeMap<(bool, usize), Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for (place, road) in inserts.iter().enumerate() {
            let rate = measure(true, *road, rows).await?;
            figures.entry((true, place)).or_default().push(rate);
        }
        for (place, road) in updates.iter().enumerate() {
            let rate = measure(false, *road, rows).await?;
            figures.entry((false, place)).or_default().push(rate);
        }
    }
    let mut json = serde_json::Map::new();
    for (insert, roads) in [(true, &inserts[..]), (false, &updates[..])] {
        let kind = if insert { "insert" } else { "update" };
        println!("{kind}: median of {rounds} rounds of {rows} rows");
        let mut base = None;
        for (place, road) in roads.iter().enumerate() {
            let rate = figures.get_mut(&(insert, place)).map_or(f64::NAN, |rates| median(rates));
            let ratio = rate / *base.get_or_insert(rate);
            println!("  {:<36} {rate:>10.0} rows/s {ratio:>7.1}x", road.name(insert));
            json.insert(format!("{kind}: {}", road.name(insert)), serde_json::json!(rate.round()));
        }
    }
    println!("{}", serde_json::Value::Object(json));
    Ok(())
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn connect(path: &Path) -> Outcome<DatabaseConnection> {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
    options.sqlx_logging(false).map_sqlx_sqlite_opts(|options| {
        options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal)
    });
    Ok(Database::connect(options).await?)
}

/// Rows a second of one road in a file of its own.
async fn measure(insert: bool, road: Road, rows: i64) -> Outcome<f64> {
    let folder = tempfile::tempdir()?;
    let database = connect(&folder.path().join("throughput.sqlite3")).await?;
    database.execute(&Schema::new(DbBackend::Sqlite).create_table_from_entity(fill::Entity)).await?;
    let rows = road.rows(insert, rows);
    if !insert {
        fill_table(&database, rows).await?;
    }
    // The models exist beforehand on every road: what is measured is the writing.
    let models: Vec<fill::ActiveModel> =
        (0..rows).map(|id| if insert { row(id).into_active_model() } else { change(id) }).collect();
    let started = Instant::now();
    if insert {
        run_insert(&database, road, models).await?;
    } else {
        run_update(&database, road, models).await?;
    }
    let elapsed = started.elapsed().as_secs_f64();
    check(&database, insert, rows).await?;
    database.close().await?;
    Ok(rows as f64 / elapsed)
}

async fn fill_table(database: &DatabaseConnection, rows: i64) -> Outcome<()> {
    let writer = BatchWriter::<fill::Entity>::builder(database.clone()).build()?;
    writer.add_many((0..rows).map(row)).await?;
    let summary = writer.close().await?;
    if summary.counts.written != u64::try_from(rows)? {
        return Err("the table could not be filled".into());
    }
    Ok(())
}

/// A road that is fast because it does not write would win: look at what is there.
async fn check(database: &DatabaseConnection, insert: bool, rows: i64) -> Outcome<()> {
    let condition = if insert { "quantity = id + 100" } else { "quantity = -id AND price = id + 2" };
    let sql = format!("SELECT count(*) AS count FROM fill WHERE {condition}");
    let found = database.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    let found: i64 = found.ok_or("no count")?.try_get("", "count")?;
    if found == rows { Ok(()) } else { Err(format!("{found} of {rows} rows are right").into()) }
}

async fn run_insert(
    database: &DatabaseConnection,
    road: Road,
    models: Vec<fill::ActiveModel>,
) -> Outcome<()> {
    match road {
        Road::RowByRow => {
            for model in models {
                fill::Entity::insert(model).exec_without_returning(database).await?;
            }
        }
        Road::OneTransaction => {
            let transaction = database.begin().await?;
            for model in models {
                fill::Entity::insert(model).exec_without_returning(&transaction).await?;
            }
            transaction.commit().await?;
        }
        Road::SeaOrm(size) => {
            for chunk in models.chunks(size) {
                fill::Entity::insert_many(chunk.to_vec()).exec_without_returning(database).await?;
            }
        }
        Road::Raw(size) => {
            let tuple = format!("({})", vec!["?"; fill::Column::iter().count()].join(", "));
            let sql = format!("INSERT INTO fill VALUES {}", vec![tuple.as_str(); size].join(", "));
            for chunk in models.chunks_exact(size) {
                let values = chunk.iter().cloned().flat_map(|mut model| {
                    fill::Column::iter().filter_map(move |column| model.take(column).into_value())
                });
                let statement =
                    Statement::from_sql_and_values(DbBackend::Sqlite, &sql, values.collect::<Vec<_>>());
                database.execute_raw(statement).await?;
            }
        }
        Road::Writer(_) | Road::WriterDefault => {
            let builder = BatchWriter::<fill::Entity>::builder(database.clone());
            let writer = match road {
                Road::Writer(size) => builder.rows(size).max_rows(size).build()?,
                _ => builder.build()?,
            };
            writer.add_many(models).await?;
            drop(writer.close().await?);
        }
    }
    Ok(())
}

async fn run_update(
    database: &DatabaseConnection,
    road: Road,
    models: Vec<fill::ActiveModel>,
) -> Outcome<()> {
    match road {
        Road::RowByRow => {
            for model in models {
                fill::Entity::update(model).exec_without_returning(database).await?;
            }
        }
        Road::OneTransaction => {
            let transaction = database.begin().await?;
            for model in models {
                fill::Entity::update(model).exec_without_returning(&transaction).await?;
            }
            transaction.commit().await?;
        }
        Road::SeaOrm(size) => {
            for chunk in models.chunks(size) {
                case_when(database, chunk).await?;
            }
        }
        Road::Raw(_) => return Err("there is no raw update".into()),
        Road::Writer(_) | Road::WriterDefault => {
            let builder = BatchUpdateWriter::<fill::Entity>::builder(database.clone());
            let writer = match road {
                Road::Writer(size) => builder.rows(size).max_rows(size).build()?,
                _ => builder.build()?,
            };
            writer.add_many(models).await?;
            drop(writer.close().await?);
        }
    }
    Ok(())
}

/// One statement with a CASE a column, as one writes it by hand with sea-orm.
async fn case_when(database: &DatabaseConnection, chunk: &[fill::ActiveModel]) -> Outcome<()> {
    let mut update = fill::Entity::update_many();
    for column in [fill::Column::Price, fill::Column::Quantity, fill::Column::Note] {
        let mut case = CaseStatement::new();
        for model in chunk {
            let (id, value) = (model.id.clone(), model.get(column).into_value());
            let (Some(id), Some(value)) = (id.into_value(), value) else { continue };
            case = case.case(Expr::col(fill::Column::Id).eq(Expr::val(id)), Expr::val(value));
        }
        update = update.col_expr(column, case.finally(Expr::col(column)).into());
    }
    let ids = chunk.iter().filter_map(|model| model.id.clone().into_value());
    update.filter(fill::Column::Id.is_in(ids)).exec(database).await?;
    Ok(())
}
