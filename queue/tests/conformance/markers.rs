//! Tasks that nobody runs: they end with what they wait for.

use std::time::Duration;

use cofferdam_queue::{Novelty, Topic};

use super::groups::{child, finish, ids, member, remaining};
use super::groups_death::orphaned;
use super::*;

fn marker<const N: usize>(name: &str, parents: [&str; N]) -> NewTask {
    NewTask::marker().id(id(name)).group(label("g")).after(ids(parents))
}

pub(crate) async fn a_marker_ends_with_its_batch(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let names: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let mut batch: Vec<_> = names.iter().map(|name| member(name)).collect();
    batch.push(NewTask::marker().id(id("all")).group(label("g")).after(names.iter().map(|name| id(name))));
    batch.push(child("next", ["all"]).delay(LEASE));
    queue.enqueue(batch).await.unwrap();
    let wait = {
        let queue = queue.clone();
        tokio::spawn(async move { queue.wait(&id("all"), Duration::from_secs(60)).await.unwrap() })
    };
    let claimed = claim_all(&queue, &me).await;
    assert_eq!(claimed.len(), 100);
    let (last, others) = claimed.split_last().unwrap();
    queue.settle(&me, others.iter().map(|one| done(&one.lease, b"")).collect()).await.unwrap();
    assert_eq!(remaining(&queue, "all").await, 1);
    let mut listener = queue.listen(&Topic::Task(id("all")));
    settle_one(&queue, &me, done(&last.lease, b"")).await;
    assert!(is_heard(&mut listener).await);
    assert!(matches!(wait.await.unwrap(), TaskState::Done { result, .. } if result.is_empty()));
    assert_eq!(counts(&queue).await, [0, 1, 0, 0, 0]);
}

pub(crate) async fn a_marker_never_goes_to_a_worker(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let alone = NewTask::marker().id(id("alone")).delay(LEASE);
    assert_eq!(queue.submit(alone.clone()).await.unwrap().novelty, Novelty::New);
    assert_eq!(result_of(&queue, "alone").await.unwrap(), b"");
    assert_eq!(queue.submit(alone).await.unwrap().novelty, Novelty::Existing);
    // One that died of what it waited for has nothing to run when it is replayed.
    queue.enqueue(vec![member("a"), marker("strict", ["a"]), marker("after", ["strict"])]).await.unwrap();
    queue
        .submit(NewTask::marker().id(id("tolerant")).group(label("g")).after_ended(ids(["a", "strict"])))
        .await
        .unwrap();
    queue.cancel(&id("a")).await.unwrap();
    assert_eq!(death_of(&queue, "strict").await, orphaned("a", "cancelled"));
    assert_eq!(result_of(&queue, "tolerant").await.unwrap(), b"");
    assert_eq!(queue.replay(ids(["strict"])).await.unwrap(), [true]);
    assert_eq!(result_of(&queue, "strict").await.unwrap(), b"");
    assert!(claim_all(&queue, &me).await.is_empty());
    assert_eq!(counts(&queue).await, [0, 0, 0, 0, 2]);
}

pub(crate) async fn a_chain_of_thousands_ends_in_one_step(setup: Setup) {
    const LENGTH: usize = 3000;
    let queue = setup.queue();
    for (first, ends_well) in [("good", true), ("bad", false)] {
        queue.submit(member(first)).await.unwrap();
        let name = |n: usize| if n == 0 { first.to_owned() } else { format!("{first} {n}") };
        let chain = (1..=LENGTH).map(|n| marker(&name(n), [&name(n - 1)])).collect();
        queue.enqueue(chain).await.unwrap();
        if ends_well {
            finish(&queue, first).await;
            assert_eq!(result_of(&queue, &name(LENGTH)).await.unwrap(), b"");
        } else {
            queue.cancel(&id(first)).await.unwrap();
            assert_eq!(death_of(&queue, &name(LENGTH)).await, orphaned(&name(LENGTH - 1), "dependency"));
        }
    }
    assert_eq!(counts(&queue).await, [0, 0, 0, 0, LENGTH as u64 + 1]);
}
