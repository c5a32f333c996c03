//! Where the roads lead: a file, or a table in a server.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use clap::ValueEnum;
use cofferdam_benches::service;
use cofferdam_store::BatchWriter;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, EntityTrait, QueryOrder, Statement,
};
use tempfile::TempDir;

use super::Problem;
use super::arguments::Arguments;
use super::fill;

/// A database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// A file.
    Sqlite,
    /// A server of PostgreSQL.
    Postgres,
    /// MariaDB or MySQL.
    Mysql,
}

/// A database, and a folder that its server may read.
pub(super) struct Site {
    pub(super) kind: Kind,
    /// As the driver takes it.
    pub(super) address: String,
    folder: TempDir,
}

impl Kind {
    /// What its fields in the last line begin with.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MariaDB",
        }
    }

    const fn create(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "CREATE TABLE compare_store_fill (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, side TEXT NOT NULL, \
                 price REAL NOT NULL, quantity INTEGER NOT NULL, fee REAL NOT NULL, at INTEGER NOT NULL, \
                 venue TEXT NOT NULL, client TEXT, note TEXT NOT NULL)"
            }
            Self::Postgres => {
                "CREATE TABLE compare_store_fill (id BIGINT PRIMARY KEY, symbol TEXT NOT NULL, side TEXT NOT NULL, \
                 price DOUBLE PRECISION NOT NULL, quantity BIGINT NOT NULL, fee DOUBLE PRECISION NOT NULL, \
                 at BIGINT NOT NULL, venue TEXT NOT NULL, client TEXT, note TEXT NOT NULL)"
            }
            Self::Mysql => {
                "CREATE TABLE compare_store_fill (id BIGINT PRIMARY KEY, symbol VARCHAR(40) NOT NULL, \
                 side VARCHAR(40) NOT NULL, price DOUBLE NOT NULL, quantity BIGINT NOT NULL, fee DOUBLE NOT NULL, \
                 at BIGINT NOT NULL, venue VARCHAR(40) NOT NULL, client VARCHAR(40), note VARCHAR(255) NOT NULL) \
                 ENGINE=InnoDB CHARACTER SET utf8mb4"
            }
        }
    }

    /// What tells its version and how durable a commit is, as one text.
    const fn settings(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT sqlite_version() || ', journal_mode=WAL, synchronous=NORMAL' AS told",
            Self::Postgres => {
                "SELECT current_setting('server_version') || ', fsync=' || current_setting('fsync') || \
                 ', synchronous_commit=' || current_setting('synchronous_commit') AS told"
            }
            Self::Mysql => {
                "SELECT concat(version(), ', innodb_flush_log_at_trx_commit=', @@innodb_flush_log_at_trx_commit, \
                 ', log_bin=', @@log_bin) AS told"
            }
        }
    }
}

impl Site {
    /// # Errors
    ///
    /// When no server is known; whether it answers is found out by the first use.
    pub(super) fn find(kind: Kind, arguments: &Arguments) -> Result<Self, Problem> {
        let folder = tempfile::Builder::new().prefix("compare-store-").tempdir()?;
        // A server reads a file of LOAD DATA as another user.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let (given, variable, name, option) = match kind {
            Kind::Sqlite => {
                let address = format!("sqlite://{}?mode=rwc", folder.path().join("fills.sqlite3").display());
                return Ok(Self { kind, address, folder });
            }
            Kind::Postgres => (&arguments.postgres, "COFFERDAM_POSTGRES_URL", "postgres", "--postgres"),
            Kind::Mysql => (&arguments.mysql, "COFFERDAM_MARIADB_URL", "mariadb", "--mysql"),
        };
        let address = given.clone().or_else(|| service(variable)).ok_or_else(|| {
            format!(
                "no {} is known: start it by `cargo xtask services up {name}`, or name it by {option}",
                kind.name()
            )
        })?;
        Ok(Self { kind, address, folder })
    }

    /// The file of an SQLite.
    pub(super) fn database(&self) -> PathBuf {
        self.file("fills.sqlite3")
    }

    /// A path that the server may read too.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) async fn connect(&self) -> Result<DatabaseConnection, Problem> {
        let mut options = ConnectOptions::new(&self.address);
        options.max_connections(4).sqlx_logging(false);
        options.map_sqlx_sqlite_opts(|options| {
            options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal)
        });
        let database = Database::connect(options).await;
        Ok(database.map_err(|problem| format!("{} cannot be reached: {problem}", self.kind.name()))?)
    }

    /// Version and durability.
    pub(super) async fn settings(&self) -> Result<String, Problem> {
        let database = self.connect().await?;
        let statement = Statement::from_string(database.get_database_backend(), self.kind.settings());
        let told = database.query_one_raw(statement).await?.ok_or("the server tells nothing of itself")?;
        let told = told.try_get("", "told")?;
        database.close().await?;
        Ok(told)
    }

    /// An empty table, or one with so many rows that wait to be changed.
    pub(super) async fn prepare(&self, rows: i64) -> Result<(), Problem> {
        self.clear().await?;
        let database = self.connect().await?;
        database.execute_unprepared(self.kind.create()).await?;
        if rows > 0 {
            let writer =
                BatchWriter::<fill::Entity>::builder(database.clone()).rows(5_000).max_rows(5_000).build()?;
            writer.add_many((0..rows).map(fill::row)).await?;
            if writer.close().await?.counts.written != rows.unsigned_abs() {
                return Err("the table could not be filled".into());
            }
            // As in a table that has lived for a while: what the planner knows is what is so.
            let analyze = if self.kind == Kind::Mysql { "ANALYZE TABLE" } else { "ANALYZE" };
            database.execute_unprepared(&format!("{analyze} {}", fill::TABLE)).await?;
        }
        Ok(database.close().await?)
    }

    /// Whether the table holds what it should: `changed` rows after their change, and the others as they were.
    pub(super) async fn check(&self, rows: i64, changed: i64) -> Result<(), Problem> {
        let database = self.connect().await?;
        let found = fill::Entity::find().order_by_asc(fill::Column::Id).all(&database).await?;
        database.close().await?;
        let wrong = |text: String| Err(Box::new(Wrong(text)).into());
        if i64::try_from(found.len())? != rows {
            return wrong(format!("it wrote {} rows in place of {rows}", found.len()));
        }
        let expected = (0..rows).map(|id| if id < changed { fill::changed(id) } else { fill::row(id) });
        match expected.zip(found).find(|(expected, found)| expected != found) {
            Some((expected, found)) => wrong(format!("it wrote {found:?} in place of {expected:?}")),
            None => Ok(()),
        }
    }

    /// Removes the table, with the file that it is in.
    pub(super) async fn clear(&self) -> Result<(), Problem> {
        if self.kind == Kind::Sqlite {
            for file in std::fs::read_dir(self.folder.path())? {
                std::fs::remove_file(file?.path())?;
            }
            return Ok(());
        }
        let database = self.connect().await?;
        database.execute_unprepared(&format!("DROP TABLE IF EXISTS {}", fill::TABLE)).await?;
        Ok(database.close().await?)
    }

    /// The port of the server on this machine.
    pub(super) fn port(&self) -> Option<u16> {
        let (_, rest) = self.address.split_once("://")?;
        let host = rest.split('/').next()?.rsplit('@').next()?;
        let (host, port) = host.rsplit_once(':')?;
        matches!(host, "127.0.0.1" | "localhost" | "[::1]").then(|| port.parse().ok()).flatten()
    }
}

/// A road was fast because it wrote something else.
#[derive(Debug)]
pub(super) struct Wrong(String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}
