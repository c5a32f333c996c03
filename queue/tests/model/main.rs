//! Whatever is asked of a broker in whatever order, what it promises holds; and two brokers of which the same is asked
//! answer the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod judge;
mod life;
mod plan;
mod rates;
mod scene;
mod stage;

use std::sync::Arc;

use cofferdam_queue::{Broker, ManualClock, Memory};
use proptest::prelude::*;

use judge::Judge;
use plan::{Act, plan};
use stage::Stage;

fn memory() -> Stage {
    let clock = ManualClock::new();
    Stage::new(Memory::with_clock(Arc::new(clock.clone())).into_any(), clock)
}

/// A broker on a file, and the folder that must live as long as it.
#[cfg(feature = "sqlite")]
async fn sqlite() -> (Stage, tempfile::TempDir) {
    let clock = ManualClock::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite3");
    let broker = cofferdam_queue::Sqlite::builder(path).clock(Arc::new(clock.clone())).open().await.unwrap();
    (Stage::new(broker.into_any(), clock), folder)
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

/// Plays a plan on one broker before a judge.
async fn judged(mut stage: Stage, plan: Vec<Act>) {
    let mut judge = Judge::default();
    let mut before = stage.scene().await;
    for act in plan {
        let answer = stage.play(&act).await;
        let after = stage.scene().await;
        judge.hear(&act, &answer, &before, &after, &stage);
        before = after;
    }
}

/// Plays a plan on two brokers side by side.
#[cfg(feature = "sqlite")]
async fn compared(mut one: Stage, mut other: Stage, plan: Vec<Act>) {
    for act in plan {
        let (answer, also) = (one.play(&act).await, other.play(&act).await);
        assert_eq!(format!("{answer:#?}"), format!("{also:#?}"), "the answers to {act:?}");
        assert_eq!(one.scene().await, other.scene().await, "after {act:?}");
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn memory_keeps_its_word(plan in plan()) {
        block_on(judged(memory(), plan));
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn sqlite_keeps_its_word(plan in plan()) {
        block_on(async {
            let (stage, _folder) = sqlite().await;
            judged(stage, plan).await;
        });
    }

    #[test]
    fn memory_and_sqlite_answer_alike(plan in plan()) {
        block_on(async {
            let (stage, _folder) = sqlite().await;
            compared(memory(), stage, plan).await;
        });
    }
}
