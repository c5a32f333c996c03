//! Batches and followers: what belongs together is waited for as one, and what runs can be watched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod backends;
mod support;

use std::sync::Arc;
use std::time::Duration;

use backends::Backend;
use cofferdam_queue::{
    Batch, BatchTicket, DeathReason, Ending, Error, Failure, Follow, Job, MAX_DEPENDENCIES, NewTask, Note,
    Settlement, TaskState, WorkerId,
};
use support::{PATIENCE, builder, id, label, run_until_finished, task};
use tokio::sync::Semaphore;

on_every_backend! {
    the_follow_up_runs_when_all_have_ended_well_or_badly
    progress_counts_what_has_ended
    a_strict_batch_fails_with_its_first_death_and_has_no_follow_up
    a_batch_can_be_submitted_again_and_an_empty_one_is_complete
    a_large_batch_is_a_tree_and_is_counted_exactly
    a_follower_sees_progress_as_it_comes_and_the_end
    a_slow_follower_gets_the_latest
    what_is_not_known_cannot_be_followed
}

fn three() -> Batch {
    Batch::new(label("g"), vec![task("a"), task("b"), task("bad")]).id(id("batch"))
}

/// Fails on the task that is bad.
async fn handler(job: Job) -> Result<Vec<u8>, Failure> {
    if job.id().as_str() == "bad" { Err(Failure::permanent("it is bad")) } else { Ok(job.payload().to_vec()) }
}

async fn the_follow_up_runs_when_all_have_ended_well_or_badly(backend: Backend) {
    // Who submits and waits is another process than who works.
    let (queue, elsewhere) = (backend.queue().await, backend.queue().await);
    let ticket = queue.submit_batch(three().then(task("then"))).await.unwrap();
    assert_eq!((ticket.id.as_str(), ticket.tasks, ticket.then.clone()), ("batch", 3, Some(id("then"))));
    let progress = queue.batch_progress(&ticket).await.unwrap();
    assert_eq!((progress.tasks, progress.ended, progress.is_complete()), (3, 0, false));
    let worker = builder(&elsewhere).build().unwrap();
    let (_, states) = run_until_finished(&queue, worker, handler, &["batch", "then", "bad"]).await;
    assert!(matches!(states[0], TaskState::Done { .. }) && matches!(states[1], TaskState::Done { .. }));
    assert!(matches!(states[2], TaskState::Dead { .. }));
    // Made again from its parts, the ticket tells the same.
    let progress = queue.batch_progress(&BatchTicket::new(id("batch"), 3)).await.unwrap();
    assert!(progress.is_complete() && !progress.failed);
}

async fn progress_counts_what_has_ended(backend: Backend) {
    let queue = backend.queue().await;
    let ticket = queue.submit_batch(three()).await.unwrap();
    let me = WorkerId::new("me").unwrap();
    for ended in 1..=3 {
        let delivery = queue.claim(&me, 1, PATIENCE).await.unwrap().remove(0);
        queue.settle(&me, vec![Settlement::new(delivery.lease, Ending::Done(vec![]))]).await.unwrap();
        assert_eq!(queue.batch_progress(&ticket).await.unwrap().ended, ended);
    }
    assert!(queue.wait(&ticket.id, Duration::ZERO).await.unwrap().is_finished());
}

async fn a_strict_batch_fails_with_its_first_death_and_has_no_follow_up(backend: Backend) {
    let queue = backend.queue().await;
    let ticket = queue.submit_batch(three().strict().then(task("then"))).await.unwrap();
    let worker = builder(&queue).build().unwrap();
    let (_, states) = run_until_finished(&queue, worker, handler, &["batch", "then", "a", "b"]).await;
    for state in &states[..2] {
        assert!(matches!(state, TaskState::Dead { reason: DeathReason::Dependency, .. }), "{state:?}");
    }
    assert!(states[2..].iter().all(|state| matches!(state, TaskState::Done { .. })));
    assert!(queue.batch_progress(&ticket).await.unwrap().failed);
}

async fn a_batch_can_be_submitted_again_and_an_empty_one_is_complete(backend: Backend) {
    let queue = backend.queue().await;
    queue.enqueue(vec![task("a").group(label("g"))]).await.unwrap();
    // What an interrupted submission left is completed.
    queue.submit_batch(three()).await.unwrap();
    let again = queue.submit_batch(three()).await.unwrap();
    assert_eq!(queue.stats().await.unwrap().total().ready, 3);
    assert_eq!(queue.batch_progress(&again).await.unwrap().ended, 0);
    let empty = queue.submit_batch(Batch::new(label("g"), vec![])).await.unwrap();
    assert!(queue.batch_progress(&empty).await.unwrap().is_complete());
    let unknown = queue.batch_progress(&BatchTicket::new(id("nobody"), 1)).await.unwrap_err();
    assert!(matches!(unknown, Error::UnknownTask { .. }));
}

/// More tasks than one task may wait for.
async fn a_large_batch_is_a_tree_and_is_counted_exactly(backend: Backend) {
    let queue = backend.queue().await;
    let size = 2 * MAX_DEPENDENCIES + 1;
    let tasks = (0..size).map(|_| NewTask::new("")).collect();
    let ticket = queue.submit_batch(Batch::new(label("g"), tasks).then(task("then"))).await.unwrap();
    let me = WorkerId::new("me").unwrap();
    let mut ended = 0;
    while ended < size {
        let claimed = queue.claim(&me, 500, PATIENCE).await.unwrap();
        ended += claimed.len();
        assert!(claimed.iter().all(|one| one.lease.task != id("then")), "the follow-up came too early");
        let endings = claimed.into_iter().map(|one| Settlement::new(one.lease, Ending::Done(vec![])));
        queue.settle(&me, endings.collect()).await.unwrap();
        assert_eq!(queue.batch_progress(&ticket).await.unwrap().ended, ended as u64);
    }
    assert!(queue.wait(&ticket.id, Duration::ZERO).await.unwrap().is_finished());
    assert_eq!(queue.claim(&me, 2, PATIENCE).await.unwrap()[0].lease.task, id("then"));
}

async fn next(follow: &mut Follow) -> Option<Vec<u8>> {
    tokio::time::timeout(PATIENCE, follow.next()).await.expect("news").unwrap()
}

async fn a_follower_sees_progress_as_it_comes_and_the_end(backend: Backend) {
    // Who follows is another process than who works, and the task lies where its group does.
    let (queue, elsewhere) = (backend.queue().await, backend.queue().await);
    queue.submit(task("a").group(label("g"))).await.unwrap();
    let mut follow = elsewhere.follow(&id("a"));
    let is_seen = Arc::new(Semaphore::new(0));
    let seeing = Arc::clone(&is_seen);
    let watched = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(progress) = next(&mut follow).await {
            seen.push(String::from_utf8(progress).unwrap());
            seeing.add_permits(1);
        }
        (seen, follow.outcome().cloned())
    });
    let handler = move |job: Job| {
        let is_seen = Arc::clone(&is_seen);
        async move {
            for step in ["one", "two", "three"] {
                job.report(step).await?;
                // What says nothing new is not shown again.
                job.report(step).await?;
                // A slow reader may skip, so it is waited for.
                is_seen.acquire().await?.forget();
            }
            if job.attempt() == 1 { Err(Failure::retryable("again")) } else { Ok(b"end".to_vec()) }
        }
    };
    run_until_finished(&queue, builder(&queue).build().unwrap(), handler, &["a"]).await;
    let (seen, outcome) = watched.await.unwrap();
    assert_eq!(seen, ["one", "two", "three", "one", "two", "three"]);
    assert!(matches!(outcome, Some(TaskState::Done { result, .. }) if result == b"end"));
}

async fn a_slow_follower_gets_the_latest(backend: Backend) {
    let queue = backend.queue().await;
    queue.submit(task("a")).await.unwrap();
    let mut follow = queue.follow(&id("a"));
    let me = WorkerId::new("me").unwrap();
    let delivery = queue.claim(&me, 1, PATIENCE).await.unwrap().remove(0);
    for step in 0..100_u8 {
        queue.note(&me, vec![Note::new(delivery.lease.clone()).progress(vec![step])]).await.unwrap();
    }
    assert_eq!(next(&mut follow).await, Some(vec![99]));
    queue.cancel(&id("a")).await.unwrap();
    assert_eq!(next(&mut follow).await, None);
    assert_eq!(next(&mut follow).await, None);
    assert!(matches!(follow.outcome(), Some(TaskState::Dead { reason: DeathReason::Cancelled, .. })));
}

async fn what_is_not_known_cannot_be_followed(backend: Backend) {
    let error = backend.queue().await.follow(&id("nobody")).next().await.unwrap_err();
    assert!(matches!(error, Error::UnknownTask { .. }));
}
