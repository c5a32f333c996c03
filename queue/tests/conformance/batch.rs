//! Sizes: of a batch, of a payload, of a backlog.

use std::time::{Duration, Instant};

use cofferdam_queue::{
    Bound, Broker, Error, ErrorKind, MAX_BATCH, MAX_BATCH_BYTES, MAX_PAYLOAD_BYTES, ReapScope, Step,
};

use super::*;

pub(crate) async fn batches_are_bounded(setup: Setup) {
    let queue = setup.queue();
    let (name, me) = (queue.name().clone(), worker("w"));
    let many = || (0..=MAX_BATCH).map(|n| task(&n.to_string())).collect::<Vec<_>>();
    let refused = |error: Error| {
        assert!(matches!(error, Error::BatchTooLarge { count: 501, limit: 500, .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    };
    refused(setup.broker.enqueue(&name, many(), Bound::default()).await.unwrap_err());
    refused(queue.claim(&me, MAX_BATCH + 1, LEASE).await.unwrap_err());
    refused(setup.broker.reap(&name, ReapScope::Expired, MAX_BATCH + 1).await.unwrap_err());
    refused(setup.broker.forget(&name, Duration::ZERO, MAX_BATCH + 1).await.unwrap_err());
    let ids: Vec<_> = (0..=MAX_BATCH).map(|n| id(&n.to_string())).collect();
    refused(queue.states(ids).await.unwrap_err());
    for lease in [Duration::ZERO, Duration::from_secs(3601)] {
        let error = queue.claim(&me, 1, lease).await.unwrap_err();
        assert!(matches!(error, Error::InvalidSetting { setting: "lease", .. }), "{error}");
    }
    // The queue's own calls cut what is longer.
    assert_eq!(queue.enqueue(many()).await.unwrap().len(), MAX_BATCH + 1);
    let claimed = queue.claim(&me, MAX_BATCH, LEASE).await.unwrap();
    let settle: Vec<_> = claimed.iter().chain(&claimed[..1]).map(|one| done(&one.lease, b"")).collect();
    refused(queue.settle(&me, settle).await.unwrap_err());
    let leases = claimed.iter().chain(&claimed[..1]).map(|one| one.lease.clone()).collect();
    refused(queue.renew(&me, leases, LEASE).await.unwrap_err());
    assert_eq!(queue.stats().await.unwrap().total().leased, MAX_BATCH as u64);
}

pub(crate) async fn oversized_payloads_are_refused_and_empty_ones_kept(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let oversized = vec![7; MAX_PAYLOAD_BYTES + 1];
    let error = queue.submit(NewTask::new(oversized.clone())).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: MAX_PAYLOAD_BYTES, .. }), "{error}");
    queue.submit(NewTask::new("")).await.unwrap();
    queue.submit(NewTask::new(vec![7; MAX_PAYLOAD_BYTES])).await.unwrap();
    let empty = claim_one(&queue, &me).await;
    assert!(empty.payload.is_empty());
    let error = queue.settle(&me, vec![done(&empty.lease, &oversized)]).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: "a result", .. }), "{error}");
    assert_eq!(settle_one(&queue, &me, done(&empty.lease, b"")).await, Verdict::Recorded);
    assert_eq!(claim_one(&queue, &me).await.payload.len(), MAX_PAYLOAD_BYTES);
}

pub(crate) async fn a_refused_batch_adds_nothing(setup: Setup) {
    let queue = setup.queue();
    let tasks = vec![NewTask::new("small"), NewTask::new(vec![0; MAX_PAYLOAD_BYTES + 1])];
    assert!(queue.enqueue(tasks).await.is_err());
    let large = || NewTask::new(vec![0; MAX_PAYLOAD_BYTES]);
    let heavy: Vec<_> = (0..=MAX_BATCH_BYTES / MAX_PAYLOAD_BYTES).map(|_| large()).collect();
    assert!(setup.broker.enqueue(queue.name(), heavy, Bound::default()).await.is_err());
    assert_eq!(queue.stats().await.unwrap().total().ready, 0);
}

pub(crate) async fn a_backlog_of_twenty_thousand(setup: Setup) {
    const BACKLOG: usize = 20_000;
    let queue = setup.queue();
    queue.enqueue((0..BACKLOG).map(|n| task(&n.to_string())).collect()).await.unwrap();
    assert_eq!(queue.stats().await.unwrap().total().ready, BACKLOG as u64);
    let me = worker("w");
    let (mut settle, mut next) = (Vec::new(), 0_usize);
    loop {
        let step = Step::new(me.clone()).settle(settle).claim(MAX_BATCH, LEASE);
        let reply = queue.step(step).await.unwrap();
        assert!(reply.settled.iter().all(|verdict| *verdict == Verdict::Recorded));
        if reply.claimed.is_empty() {
            break;
        }
        for delivery in &reply.claimed {
            assert_eq!(delivery.lease.task.as_str(), next.to_string());
            next += 1;
        }
        settle = reply.claimed.iter().map(|delivery| done(&delivery.lease, b"ok")).collect();
    }
    assert_eq!(next, BACKLOG);
    assert_eq!(queue.forget(Duration::ZERO).await.unwrap(), BACKLOG as u64);
}

pub(crate) async fn the_cost_of_an_ack_does_not_grow_with_the_number_in_flight(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let few = cost_of_acks(&queue, &me, MAX_BATCH).await;
    let many = cost_of_acks(&queue, &me, 10_000).await;
    // A cost in proportion would be twenty times as high; a busy machine alone does not reach eight, because each
    // figure is the best of several.
    assert!(many < few * 8 + Duration::from_millis(5), "{few:?} with 500 in flight, {many:?} with 10,000");
}

/// The least time that a hundred acks took with so many tasks in flight.
async fn cost_of_acks(queue: &Queue, me: &WorkerId, in_flight: usize) -> Duration {
    queue.enqueue((0..in_flight).map(|_| NewTask::new("x")).collect()).await.unwrap();
    let mut leases = Vec::new();
    while leases.len() < in_flight {
        leases.extend(queue.claim(me, MAX_BATCH, LEASE).await.unwrap().into_iter().map(|one| one.lease));
    }
    let mut best = Duration::MAX;
    for hundred in leases.rchunks(100).take(4) {
        let settlements = hundred.iter().map(|lease| done(lease, b"")).collect();
        let start = Instant::now();
        let verdicts = queue.settle(me, settlements).await.unwrap();
        best = best.min(start.elapsed());
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Recorded));
    }
    best
}
