//! A real database file, and two entities with everything that a column can be.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use cofferdam_store::{ErrorKind, Flushed, Observer, Trigger};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Set};
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

pub const TRADE: &str = "CREATE TABLE trade (\
    id INTEGER PRIMARY KEY AUTOINCREMENT, \
    code TEXT UNIQUE, \
    quantity INTEGER NOT NULL CHECK (quantity >= 0), \
    state TEXT NOT NULL DEFAULT 'open', \
    note TEXT)";

/// A database file that lives as long as the value.
pub struct File {
    pub folder: TempDir,
}

impl File {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub async fn connect(&self) -> DatabaseConnection {
        connect(&self.folder.path().join("test.sqlite3")).await
    }
}

/// Opens the file in WAL mode, with a busy timeout so short that the writer's own retries are what is tested.
pub async fn connect(path: &Path) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
    options.max_connections(4).sqlx_logging(false).map_sqlx_sqlite_opts(|options| {
        options
            .journal_mode(sea_orm::sqlx::sqlite::SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_millis(20))
    });
    Database::connect(options).await.unwrap()
}

/// A file with the `trade` table.
pub async fn trades() -> (File, DatabaseConnection) {
    let file = File::new();
    let database = file.connect().await;
    database.execute_unprepared(TRADE).await.unwrap();
    (file, database)
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

    fn rejected(&self, _: &str, rows: u64) {
        self.0.lock().unwrap().rejected += rows;
    }
}
