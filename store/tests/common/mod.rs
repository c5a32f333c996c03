//! Real databases, and two entities with everything that a column can be.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use cofferdam_store::{ErrorKind, Flushed, Observer, Trigger};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Set, Statement};
use tempfile::TempDir;

pub mod trade {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "trade")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[sea_orm(unique)]
        pub code: Option<String>,
        pub quantity: i32,
        #[sea_orm(default_value = "open")]
        pub state: String,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod sample {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::None)")]
    pub enum Side {
        #[sea_orm(string_value = "buy")]
        Buy,
        #[sea_orm(string_value = "sell")]
        Sell,
    }

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "i32", db_type = "Integer")]
    pub enum Grade {
        #[sea_orm(num_value = 1)]
        Low,
        #[sea_orm(num_value = 2)]
        High,
    }

    /// A composite key of a text and a number, and one column of every other type.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "select from")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub region: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub tiny: i8,
        pub small: i16,
        pub plain: i32,
        pub unsigned: u32,
        pub single: f32,
        pub double: f64,
        pub flag: bool,
        pub letter: String,
        pub bytes: Vec<u8>,
        pub maybe_text: Option<String>,
        pub maybe_bytes: Option<Vec<u8>>,
        pub maybe_number: Option<i64>,
        pub side: Side,
        pub grade: Option<Grade>,
        pub document: Json,
        pub maybe_document: Option<Json>,
        pub uuid: Uuid,
        pub date: Date,
        pub time: Time,
        pub at: DateTime,
        pub at_utc: DateTimeUtc,
        pub at_zone: DateTimeWithTimeZone,
        #[sea_orm(save_as = "TEXT")]
        pub cast: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A database that the tests run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    Mariadb,
}

impl Kind {
    pub const fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
            Self::Mariadb => DbBackend::MySql,
        }
    }

    /// The name in the environment of another process.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        }
    }

    pub fn named(name: &str) -> Self {
        *[Self::Sqlite, Self::Postgres, Self::Mariadb].iter().find(|kind| kind.name() == name).unwrap()
    }
}

/// Makes a test of each function for each database, and for SQLite a second one on a runtime of several threads, where
/// rows are stepped over.
#[macro_export]
macro_rules! everywhere {
    ($($name:ident)*) => {
        $crate::on_each!(#[tokio::test], $($name)*);
        $crate::on_each!(
            @ sqlite_steps Sqlite, #[tokio::test(flavor = "multi_thread", worker_threads = 2)], $($name)*
        );
    };
}

/// The same with an attribute of one's own.
#[macro_export]
macro_rules! on_each {
    (#[$attribute:meta], $($name:ident)*) => {
        $crate::on_each!(@ sqlite Sqlite, #[$attribute], $($name)*);
        $crate::on_each!(@ postgres Postgres, #[$attribute], $($name)*);
        $crate::on_each!(@ mariadb Mariadb, #[$attribute], $($name)*);
    };
    (@ $module:ident $kind:ident, #[$attribute:meta], $($name:ident)*) => {
        mod $module {
            $(#[$attribute] async fn $name() { super::$name(super::common::Kind::$kind).await; })*
        }
    };
}

/// A place of a test's own: a folder, and in it a file, or a schema or a database. A folder lives as long as the value;
/// what is made in a server goes with the server.
pub struct Place {
    pub kind: Kind,
    pub folder: TempDir,
    address: String,
    name: String,
}

impl Place {
    pub async fn new(kind: Kind) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let name = format!("test_{seconds}_{}_{number}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let address = match kind {
            Kind::Sqlite => sqlite(folder.path()),
            Kind::Postgres => address("COFFERDAM_POSTGRES_URL"),
            Kind::Mariadb => address("COFFERDAM_MARIADB_URL"),
        };
        let create = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(format!("CREATE SCHEMA {name}")),
            Kind::Mariadb => Some(format!("CREATE DATABASE {name}")),
        };
        if let Some(create) = create {
            let server = Database::connect(&address).await.unwrap();
            server.execute_unprepared(&create).await.unwrap();
            server.close().await.unwrap();
        }
        let address = match kind {
            Kind::Mariadb => in_database(&address, &name),
            _ => address,
        };
        Self { kind, folder, address, name }
    }

    /// The place in which another process has its own: the same database, and a folder that is not removed with this
    /// value.
    pub fn again(kind: Kind, folder: &Path, name: &str) -> Self {
        let address = match kind {
            Kind::Sqlite => sqlite(folder),
            Kind::Postgres => address("COFFERDAM_POSTGRES_URL"),
            Kind::Mariadb => in_database(&address("COFFERDAM_MARIADB_URL"), name),
        };
        Self { kind, folder: tempfile::tempdir().unwrap(), address, name: name.to_owned() }
    }

    /// The name of the schema or the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Connects with waits so short that the writer's own retries are what is tested.
    pub async fn connect(&self) -> DatabaseConnection {
        self.connect_with(4).await
    }

    pub async fn connect_with(&self, connections: u32) -> DatabaseConnection {
        self.connect_to(&self.address, connections).await
    }

    /// Connects to a port that leads to the server.
    pub async fn connect_through(&self, port: u16) -> DatabaseConnection {
        let address = self.address.replace(&format!(":{}/", self.port()), &format!(":{port}/"));
        self.connect_to(&address, 4).await
    }

    /// The server's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        let (address, _) = self.address.rsplit_once('/').unwrap();
        address.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    async fn connect_to(&self, address: &str, connections: u32) -> DatabaseConnection {
        let mut options = ConnectOptions::new(address);
        options.max_connections(connections).sqlx_logging(false);
        match self.kind {
            Kind::Sqlite => {
                options.map_sqlx_sqlite_opts(|options| {
                    options
                        .journal_mode(sea_orm::sqlx::sqlite::SqliteJournalMode::Wal)
                        .busy_timeout(Duration::from_millis(20))
                });
            }
            Kind::Postgres => {
                options.set_schema_search_path(self.name.clone());
                options.map_sqlx_postgres_opts(|options| {
                    options.application_name("cofferdam-store").options([("lock_timeout", "20")])
                });
            }
            Kind::Mariadb => {}
        }
        let database = Database::connect(options).await.unwrap();
        if self.kind == Kind::Mariadb {
            // No less than a second can be asked for.
            database.execute_unprepared("SET GLOBAL lock_wait_timeout = 1").await.unwrap();
        }
        database
    }

    /// Somebody else who keeps writers away from the table `trade`.
    pub async fn hold(&self) -> Hold {
        self.hold_table("trade").await
    }

    /// The same of another table.
    pub async fn hold_table(&self, table: &str) -> Hold {
        let other = self.connect_with(1).await;
        let sql = match self.kind {
            Kind::Sqlite => "BEGIN IMMEDIATE".to_owned(),
            Kind::Postgres => format!("BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE"),
            Kind::Mariadb => format!("LOCK TABLES {table} WRITE"),
        };
        other.execute_unprepared(&sql).await.unwrap();
        Hold { kind: self.kind, other }
    }
}

/// A lock that is held.
pub struct Hold {
    kind: Kind,
    other: DatabaseConnection,
}

impl Hold {
    pub async fn release(self) {
        let sql = if self.kind == Kind::Mariadb { "UNLOCK TABLES" } else { "COMMIT" };
        self.other.execute_unprepared(sql).await.unwrap();
        self.other.close().await.unwrap();
    }
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite://{}?mode=rwc", folder.join("test.sqlite3").display())
}

fn in_database(address: &str, name: &str) -> String {
    format!("{}/{name}", address.rsplit_once('/').unwrap().0)
}

/// A setting of the environment, or of the file in which `cargo xtask services up` leaves it.
fn address(name: &str) -> String {
    if let Ok(value) = std::env::var(name) {
        return value;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/services/env");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask services up postgres mariadb`"))
        .to_owned()
}

/// The statement that makes the table `trade`.
pub fn create_trade(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "CREATE TABLE trade (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT UNIQUE, \
             quantity INTEGER NOT NULL CHECK (quantity >= 0), state TEXT NOT NULL DEFAULT 'open', note TEXT)"
        }
        Kind::Postgres => {
            "CREATE TABLE trade (id BIGSERIAL PRIMARY KEY, code VARCHAR(40) UNIQUE, \
             quantity INTEGER NOT NULL CHECK (quantity >= 0), state TEXT NOT NULL DEFAULT 'open', note TEXT)"
        }
        Kind::Mariadb => {
            "CREATE TABLE trade (id BIGINT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(40) UNIQUE, \
             quantity INTEGER NOT NULL CHECK (quantity >= 0), state VARCHAR(20) NOT NULL DEFAULT 'open', \
             note LONGTEXT) CHARACTER SET utf8mb4"
        }
    }
}

/// A place with the table `trade`.
pub async fn trades(kind: Kind) -> (Place, DatabaseConnection) {
    let place = Place::new(kind).await;
    let database = place.connect().await;
    database.execute_unprepared(create_trade(kind)).await.unwrap();
    (place, database)
}

/// Waits until a first writer has asked the database how far its spool is settled: one that finds it locked stops.
pub async fn opened(database: &DatabaseConnection) {
    let statement =
        || Statement::from_string(database.get_database_backend(), "SELECT 1 FROM cofferdam_spool");
    while !matches!(database.query_one_raw(statement()).await, Ok(Some(_))) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn trade(quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { quantity: Set(quantity), ..Default::default() }
}

pub fn coded(code: &str, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { code: Set(Some(code.to_owned())), quantity: Set(quantity), ..Default::default() }
}

/// What an [`Observer`] was told.
#[derive(Debug, Clone, Default)]
pub struct Log(pub Arc<Mutex<Told>>);

#[derive(Debug, Default)]
pub struct Told {
    pub flushes: Vec<(Trigger, u64, Option<ErrorKind>)>,
    /// What each flush wrote.
    pub written: Vec<u64>,
    pub buffered: Vec<(u64, u64)>,
    pub rejected: u64,
    pub waits: Vec<Duration>,
}

impl Log {
    pub fn flushes(&self) -> Vec<(Trigger, u64, Option<ErrorKind>)> {
        self.0.lock().unwrap().flushes.clone()
    }

    pub fn written(&self) -> Vec<u64> {
        self.0.lock().unwrap().written.clone()
    }
}

impl Observer for Log {
    fn flushed(&self, event: &Flushed<'_>) {
        let mut told = self.0.lock().unwrap();
        told.flushes.push((event.trigger, event.rows, event.error));
        told.written.push(event.written);
    }

    fn buffered(&self, _: &str, rows: u64, capacity: u64) {
        self.0.lock().unwrap().buffered.push((rows, capacity));
    }

    fn waited(&self, _: &str, time: Duration) {
        self.0.lock().unwrap().waits.push(time);
    }

    fn rejected(&self, _: &str, rows: u64) {
        self.0.lock().unwrap().rejected += rows;
    }
}
