//! Batched INSERT and UPDATE over sea-orm entities, with bounded memory and nothing lost on close.
//!
//! Many tasks add rows to one [`BatchWriter`] or [`BatchUpdateWriter`], or to one [`Store`], which takes new rows and
//! updates in one order; one task behind it writes them, many rows a statement and many statements a transaction. A batch goes out when enough rows wait, when they weigh enough, when
//! the oldest has lingered, on `flush` and on `close`. While one batch is being written, what arrives forms the
//! next, so batches grow with the load.
//!
//! What it guarantees:
//! - a row that `add` took is, after `close`, in the database or handed back with the reason; [`Counts`] adds up;
//! - a batch is in the database whole or not at all, whenever the process dies;
//! - a row that breaks a constraint is singled out and handed back, and the rest of its batch is kept;
//! - memory is bounded: `add` waits while the buffer is full, and heavy rows count by their weight;
//! - a database that is locked, restarting or out of reach is tried again for a bounded time; any other failure stops
//!   the writer, says why to whoever uses it next, and keeps what was not written.
//!
//! With a [`Spool`], rows that `add` took outlive the process: the next writer with the spool writes what was not
//! settled, and nothing twice. Refused rows outlive it in a sink of [`DeadLetters`].
//!
//! What it is not: a cache or a log. Without a spool, rows that wait in memory die with the process; after
//! [`BatchWriter::flush`] they are as durable as the database makes a commit (on SQLite with `synchronous=NORMAL` in
//! WAL mode, a loss of power may cost the last ones; a killed process costs none). It reads nothing back: generated
//! keys are not returned.
//!
//! # Databases
//! Each has a feature of its own; the connection decides which one a writer speaks to.
//!
//! | feature | database | its ways |
//! |---|---|---|
//! | `sqlite` (default) | SQLite | prepared statements stepped over the rows, statements of up to 500 rows |
//! | `postgres` | PostgreSQL, tested on 15 | single values, UNNEST of arrays, binary COPY |
//! | `mysql` | MariaDB, tested on 10.11; MySQL | statements of up to 500 rows, updates by a join |
//!
//! PostgreSQL's way is chosen for each statement from the number of rows, their types and the conflict clause. On SQLite
//! rows are stepped over from 8 inserts or 2 updates on, if their types are those of sea-orm's features `with-json`,
//! `with-chrono`, `with-uuid` and `with-rust_decimal` or plainer, and if the runtime is `multi_thread`: stepping blocks a
//! thread for as long as SQLite works. The way is told in a `tracing` event of the level TRACE. Whatever the way, the
//! table holds the same.
//!
//! # Unsafe code
//! One file of this crate has `unsafe` code, and only with the feature `sqlite`: `road/sqlite/raw.rs`, which calls SQLite's
//! C functions on the handle that the driver locks for it. The driver's safe way to the same statements, a message to
//! its thread for each, takes two to four times as long. The file proves each call, and keeps them in types that
//! cannot be used wrongly.
//!
//! # Who changes what
//! An update names its row by the primary key or any unique [`key`](WriterBuilder::key), and may be done only if the row
//! is as expected ([`BatchUpdateWriter::add_if`], [`Store::update_if`]). A new row may meet one that is there
//! ([`OnConflict`]), and with an [`idempotency_key`](WriterBuilder::idempotency_key) it is written once, however often it
//! is added.
//!
//! # When a connection breaks
//! Before the commit, nothing was written, and the batch is tried again. While the commit is under way, nobody knows.
//! A batch that leaves the same table when it is written twice is then written again: updates without a condition, and
//! inserts with an [`OnConflict`] other than `Reject` whose rows set the conflict target; both together where all updates
//! found their rows and leave the target alone. Rows that were there already count as skipped. Any other batch stops the
//! writer with [`Error::InDoubt`].
//!
//! # Limits
//! - SQLite and MySQL have no arrays, network addresses and vectors; an entity with such a column is refused.
//! - Numbers above 9,223,372,036,854,775,807 are refused, save on MySQL. SQLite stores NaN as NULL. PostgreSQL refuses
//!   text with a NUL byte: such a row comes back.
//! - PostgreSQL: a document for a column of type `json` is stored as it is; sea-orm's own insert sends it through
//!   `jsonb`, which orders and spaces it anew.
//! - MySQL and MariaDB have no conflict target. A row that conflicts with another one outside of the target is refused
//!   here as on the others; each row must be in an engine with transactions, such as InnoDB.
//!
//! # Example
//! ```
//! use cofferdam_store::BatchWriter;
//! use sea_orm::{ConnectionTrait, Database, EntityTrait, PaginatorTrait, Set};
//!
//! # mod price {
//! #     use sea_orm::entity::prelude::*;
//! #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
//! #     #[sea_orm(table_name = "price")]
//! #     pub struct Model {
//! #         #[sea_orm(primary_key)]
//! #         pub id: i64,
//! #         pub close: f64,
//! #     }
//! #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//! #     pub enum Relation {}
//! #     impl ActiveModelBehavior for ActiveModel {}
//! # }
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let database = Database::connect("sqlite::memory:").await?;
//! # database.execute_unprepared("CREATE TABLE price (id INTEGER PRIMARY KEY, close REAL NOT NULL)").await?;
//! let writer = BatchWriter::<price::Entity>::builder(database.clone()).rows(100).build()?;
//! for day in 0..1_000 {
//!     writer.add(price::ActiveModel { close: Set(f64::from(day)), ..Default::default() }).await?;
//! }
//! let summary = writer.close().await?;
//! assert_eq!(summary.counts.written, 1_000);
//! assert!(summary.rejected.is_empty());
//! assert_eq!(price::Entity::find().count(&database).await?, 1_000);
//! # Ok(())
//! # }
//! ```
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code, reason = "without a database nobody takes what is made ready for its road")
)]

mod backoff;
mod batch;
mod beside;
mod buffer;
mod coalesce;
mod conflict;
mod ddl;
mod dead_letter;
mod error;
mod handle;
mod limits;
mod observer;
mod operation;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod road;
#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
#[path = "no_road.rs"]
mod road;
mod row;
mod spool;
mod summary;
mod table;
mod task;
mod trigger;
mod value;
mod writer;

pub use self::{
    conflict::OnConflict,
    dead_letter::{DeadLetter, DeadLetters},
    error::{Error, ErrorKind},
    observer::{Flushed, Observer},
    operation::Operation,
    spool::Spool,
    summary::{Counts, Rejected, Summary, Unwritten},
    trigger::Trigger,
    writer::{BatchUpdateWriter, BatchWriter, Inserts, Store, Updates, WriterBuilder},
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
