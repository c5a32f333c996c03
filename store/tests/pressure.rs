//! Many tasks, a full buffer, and callers who go away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, reason = "the derives of sea-orm make public items")]

mod common;

use std::{
    collections::HashSet,
    future::Future,
    task::{Context, Poll, Waker},
    time::Duration,
};

use cofferdam_store::{BatchWriter, ErrorKind};
use common::{Kind, Log, trade, trades};
use sea_orm::{EntityTrait, PaginatorTrait, QueryOrder, Set};

async fn thirty_two_tasks_lose_no_row_and_double_none(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone()).capacity(300).build().unwrap();
    let tasks: Vec<_> = (0..32)
        .map(|task| {
            let writer = writer.clone();
            tokio::spawn(async move {
                for row in 0..1_000 {
                    writer.add(trade(task * 1_000 + row)).await.unwrap();
                    if row % 333 == 0 {
                        drop(writer.flush().await.unwrap());
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let counts = writer.close().await.unwrap().counts;
    assert_eq!((counts.accepted, counts.written), (32_000, 32_000));
    let rows = trade::Entity::find().order_by_asc(trade::Column::Id).all(&database).await.unwrap();
    assert_eq!(rows.len(), 32_000);
    assert_eq!(rows.iter().map(|row| row.quantity).collect::<HashSet<_>>().len(), 32_000);
    // Each task's rows came in its order.
    let mut last = [-1; 32];
    for row in rows {
        let task = &mut last[usize::try_from(row.quantity / 1_000).unwrap()];
        assert!(*task < row.quantity);
        *task = row.quantity;
    }
}

async fn a_full_buffer_makes_add_wait_and_a_cancelled_add_adds_nothing(kind: Kind) {
    let (place, database) = trades(kind).await;
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .rows(2)
        .capacity(4)
        .observer(log.clone())
        .build()
        .unwrap();
    // Somebody else writes, so nothing leaves the buffer.
    let hold = place.hold().await;

    writer.add_many((0..4).map(trade)).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(100), writer.add(trade(100))).await;
    assert!(waiting.is_err(), "a fifth row found room among four");
    // Polled once and dropped, too.
    let mut cancelled = Box::pin(writer.add(trade(101)));
    assert!(cancelled.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(cancelled);
    assert_eq!(writer.counts().accepted, 4);

    let patient = tokio::spawn({
        let writer = writer.clone();
        async move { writer.add(trade(4)).await }
    });
    hold.release().await;
    patient.await.unwrap().unwrap();
    assert_eq!(writer.close().await.unwrap().counts.written, 5);
    let mut quantities: Vec<i32> =
        trade::Entity::find().all(&database).await.unwrap().iter().map(|row| row.quantity).collect();
    quantities.sort_unstable();
    assert_eq!(quantities, [0, 1, 2, 3, 4]);
    let told = log.0.lock().unwrap();
    assert!(told.buffered.iter().all(|(rows, capacity)| rows <= capacity && *capacity == 4));
    // The call that gave up, the one that was polled once, and the patient one; nobody else waited.
    assert_eq!(told.waits.len(), 3, "{:?}", told.waits);
    assert!(told.waits[0] >= Duration::from_millis(90) && told.waits[1] < told.waits[0], "{:?}", told.waits);
}

async fn heavy_rows_are_bounded_by_weight_and_one_too_heavy_goes_through_alone(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let log = Log::default();
    let writer = BatchWriter::<trade::Entity>::builder(database)
        .bytes(50_000)
        .capacity_bytes(100_000)
        .linger(Duration::from_secs(3_600))
        .observer(log.clone())
        .build()
        .unwrap();
    for size in [30_000, 40_000, 500_000, 30_000, 500_000, 10] {
        let row = trade::ActiveModel { note: Set(Some("x".repeat(size))), ..trade(1) };
        writer.add(row).await.unwrap();
    }
    assert_eq!(writer.close().await.unwrap().counts.written, 6);
    assert!(log.flushes().len() >= 5, "heavy rows shared a batch: {:?}", log.flushes());
}

async fn rows_of_dropped_handles_are_written(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .linger(Duration::from_secs(3_600))
        .build()
        .unwrap();
    let clone = writer.clone();
    writer.add_many((0..120).map(trade)).await.unwrap();
    drop(writer);
    clone.add(trade(120)).await.unwrap();
    drop(clone);
    for _ in 0..1_000 {
        if trade::Entity::find().count(&database).await.unwrap() == 121 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the rows never came");
}

async fn a_cancelled_flush_and_close_still_write(kind: Kind) {
    let (_file, database) = trades(kind).await;
    let writer = BatchWriter::<trade::Entity>::builder(database.clone())
        .linger(Duration::from_secs(3_600))
        .build()
        .unwrap();
    writer.add(trade(1)).await.unwrap();
    let poll = |future: &mut (dyn Future<Output = ()> + Unpin)| {
        assert_eq!(std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    };
    poll(&mut Box::pin(async { drop(writer.flush().await) }));
    while writer.counts().written < 1 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    writer.add(trade(2)).await.unwrap();
    poll(&mut Box::pin(async { drop(writer.close().await) }));
    assert_eq!(writer.add(trade(3)).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(writer.close().await.unwrap().counts.written, 2);
}

#[test]
fn a_runtime_that_ends_first_leaves_the_rows_with_the_writer() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (writer, _file) = runtime.block_on(async {
        let (file, database) = trades(Kind::Sqlite).await;
        let writer = BatchWriter::<trade::Entity>::builder(database)
            .linger(Duration::from_secs(3_600))
            .build()
            .unwrap();
        writer.add_many((0..3).map(trade)).await.unwrap();
        (writer, file)
    });
    drop(runtime);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        assert_eq!(writer.add(trade(9)).await.unwrap_err().kind(), ErrorKind::Stopped);
        assert_eq!(writer.close().await.unwrap_err().kind(), ErrorKind::Stopped);
    });
    let rows: Vec<_> = writer.take_unwritten().into_iter().map(|row| row.quantity).collect();
    assert_eq!(rows, [Set(0), Set(1), Set(2)]);
    assert_eq!(writer.counts().unwritten, 3);
}

async fn two_writers_and_a_reader_share_one_table(kind: Kind) {
    let (place, database) = trades(kind).await;
    let second = place.connect().await;
    let writers = [database.clone(), second.clone()].map(|database| {
        BatchWriter::<trade::Entity>::builder(database).rows(5).max_rows(20).build().unwrap()
    });
    let tasks = writers.clone().map(|writer| {
        tokio::spawn(async move {
            for row in 0..500 {
                writer.add(trade(row)).await.unwrap();
                if row % 10 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        })
    });
    for _ in 0..50 {
        trade::Entity::find().count(&second).await.unwrap();
    }
    for task in tasks {
        task.await.unwrap();
    }
    for writer in writers {
        assert_eq!(writer.close().await.unwrap().counts.written, 500);
    }
    assert_eq!(trade::Entity::find().count(&database).await.unwrap(), 1_000);
}

/// A writer may go on with its connection only while the pool has others.
async fn a_busy_writer_does_not_keep_the_last_connection(kind: Kind) {
    let (place, owner) = trades(kind).await;
    for connections in [1, 2] {
        let database = place.connect_with(connections).await;
        let before = trade::Entity::find().count(&owner).await.unwrap();
        let writer =
            BatchWriter::<trade::Entity>::builder(database.clone()).rows(5).max_rows(5).build().unwrap();
        let adding = tokio::spawn({
            let writer = writer.clone();
            async move { writer.add_many((0..5_000).map(trade)).await.unwrap() }
        });
        // Each of them waits for a connection while batch follows batch.
        let readers = (0..connections).map(|_| {
            let database = database.clone();
            tokio::spawn(async move { trade::Entity::find().count(&database).await.unwrap() })
        });
        for reader in readers.collect::<Vec<_>>() {
            let count = reader.await.unwrap() - before;
            assert!(count < 5_000, "a reader had to wait for the writer's end");
        }
        adding.await.unwrap();
        assert_eq!(writer.close().await.unwrap().counts.written, 5_000);
        assert_eq!(trade::Entity::find().count(&database).await.unwrap() - before, 5_000);
        database.close().await.unwrap();
    }
}

everywhere! {
    a_full_buffer_makes_add_wait_and_a_cancelled_add_adds_nothing
    heavy_rows_are_bounded_by_weight_and_one_too_heavy_goes_through_alone
    rows_of_dropped_handles_are_written
    a_cancelled_flush_and_close_still_write
    two_writers_and_a_reader_share_one_table
    a_busy_writer_does_not_keep_the_last_connection
}

mod threads {
    use super::{common, thirty_two_tasks_lose_no_row_and_double_none};
    crate::on_each! { #[tokio::test(flavor = "multi_thread", worker_threads = 4)], thirty_two_tasks_lose_no_row_and_double_none }
}
