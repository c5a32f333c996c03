//! How often tasks of one limit start.

use std::num::NonZeroU64;
use std::time::Duration;

use cofferdam_queue::Limit;

use super::limits::{fill, limited, set};
use super::*;

/// So many starts within so many seconds.
fn starts(starts: u32, seconds: u64) -> Limit {
    Limit::rate(times(starts), NonZeroU64::new(seconds * 1000).unwrap())
}

pub(crate) async fn a_rate_allows_a_burst_and_then_even_starts(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", Some(starts(3, 30))).await;
    fill(&queue, "l", 12).await;
    let millisecond = Duration::from_millis(1);
    let claim = async || claim_all(&queue, &me).await.len();
    assert_eq!(claim().await, 3);
    for _ in 0..3 {
        setup.clock.advance(Duration::from_secs(10) - millisecond);
        assert_eq!(claim().await, 0);
        setup.clock.advance(millisecond);
        assert_eq!(claim().await, 1);
    }
    // Time that nobody used comes back as a burst, but not more than one.
    setup.clock.advance(Duration::from_secs(20));
    assert_eq!(claim().await, 2);
    setup.clock.advance(Duration::from_secs(3600));
    assert_eq!(claim().await, 3);
    assert_eq!(claim().await, 0);
}

pub(crate) async fn a_rate_counts_starts_whatever_comes_of_them(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    set(&queue, "l", Some(starts(2, 20))).await;
    queue.submit(limited("a", "l")).await.unwrap();
    for ending in [handed_back, |lease: &Lease| failed(lease, Duration::ZERO)] {
        let lease = claim_one(&queue, &me).await.lease;
        settle_one(&queue, &me, ending(&lease)).await;
    }
    queue.submit(task("free")).await.unwrap();
    assert_eq!(sorted_ids(&claim_all(&queue, &me).await), ["free"]);
    setup.clock.advance(Duration::from_secs(10));
    assert_eq!(sorted_ids(&claim_all(&queue, &me).await), ["a"]);
}

pub(crate) async fn a_rate_and_a_bound_on_concurrency_hold_together(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let both = Limit::concurrency(times(2)).and_rate(times(3), NonZeroU64::new(30_000).unwrap());
    set(&queue, "l", Some(both)).await;
    fill(&queue, "l", 9).await;
    let running = claim_all(&queue, &me).await;
    assert_eq!(running.len(), 2);
    for lease in running.iter().map(|one| &one.lease) {
        settle_one(&queue, &me, done(lease, b"")).await;
    }
    // There is room for two, but the burst has one start left.
    assert_eq!(claim_all(&queue, &me).await.len(), 1);
    setup.clock.advance(Duration::from_secs(100));
    // Now the rate would allow three.
    assert_eq!(claim_all(&queue, &me).await.len(), 1);
}

pub(crate) async fn another_rate_begins_anew_and_the_same_goes_on(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let hourly = Some(starts(1, 3600));
    set(&queue, "l", hourly).await;
    fill(&queue, "l", 9).await;
    assert_eq!(claim_all(&queue, &me).await.len(), 1);
    // Every program that starts may say the same again without granting a burst.
    set(&queue, "l", hourly).await;
    assert!(claim_all(&queue, &me).await.is_empty());
    // The state of a slow rate does not hold up a fast one.
    set(&queue, "l", Some(starts(2, 1))).await;
    assert_eq!(claim_all(&queue, &me).await.len(), 2);
    set(&queue, "l", None).await;
    set(&queue, "l", hourly).await;
    assert_eq!(claim_all(&queue, &me).await.len(), 1);
}
