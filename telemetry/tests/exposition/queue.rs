//! A real queue, and a worker on it.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cofferdam_queue::{Failure, Job, Memory, NewTask, Priority, Queue, TaskId, Worker, WorkerId};
use cofferdam_telemetry::Telemetry;

use crate::Row;

pub(crate) async fn work(telemetry: &Telemetry) -> &'static [Row] {
    let observer = Arc::new(telemetry.queue_observer());
    let queue = Queue::new(Memory::new(), "squares").unwrap().with_observer(observer);
    queue.submit(NewTask::new("12")).await.unwrap();
    telemetry.set_queue_stats("squares", &queue.stats().await.unwrap());
    &[
        ("cofferdam_queue_acked", "counter", "", &["priority", "queue"]),
        ("cofferdam_queue_dead_lettered", "counter", "", &["priority", "queue"]),
        ("cofferdam_queue_dequeued", "counter", "", &["priority", "queue"]),
        ("cofferdam_queue_enqueued", "counter", "", &["priority", "queue"]),
        ("cofferdam_queue_lease_expired", "counter", "", &["priority", "queue"]),
        ("cofferdam_queue_oldest_ready_timestamp_seconds", "gauge", "seconds", &["priority", "queue"]),
        ("cofferdam_queue_operation_duration_seconds", "histogram", "seconds", &["operation"]),
        ("cofferdam_queue_operation_errors", "counter", "", &["kind", "operation"]),
        ("cofferdam_queue_retried", "counter", "", &["priority", "queue"]),
        ("cofferdam_queue_tasks", "gauge", "", &["priority", "queue", "state"]),
        ("cofferdam_queue_wait_seconds", "histogram", "seconds", &["priority", "queue"]),
    ]
}

/// The whole story of a task, with the numbers that must come of it.
#[tokio::test]
async fn a_tasks_life_is_counted_where_it_belongs() {
    let telemetry = Telemetry::new();
    let observer = Arc::new(telemetry.queue_observer());
    let queue = Queue::new(Memory::new(), "q").unwrap().with_observer(observer);
    let (good, bad) = (TaskId::new("good").unwrap(), TaskId::new("bad").unwrap());
    queue.submit(NewTask::new("good").id(good.clone())).await.unwrap();
    queue.submit(NewTask::new("bad").id(bad.clone())).await.unwrap();
    let worker = Worker::builder(queue.clone()).name("w").build().unwrap();
    let done = {
        let queue = queue.clone();
        async move {
            queue.wait(&good, Duration::from_secs(20)).await.unwrap();
            queue.wait(&bad, Duration::from_secs(20)).await.unwrap();
        }
    };
    let handler = |job: Job| async move {
        if job.payload() == b"bad" { Err(Failure::permanent("bad")) } else { Ok(Vec::new()) }
    };
    worker.run(handler, done).await.unwrap();
    telemetry.set_queue_stats("q", &queue.stats().await.unwrap());

    let text = telemetry.encode().unwrap();
    for expected in [
        "cofferdam_queue_enqueued_total{queue=\"q\",priority=\"normal\"} 2\n",
        "cofferdam_queue_enqueued_total{queue=\"q\",priority=\"high\"} 0\n",
        "cofferdam_queue_dequeued_total{queue=\"q\",priority=\"normal\"} 2\n",
        "cofferdam_queue_acked_total{queue=\"q\",priority=\"normal\"} 1\n",
        "cofferdam_queue_dead_lettered_total{queue=\"q\",priority=\"normal\"} 1\n",
        "cofferdam_queue_wait_seconds_count{queue=\"q\",priority=\"normal\"} 2\n",
        "cofferdam_queue_tasks{queue=\"q\",priority=\"normal\",state=\"dead\"} 1.0\n",
        "cofferdam_queue_tasks{queue=\"q\",priority=\"normal\",state=\"ready\"} 0.0\n",
    ] {
        assert!(text.contains(expected), "{expected}is missing in\n{text}");
    }
    assert!(!text.contains("good") && !text.contains("bad\""), "no task's id is a label");
}

#[tokio::test]
async fn the_oldest_ready_task_of_each_priority_is_shown_and_of_none_when_none_is_ready() {
    let telemetry = Telemetry::new();
    let queue = Queue::new(Memory::new(), "q").unwrap();
    for priority in [Priority::Low, Priority::High] {
        queue.submit(NewTask::new("x").priority(priority)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stats = queue.stats().await.unwrap();
    assert!(stats.low.oldest_ready < stats.high.oldest_ready);
    telemetry.set_queue_stats("q", &stats);
    let text = telemetry.encode().unwrap();
    let name = "cofferdam_queue_oldest_ready_timestamp_seconds";
    for priority in [Priority::Low, Priority::High] {
        let since = stats.of(priority).oldest_ready.unwrap().duration_since(UNIX_EPOCH).unwrap();
        let series = format!("{name}{{queue=\"q\",priority=\"{}\"}} ", priority.as_str());
        let shown = text.lines().find_map(|line| line.strip_prefix(&series)).unwrap();
        assert_eq!(shown.parse::<f64>().unwrap(), since.as_secs_f64());
    }
    assert!(!text.contains(&format!("{name}{{queue=\"q\",priority=\"normal\"}}")), "{text}");

    let claimed = queue.claim(&WorkerId::new("w").unwrap(), 2, Duration::from_secs(30)).await.unwrap();
    assert_eq!(claimed.len(), 2);
    telemetry.set_queue_stats("q", &queue.stats().await.unwrap());
    assert!(!telemetry.encode().unwrap().contains(name));
}

/// A service that makes a queue for every tenant must not blow up the exposition.
#[tokio::test]
async fn random_queue_names_make_no_more_series_than_the_bound() {
    let telemetry = Telemetry::new();
    let observer = Arc::new(telemetry.queue_observer());
    let broker = Memory::new();
    let mut at_bound = 0;
    for n in 0..200 {
        let name = format!("tenant-{n}");
        let queue = Queue::new(broker.clone(), &name).unwrap().with_observer(observer.clone());
        queue.submit(NewTask::new("x")).await.unwrap();
        telemetry.set_queue_stats(&name, &queue.stats().await.unwrap());
        let lines = telemetry.encode().unwrap().lines().count();
        match n {
            0..=31 => {}
            32 => at_bound = lines,
            _ => assert_eq!(lines, at_bound, "queue number {n} made new series"),
        }
    }
    let text = telemetry.encode().unwrap();
    let rest = "cofferdam_queue_enqueued_total{queue=\"(other)\",priority=\"normal\"} 168\n";
    assert!(text.contains(rest), "{text}");
}
