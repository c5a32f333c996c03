//! What stands in the server, as a client sees it that knows nothing of this crate.

use std::time::Duration;

use cofferdam_heartbeat::{Monitor, Publisher, RedisStore, Store};

use crate::common::{first_beat, settled, start};
use crate::services::{ask, cluster, fresh, prefix, single};

async fn the_promised_key_holds_the_promised_json(urls: String) {
    let store = RedisStore::connect(urls.as_str()).await.unwrap();
    let clock = std::sync::Arc::new(cofferdam_heartbeat::ManualClock::starting_at(start()));
    let name = format!("promised-{}", uuid::Uuid::new_v4().simple());
    let publisher = Publisher::builder(store.clone(), name.as_str()).clock(clock).build().unwrap();
    first_beat(&publisher).await;
    let id = publisher.worker_id();

    let key = format!("worker:heartbeat:{id}");
    let expected = format!(
        r#"{{"worker_id":"{id}","worker_name":"{name}","timestamp":"2026-11-23T10:34:06.123Z","status":"idle","tasks_processed":0,"tasks_failed":0,"uptime_seconds":0,"current_task_id":null,"heartbeat_interval":10,"heartbeat_ttl":30}}"#
    );
    assert_eq!(ask::<String>(&urls, &["GET", &key]).await, expected);
    let left: u64 = ask(&urls, &["PTTL", &key]).await;
    assert!((25_000..=30_000).contains(&left), "{left} ms of 30 s are left");
    let score: Option<f64> = ask(&urls, &["ZSCORE", "worker:heartbeat-{index}:seen", id]).await;
    assert!(score.is_some());

    let id = id.to_owned();
    publisher.stop().await.unwrap();
    assert_eq!(ask::<u64>(&urls, &["EXISTS", &key]).await, 0);
    for set in ["seen", "expiry"] {
        let set = format!("worker:heartbeat-{{index}}:{set}");
        assert_eq!(ask::<Option<f64>>(&urls, &["ZSCORE", &set, &id]).await, None);
    }
}

#[tokio::test]
async fn the_promised_key_holds_the_promised_json_on_one_server() {
    the_promised_key_holds_the_promised_json(single()).await;
}

#[tokio::test]
async fn the_promised_key_holds_the_promised_json_on_a_cluster() {
    the_promised_key_holds_the_promised_json(cluster()).await;
}

#[tokio::test]
async fn a_worker_that_crashed_leaves_a_document_that_expires() {
    let (urls, prefix) = (single(), prefix());
    let store = RedisStore::builder(urls.as_str()).prefix(prefix.as_str()).connect().await.unwrap();
    let publisher = Publisher::builder(store, "worker");
    let publisher =
        publisher.interval(Duration::from_millis(100)).ttl(Duration::from_millis(600)).build().unwrap();
    settled(&publisher).await;
    let key = format!("{prefix}:{}", publisher.worker_id());
    assert_eq!(ask::<u64>(&urls, &["EXISTS", &key]).await, 1);
    drop(publisher);
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(ask::<u64>(&urls, &["EXISTS", &key]).await, 0);
}

#[tokio::test]
async fn the_index_does_not_grow_for_ever_without_a_monitor() {
    let (urls, prefix) = (single(), prefix());
    let store = RedisStore::builder(urls.as_str()).prefix(prefix.as_str()).connect().await.unwrap();
    let [seen, expiry] = ["seen", "expiry"].map(|set| format!("{prefix}-{{index}}:{set}"));
    let time: Vec<String> = ask(&urls, &["TIME"]).await;
    let hour_ago = time[0].parse::<u64>().unwrap() * 1000 - 60 * 60 * 1000;
    // 250 that expired a little more than an hour ago, and one that did a little less.
    for n in 0..251 {
        let expired = if n == 0 { hour_ago + 20_000 } else { hour_ago - 20_000 };
        for (set, score) in [(&seen, expired - 30_000), (&expiry, expired)] {
            let _: u64 = ask(&urls, &["ZADD", set, &score.to_string(), &format!("old#{n}")]).await;
        }
    }
    for left in [152, 52, 2, 2] {
        store.put("w#1", "{}".to_owned(), Duration::from_secs(30)).await.unwrap();
        for set in [&seen, &expiry] {
            assert_eq!(ask::<u64>(&urls, &["ZCARD", set]).await, left);
        }
    }
    let _: u64 = ask(&urls, &["DEL", &seen, &expiry]).await;
}

#[tokio::test]
async fn what_another_program_left_under_a_key_hides_nobody() {
    let urls = single();
    let prefix = prefix();
    let store = RedisStore::builder(urls.as_str()).prefix(prefix.as_str()).connect().await.unwrap();
    for id in ["w#1", "w#2", "w#3"] {
        store.put(id, crate::common::document(id), Duration::from_secs(30)).await.unwrap();
    }
    let _: u64 = ask(&urls, &["DEL", &format!("{prefix}:w#1"), &format!("{prefix}:w#2")]).await;
    let _: u64 = ask(&urls, &["LPUSH", &format!("{prefix}:w#1"), "a list"]).await;
    let _: String = ask(&urls, &["SET", &format!("{prefix}:w#2"), "no json"]).await;
    let mut monitor = Monitor::builder(store.clone()).build().unwrap();
    let workers = monitor.observe().await.unwrap();
    let seen: Vec<_> =
        workers.iter().map(|worker| (worker.liveness.as_str(), worker.heartbeat.is_some())).collect();
    assert_eq!(seen, [("suspect", false), ("alive", false), ("alive", true)]);
    for id in ["w#1", "w#2", "w#3"] {
        store.delete(id).await.unwrap();
    }
}

#[tokio::test]
async fn stores_with_different_prefixes_do_not_see_each_other() {
    let (one, two) = (fresh(cluster()).await, fresh(cluster()).await);
    one.put("w#1", "{}".to_owned(), Duration::from_secs(30)).await.unwrap();
    assert!(two.list().await.unwrap().entries.is_empty());
    assert_eq!(one.list().await.unwrap().entries.len(), 1);
    one.delete("w#1").await.unwrap();
}
