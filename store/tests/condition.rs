//! Updates that are done only if their row is as expected.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;
mod proxy;

use std::time::Duration;

use cofferdam_store::{BatchUpdateWriter, DeadLetter, DeadLetters, Error, ErrorKind, WriterBuilder};
use common::{Kind, Place, sample, trade, trades};
use proxy::{Loss, breaking};
use sea_orm::{ActiveValue::Unchanged, DatabaseConnection, EntityTrait, IntoActiveModel, QueryOrder, Set};

/// A hundred rows of the quantity 1, every fourth without a code.
async fn hundred(kind: Kind) -> (Place, DatabaseConnection) {
    let (place, database) = trades(kind).await;
    let code = |id| if id % 4 == 0 { None } else { Some(format!("c{id}")) };
    let row = |id| trade::ActiveModel { id: Set(id), code: Set(code(id)), ..trade(1) };
    trade::Entity::insert_many((1..=100).map(row)).exec(&database).await.unwrap();
    (place, database)
}

/// A writer whose rows all meet in one batch.
fn builder(database: &DatabaseConnection) -> WriterBuilder<trade::Entity, BatchUpdateWriter<trade::Entity>> {
    BatchUpdateWriter::builder(database.clone()).rows(5_000).linger(Duration::from_secs(3_600))
}

fn change(id: i64, quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { id: Unchanged(id), quantity: Set(quantity), ..Default::default() }
}

fn quantity(quantity: i32) -> trade::ActiveModel {
    trade::ActiveModel { quantity: Set(quantity), ..Default::default() }
}

async fn quantities(database: &DatabaseConnection) -> Vec<i32> {
    let rows = trade::Entity::find().order_by_asc(trade::Column::Id).all(database).await.unwrap();
    rows.into_iter().map(|row| row.quantity).collect()
}

async fn a_row_that_differs_is_told_from_one_that_is_not_there(kind: Kind) {
    let (place, database) = hundred(kind).await;
    let file = place.folder.path().join("dead.jsonl");
    let writer = builder(&database).dead_letters(DeadLetters::json_lines(&file)).build().unwrap();
    // What is written makes rows look as others expect them, and the other way round.
    for id in 1..=105 {
        writer.add_if(change(id, 2), quantity(if id % 10 == 0 { 2 } else { 1 })).await.unwrap();
    }
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.written, counts.rejected, counts.skipped), (90, 15, 0));
    let letters: Vec<_> = DeadLetter::<trade::Entity>::read(&file).unwrap().map(Result::unwrap).collect();
    let told: Vec<_> =
        letters.iter().map(|letter| (letter.model.id.clone().unwrap(), letter.kind.as_str())).collect();
    let stale = (1..=10).map(|ten| (ten * 10, "stale"));
    assert_eq!(told, stale.chain((101..=105).map(|id| (id, "missing"))).collect::<Vec<_>>());
    assert_eq!(letters[0].expected, Some(quantity(2)));
    let expected: Vec<_> = (1..=100).map(|id| if id % 10 == 0 { 1 } else { 2 }).collect();
    assert_eq!(quantities(&database).await, expected);
}

async fn each_change_of_a_row_sees_the_one_before(kind: Kind) {
    let (_place, database) = hundred(kind).await;
    let writer = builder(&database).build().unwrap();
    for id in 1..=50 {
        writer.add_if(change(id, 2), quantity(1)).await.unwrap();
        writer.add_if(change(id, 3), quantity(2)).await.unwrap();
        // It has been 3 since.
        writer.add_if(change(id, 9), quantity(2)).await.unwrap();
        writer.add(change(id, 4)).await.unwrap();
        let shut =
            trade::ActiveModel { id: Unchanged(id), state: Set("shut".to_owned()), ..Default::default() };
        writer.add(shut).await.unwrap();
        writer.add_if(change(id, 5), quantity(4)).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    assert_eq!((summary.counts.written, summary.counts.coalesced, summary.rejected.len()), (200, 50, 50));
    for refused in summary.rejected {
        assert!(matches!(refused.error, Error::Stale { table: "trade" }), "{}", refused.error);
        assert!(refused.error.to_string().contains("read it again and decide anew"));
        assert!(refused.error.is_row());
        assert_eq!((refused.model.quantity, refused.expected), (Set(9), Some(quantity(2))));
    }
    assert_eq!(quantities(&database).await, [[5; 50], [1; 50]].concat());
    let shut = trade::Entity::find_by_id(50).one(&database).await.unwrap().unwrap();
    assert_eq!(shut.state, "shut");
}

async fn null_is_null_and_a_whole_row_may_be_expected(kind: Kind) {
    let (_place, database) = hundred(kind).await;
    let writer = builder(&database).build().unwrap();
    for id in 1..=100 {
        let uncoded = trade::ActiveModel { code: Set(None), ..Default::default() };
        writer.add_if(change(id, 2), uncoded).await.unwrap();
    }
    let summary = writer.flush().await.unwrap();
    assert_eq!((summary.counts.written, summary.rejected.len()), (25, 75));
    assert!(summary.rejected.iter().all(|row| row.error.kind() == ErrorKind::Stale));
    let mut read = trade::Entity::find().order_by_asc(trade::Column::Id).all(&database).await.unwrap();
    read[4].state = "shut".to_owned();
    read[7].code = Some("none".to_owned());
    for row in read {
        writer.add_if(change(row.id, row.quantity + 10), row.into_active_model()).await.unwrap();
    }
    let summary = writer.close().await.unwrap();
    let stale: Vec<_> = summary.rejected.iter().map(|row| row.model.id.clone().unwrap()).collect();
    assert_eq!(stale, [5, 8]);
    assert_eq!(quantities(&database).await[..9], [11, 11, 11, 12, 1, 11, 11, 2, 11]);
}

async fn of_many_who_change_a_row_at_once_one_wins_each_time(kind: Kind) {
    let (place, database) = hundred(kind).await;
    let tasks: Vec<_> = (0..4)
        .map(|_| (place.connect(), place.connect()))
        .map(|(own, reading)| async move {
            let (own, reading) = (own.await, reading.await);
            let writer = BatchUpdateWriter::<trade::Entity>::builder(own).build().unwrap();
            let mut won = 0;
            for _ in 0..25 {
                let row = trade::Entity::find_by_id(1).one(&reading).await.unwrap().unwrap();
                for id in [1, 2] {
                    writer.add_if(change(id, row.quantity + 1), quantity(row.quantity)).await.unwrap();
                }
                let refused = writer.flush().await.unwrap().rejected;
                assert!(refused.iter().all(|row| row.error.kind() == ErrorKind::Stale));
                won += i32::from(
                    refused.iter().all(|row| row.model.id != Unchanged(1) && row.model.id != Set(1)),
                );
            }
            won
        })
        .collect();
    let mut won = 0;
    for task in join(tasks).await {
        won += task;
    }
    assert!(won >= 25, "nobody won");
    assert_eq!(quantities(&database).await[0], 1 + won);
}

/// Runs futures at the same time.
async fn join<F: Future<Output = i32>>(futures: Vec<F>) -> Vec<i32> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, end) in futures.iter_mut().filter(|(_, end)| end.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *end = Some(value);
            }
        }
        let ends: Option<Vec<i32>> = futures.iter().map(|(_, end)| *end).collect();
        ends.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    })
    .await
}

async fn a_condition_that_cannot_be_told_is_refused_by_add(kind: Kind) {
    let (_place, database) = hundred(kind).await;
    let writer = builder(&database).build().unwrap();
    let error = writer.add_if(change(1, 2), trade::ActiveModel::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRow);
    assert!(error.to_string().contains("nothing is expected; use a plain update"), "{error}");
    let samples = BatchUpdateWriter::<sample::Entity>::builder(database).build().unwrap();
    let change = sample::ActiveModel {
        region: Unchanged("north".to_owned()),
        number: Unchanged(1),
        tiny: Set(1),
        ..Default::default()
    };
    let document = sample::ActiveModel { document: Set(sea_orm::JsonValue::Null), ..Default::default() };
    let error = samples.add_if(change, document).await.unwrap_err();
    assert!(error.to_string().contains("column document is a document, which cannot be expected"), "{error}");
}

async fn a_commit_in_doubt_is_not_repeated(kind: Kind) {
    let (place, database) = hundred(kind).await;
    let through = breaking(&place, "COMMIT", Loss::Answer).await;
    let writer = builder(&through).build().unwrap();
    for id in 1..=20 {
        writer.add_if(change(id, 2), quantity(1)).await.unwrap();
    }
    assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::InDoubt);
    let left = writer.take_unwritten();
    assert_eq!(left.len(), 20);
    assert!(left.into_iter().all(|row| row.expected == Some(quantity(1))));
    // They are there; a repeat would have called them stale.
    assert_eq!(quantities(&database).await[..21], [[2; 20].as_slice(), &[1]].concat());
}

everywhere! {
    a_row_that_differs_is_told_from_one_that_is_not_there
    each_change_of_a_row_sees_the_one_before
    null_is_null_and_a_whole_row_may_be_expected
    a_condition_that_cannot_be_told_is_refused_by_add
    of_many_who_change_a_row_at_once_one_wins_each_time
}

mod doubtful {
    #[tokio::test]
    async fn a_commit_in_doubt_is_not_repeated_on_postgres() {
        super::a_commit_in_doubt_is_not_repeated(super::Kind::Postgres).await;
    }

    #[tokio::test]
    async fn a_commit_in_doubt_is_not_repeated_on_mariadb() {
        super::a_commit_in_doubt_is_not_repeated(super::Kind::Mariadb).await;
    }
}
