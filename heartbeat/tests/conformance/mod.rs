//! What every store must do, whatever it is made of. Each test gets an empty store; the times are real, since a server's
//! clock cannot be set.
#![allow(dead_code, reason = "the macro below calls all of it")]

use std::sync::Arc;
use std::time::Duration;

use cofferdam_heartbeat::{Entry, Liveness, Monitor, Publisher, Store};

use crate::common::{Diary, document, first_beat};

/// Long beside a hiccup of a busy machine, short beside a person's patience.
const TTL: Duration = Duration::from_millis(1500);
const INTERVAL: Duration = Duration::from_millis(250);

/// Makes a test of each behaviour, on the store that the expression makes.
macro_rules! conformance {
    ($store:expr) => {
        $crate::conformance::conformance! { $store =>
            a_put_is_listed_with_its_document_and_its_age
            a_second_put_replaces_the_first_and_begins_its_time_anew
            an_expired_document_leaves_its_id_in_the_index
            a_worker_that_wrote_again_is_there_again_and_is_not_forgotten
            what_is_deleted_is_neither_listed_nor_missed
            to_forget_takes_out_only_what_expired
            ids_of_any_spelling_come_back_whole
            each_worker_has_its_own_ttl
            clones_see_the_same
            the_era_lasts
            a_thousand_workers_are_listed
            silence_makes_suspect_then_dead_then_forgotten
            a_worker_that_stops_in_order_is_never_called_dead
            a_reused_name_is_another_worker
        }
    };
    ($store:expr => $($behaviour:ident)*) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                $crate::conformance::$behaviour($store).await;
            }
        )*
    };
}
pub(crate) use conformance;

async fn entries(store: &impl Store) -> Vec<Entry> {
    let mut entries = store.list().await.unwrap().entries;
    entries.sort_by(|left, right| left.worker_id.cmp(&right.worker_id));
    entries
}

async fn only(store: &impl Store) -> Entry {
    let entries = entries(store).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.into_iter().next().unwrap()
}

async fn put(store: &impl Store, id: &str) {
    store.put(id, document(id), TTL).await.unwrap();
}

pub(crate) async fn a_put_is_listed_with_its_document_and_its_age(store: impl Store) {
    assert!(entries(&store).await.is_empty());
    put(&store, "w#1").await;
    let entry = only(&store).await;
    assert_eq!((entry.worker_id.as_str(), entry.document), ("w#1", Some(document("w#1"))));
    assert!(entry.age < Duration::from_millis(700), "{:?}", entry.age);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let age = only(&store).await.age;
    assert!((400..1400).contains(&age.as_millis()), "{age:?}");
}

pub(crate) async fn a_second_put_replaces_the_first_and_begins_its_time_anew(store: impl Store) {
    put(&store, "w#1").await;
    tokio::time::sleep(TTL * 2 / 3).await;
    store.put("w#1", "later".to_owned(), TTL).await.unwrap();
    tokio::time::sleep(TTL * 2 / 3).await;
    let entry = only(&store).await;
    assert_eq!(entry.document.as_deref(), Some("later"));
    assert!(entry.age < TTL, "{:?}", entry.age);
}

pub(crate) async fn an_expired_document_leaves_its_id_in_the_index(store: impl Store) {
    put(&store, "w#1").await;
    tokio::time::sleep(TTL + Duration::from_millis(100)).await;
    let entry = only(&store).await;
    assert_eq!(entry.document, None);
    assert!(entry.age >= TTL, "{:?}", entry.age);
}

pub(crate) async fn a_worker_that_wrote_again_is_there_again_and_is_not_forgotten(store: impl Store) {
    store.put("w#1", document("w#1"), Duration::from_millis(50)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(only(&store).await.document, None);
    put(&store, "w#1").await;
    store.forget("w#1").await.unwrap();
    let entry = only(&store).await;
    assert!(entry.document.is_some() && entry.age < TTL, "{entry:?}");
}

pub(crate) async fn what_is_deleted_is_neither_listed_nor_missed(store: impl Store) {
    put(&store, "w#1").await;
    put(&store, "w#2").await;
    store.delete("w#1").await.unwrap();
    store.delete("w#1").await.unwrap();
    store.delete("nobody").await.unwrap();
    assert_eq!(only(&store).await.worker_id, "w#2");
}

pub(crate) async fn to_forget_takes_out_only_what_expired(store: impl Store) {
    store.put("short", document("short"), Duration::from_millis(50)).await.unwrap();
    put(&store, "long").await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    for id in ["short", "long", "nobody"] {
        store.forget(id).await.unwrap();
    }
    assert_eq!(only(&store).await.worker_id, "long");
}

pub(crate) async fn ids_of_any_spelling_come_back_whole(store: impl Store) {
    let mut ids = ["a b#1", "ä€😀#2", "a:b:c#3", "*?[x]#4", "-inf#5", "\"'\\#6", "LIMIT 0 1#7"];
    ids.sort_unstable();
    for id in ids {
        put(&store, id).await;
    }
    let listed = entries(&store).await;
    assert_eq!(listed.iter().map(|entry| entry.worker_id.as_str()).collect::<Vec<_>>(), ids);
    for entry in &listed {
        assert_eq!(entry.document, Some(document(&entry.worker_id)));
        store.delete(&entry.worker_id).await.unwrap();
    }
    assert!(entries(&store).await.is_empty());
}

pub(crate) async fn each_worker_has_its_own_ttl(store: impl Store) {
    store.put("brief", document("brief"), Duration::from_millis(200)).await.unwrap();
    store.put("long", document("long"), Duration::from_secs(24 * 60 * 60)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(350)).await;
    let listed = entries(&store).await;
    let there: Vec<_> =
        listed.iter().map(|entry| (entry.worker_id.as_str(), entry.document.is_some())).collect();
    assert_eq!(there, [("brief", false), ("long", true)]);
    store.delete("long").await.unwrap();
}

pub(crate) async fn clones_see_the_same(store: impl Store) {
    let clone = store.clone();
    put(&store, "w#1").await;
    assert_eq!(only(&clone).await.worker_id, "w#1");
    clone.delete("w#1").await.unwrap();
    assert!(entries(&store).await.is_empty());
}

pub(crate) async fn the_era_lasts(store: impl Store) {
    let era = store.list().await.unwrap().era;
    for n in 0..20 {
        put(&store, &format!("w#{n}")).await;
        assert_eq!(store.list().await.unwrap().era, era);
    }
}

pub(crate) async fn a_thousand_workers_are_listed(store: impl Store) {
    let ids: Vec<String> = (0..1000).map(|n| format!("w#{n:04}")).collect();
    for id in &ids {
        store.put(id, document(id), Duration::from_secs(60)).await.unwrap();
    }
    let begin = std::time::Instant::now();
    let listed = entries(&store).await;
    println!("1,000 workers listed in {:?}", begin.elapsed());
    assert_eq!(listed.len(), 1000);
    for (entry, id) in listed.iter().zip(&ids) {
        assert_eq!((&entry.worker_id, &entry.document), (id, &Some(document(id))));
    }
    for id in &ids {
        store.delete(id).await.unwrap();
    }
}

pub(crate) async fn silence_makes_suspect_then_dead_then_forgotten(store: impl Store) {
    let diary = Arc::new(Diary::default());
    let forget_after = Duration::from_millis(500);
    let monitor = Monitor::builder(store.clone()).observer(diary.clone()).forget_after(forget_after);
    let mut monitor = monitor.build().unwrap();
    let publisher = Publisher::builder(store, "worker").interval(INTERVAL).ttl(TTL).build().unwrap();
    first_beat(&publisher).await;
    let id = publisher.worker_id().to_owned();
    // Longer than the TTL, so that the monitor knows its store.
    for _ in 0..20 {
        let workers = monitor.observe().await.unwrap();
        assert_eq!(workers.len(), 1);
        assert_ne!(workers[0].liveness, Liveness::Dead);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(publisher);
    let mut seen = Vec::new();
    for _ in 0..200 {
        let workers = monitor.observe().await.unwrap();
        let liveness = workers.first().map(|worker| worker.liveness);
        if seen.last() != Some(&liveness) {
            seen.push(liveness);
        }
        if liveness.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    if seen.first() == Some(&Some(Liveness::Alive)) {
        seen.remove(0);
    }
    assert_eq!(seen, [Some(Liveness::Suspect), Some(Liveness::Dead), None]);
    assert_eq!(*diary.died.lock().unwrap(), [id]);
}

pub(crate) async fn a_worker_that_stops_in_order_is_never_called_dead(store: impl Store) {
    let diary = Arc::new(Diary::default());
    let monitor = Monitor::builder(store.clone()).observer(diary.clone()).period(Duration::from_millis(5));
    let monitor = tokio::spawn(monitor.build().unwrap().run());
    // Until the monitor knows its store for longer than a TTL: from then on it is ready to call anyone dead.
    tokio::time::sleep(TTL + INTERVAL).await;
    for n in 0..30 {
        let publisher = Publisher::builder(store.clone(), format!("worker-{n}"));
        let publisher = publisher.interval(TTL / 2).ttl(TTL).build().unwrap();
        first_beat(&publisher).await;
        tokio::time::sleep(Duration::from_millis(n)).await;
        publisher.stop().await.unwrap();
    }
    tokio::time::sleep(INTERVAL).await;
    monitor.abort();
    assert!(diary.died.lock().unwrap().is_empty());
    assert!(entries(&store).await.is_empty());
}

pub(crate) async fn a_reused_name_is_another_worker(store: impl Store) {
    let build = || Publisher::builder(store.clone(), "worker").interval(INTERVAL).ttl(TTL).build().unwrap();
    let crashed = build();
    crashed.reporter().processing("t").failed();
    first_beat(&crashed).await;
    let old = crashed.worker_id().to_owned();
    drop(crashed);
    let reborn = build();
    first_beat(&reborn).await;
    let mut monitor = Monitor::builder(store.clone()).build().unwrap();
    tokio::time::sleep(TTL).await;
    let workers = monitor.observe().await.unwrap();
    let find = |id: &str| workers.iter().find(|worker| worker.worker_id == id).unwrap();
    assert_eq!(find(reborn.worker_id()).liveness, Liveness::Alive);
    assert_eq!(find(reborn.worker_id()).heartbeat.as_ref().unwrap().tasks_failed, 0);
    assert_ne!(find(&old).liveness, Liveness::Alive);
    assert_ne!(find(&old).epoch(), find(reborn.worker_id()).epoch());
    reborn.stop().await.unwrap();
}
