//! Batched INSERT and UPDATE over sea-orm entities, with bounded memory and nothing lost on close.
//!
//! Many tasks add rows to one [`BatchWriter`] or [`BatchUpdateWriter`]; one task behind it writes them, many rows a
//! statement and many statements a transaction. A batch goes out when enough rows wait, when they weigh enough, when
//! the oldest has lingered, on `flush` and on `close`. While one batch is being written, what arrives forms the
//! next, so batches grow with the load.
//!
//! What it guarantees:
//! - a row that `add` took is, after `close`, in the database or handed back with the reason; [`Counts`] adds up;
//! - a batch is in the database whole or not at all, whenever the process dies;
//! - a row that breaks a constraint is singled out and handed back, and the rest of its batch is kept;
//! - memory is bounded: `add` waits while the buffer is full, and heavy rows count by their weight;
//! - a locked database is tried again for a bounded time; any other failure stops the writer, says why to whoever
//!   uses it next, and keeps what was not written.
//!
//! What it is not: a cache or a log. Rows that wait in memory die with the process; after [`BatchWriter::flush`] they
//! are as durable as the database makes a commit (on SQLite with `synchronous=NORMAL` in WAL mode, a loss of power
//! may cost the last ones; a killed process costs none). It reads nothing back: generated keys are not returned.
//!
//! Limits: SQLite only, through sea-orm's `sqlx-sqlite`. SQLite stores NaN as NULL, here as everywhere.
//!
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
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
mod batch;
mod buffer;
mod conflict;
mod error;
mod handle;
mod limits;
mod observer;
mod road;
mod row;
mod summary;
mod table;
mod task;
mod trigger;
mod writer;

pub use self::{
    conflict::OnConflict,
    error::{Error, ErrorKind},
    observer::{Flushed, Observer},
    summary::{Counts, Rejected, Summary},
    trigger::Trigger,
    writer::{BatchUpdateWriter, BatchWriter, WriterBuilder},
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
