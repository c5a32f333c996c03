//! Connections that break in the middle, before the commit and while it is under way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;
mod proxy;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cofferdam_store::{BatchUpdateWriter, BatchWriter, ErrorKind, OnConflict};
use common::{Kind, Log, opened, trade, trades};
use proxy::{Loss, between, breaking, breaking_once};
use sea_orm::{ActiveValue::Unchanged, EntityTrait, PaginatorTrait, Set};
use tokio::net::{TcpListener, TcpStream};

fn keyed(id: i64) -> trade::ActiveModel {
    trade::ActiveModel { id: Set(id), ..trade(1) }
}

async fn a_connection_that_breaks_before_the_commit_costs_nothing(kind: Kind) {
    let (place, database) = trades(kind).await;
    let through = breaking(&place, "INSERT INTO", Loss::Answer).await;
    // No key is set, so each row would be there twice if it had been written twice.
    let writer = BatchWriter::<trade::Entity>::builder(through).rows(100).build().unwrap();
    writer.add_many((0..100).map(trade)).await.unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.skipped, counts.rejected), (100, 0, 0));
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 100);
}

async fn a_commit_in_doubt_stops_a_writer_whose_rows_could_be_doubled(kind: Kind) {
    let (place, database) = trades(kind).await;
    for (loss, there) in [(Loss::Answer, 100), (Loss::Request, 100)] {
        let through = breaking(&place, "COMMIT", loss).await;
        let writer = BatchWriter::<trade::Entity>::builder(through)
            .linger(Duration::from_secs(3_600))
            .rows(100)
            .build();
        let writer = writer.unwrap();
        writer.add_many((0..100).map(trade)).await.unwrap();
        let error = writer.close().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InDoubt, "{error}");
        assert!(error.to_string().contains("they may be there or not"), "{error}");
        assert_eq!(writer.take_unwritten().len(), 100);
        // Once they were there, and once they were not: the writer cannot know.
        assert_eq!(trade::Entity::find().count(&database).await.unwrap(), there);
    }
}

async fn a_commit_in_doubt_is_looked_up_where_there_is_a_spool(kind: Kind) {
    for loss in [Loss::Answer, Loss::Request] {
        let (place, database) = trades(kind).await;
        let broken = Arc::new(AtomicBool::new(true));
        let through = breaking_once(&place, "COMMIT", loss, Arc::clone(&broken)).await;
        let log = Log::default();
        // No key is set, so each row would be there twice if it had been written twice.
        let writer = BatchWriter::<trade::Entity>::builder(through)
            .spool(place.folder.path().join("spool"))
            .observer(log.clone())
            .linger(Duration::from_secs(3_600))
            .rows(100)
            .build()
            .unwrap();
        opened(&database).await;
        broken.store(false, Ordering::SeqCst);
        writer.add_many((0..99).map(trade)).await.unwrap();
        writer.add(trade(-1)).await.unwrap();
        let summary = writer.close().await.unwrap();
        assert!(broken.load(Ordering::SeqCst));
        assert_eq!(log.flushes()[0].2, Some(ErrorKind::InDoubt));
        assert_eq!((summary.counts.written, summary.counts.skipped, summary.counts.rejected), (99, 0, 1));
        assert_eq!(summary.rejected[0].model.quantity, Set(-1));
        assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 99);
        let next = BatchWriter::<trade::Entity>::builder(database)
            .spool(place.folder.path().join("spool"))
            .build()
            .unwrap();
        assert_eq!(next.close().await.unwrap().counts.replayed, 0);
    }
}

async fn a_commit_in_doubt_is_repeated_where_that_does_no_harm(kind: Kind) {
    let (place, database) = trades(kind).await;
    // The server says all in one statement where it can.
    let word = if kind == Kind::Postgres { "ON CONFLICT" } else { "COMMIT" };
    let through = breaking(&place, word, Loss::Answer).await;
    let writer = BatchWriter::<trade::Entity>::builder(through)
        .on_conflict(OnConflict::DoNothing)
        .rows(100)
        .build()
        .unwrap();
    writer.add_many((1..=100).map(keyed)).await.unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written + counts.skipped, counts.rejected), (100, 0));
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 100);

    let word = if kind == Kind::Postgres { "UPDATE" } else { "COMMIT" };
    let through = breaking(&place, word, Loss::Answer).await;
    let writer = BatchUpdateWriter::<trade::Entity>::builder(through).rows(100).build().unwrap();
    let change = |id| trade::ActiveModel { id: Unchanged(id), quantity: Set(2), ..Default::default() };
    writer.add_many((1..=101).map(change)).await.unwrap();
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.rejected), (100, 1));
}

async fn a_server_that_is_not_there_is_waited_for_and_then_given_up(kind: Kind) {
    let (place, _database) = trades(kind).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // One connection gets through, which is how the pool is made.
    let server = place.port();
    let once = tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        drop(listener);
        let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
        let broken = Arc::new(AtomicBool::new(false));
        between(client, server, "INSERT INTO", Loss::Request, broken).await;
    });
    let through = place.connect_through(port).await;
    let writer = BatchWriter::<trade::Entity>::builder(through)
        .retry_for(Duration::from_millis(300))
        .linger(Duration::from_millis(1))
        .build()
        .unwrap();
    writer.add(trade(1)).await.unwrap();
    let error = writer.flush().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(error.to_string().contains("out of reach"), "{error}");
    assert_eq!(writer.take_unwritten().len(), 1);
    once.abort();
}

/// SQLite has no connection that could break.
macro_rules! on_servers {
    ($($name:ident)*) => {
        on_each!(@ postgres Postgres, #[tokio::test], $($name)*);
        on_each!(@ mariadb Mariadb, #[tokio::test], $($name)*);
    };
}

on_servers! {
    a_connection_that_breaks_before_the_commit_costs_nothing
    a_commit_in_doubt_stops_a_writer_whose_rows_could_be_doubled
    a_commit_in_doubt_is_looked_up_where_there_is_a_spool
    a_commit_in_doubt_is_repeated_where_that_does_no_harm
    a_server_that_is_not_there_is_waited_for_and_then_given_up
}
