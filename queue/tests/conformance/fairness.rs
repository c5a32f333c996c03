//! How tenants share the workers.

use std::collections::HashMap;
use std::time::Duration;

use cofferdam_queue::{Limit, Priority, ReapScope};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// What a tenant is charged for a run of which nothing is known.
const FIRST_CHARGE: Duration = Duration::from_millis(100);

fn of(tenant: &str, n: usize) -> NewTask {
    task(&format!("{tenant} {n}")).tenant(label(tenant))
}

async fn fill(queue: &Queue, tenant: &str, tasks: usize) {
    queue.enqueue((0..tasks).map(|n| of(tenant, n)).collect()).await.unwrap();
}

/// The first word of a task's id, which names its tenant.
fn tenant_of(delivery: &Delivery) -> String {
    delivery.lease.task.as_str().split(' ').next().unwrap().to_owned()
}

async fn claim_tenants(queue: &Queue, worker: &WorkerId, max: usize) -> String {
    let claimed = queue.claim(worker, max, LEASE).await.unwrap();
    claimed.iter().map(tenant_of).collect::<Vec<_>>().join(" ")
}

/// Runs so many tasks one after another, each tenant's using so much CPU time, and counts them by tenant.
async fn run(queue: &Queue, runs: usize, used: &[(&str, Duration)]) -> HashMap<String, usize> {
    let me = worker("w");
    let mut counts = HashMap::new();
    for _ in 0..runs {
        let delivery = claim_one(queue, &me).await;
        let tenant = tenant_of(&delivery);
        let used = used.iter().find(|(name, _)| *name == tenant).unwrap().1;
        settle_one(queue, &me, done(&delivery.lease, b"").used(used)).await;
        *counts.entry(tenant).or_default() += 1;
    }
    counts
}

pub(crate) async fn tenants_take_turns_whatever_their_backlog(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    fill(&queue, "a", 50).await;
    fill(&queue, "b", 2).await;
    fill(&queue, "c", 3).await;
    assert_eq!(claim_tenants(&queue, &me, 7).await, "a b c a b c a");
    assert_eq!(claim_tenants(&queue, &me, 4).await, "c a a a");
    // Within a tenant, first come, first served.
    assert_eq!(claim_ids(&queue, &me, 2).await, ["a 6", "a 7"]);
}

pub(crate) async fn a_claim_of_many_is_many_claims_of_one(setup: Setup) {
    let me = worker("w");
    let mut orders = Vec::new();
    for name in ["at once", "one by one"] {
        let queue = Queue::new(setup.broker.clone(), name).unwrap();
        queue.set(Setting::Weight(label("b"), times(270))).await.unwrap();
        for (tenant, tasks) in [("a", 20), ("b", 20), ("c", 5)] {
            fill(&queue, tenant, tasks).await;
        }
        queue.enqueue((0..20).map(|n| task(&format!("nameless {n}"))).collect()).await.unwrap();
        let mut order = Vec::new();
        while order.len() < 65 {
            let max = if name == "at once" { 13 } else { 1 };
            order.extend(claim_ids(&queue, &me, max).await);
        }
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1]);
}

pub(crate) async fn a_weight_buys_more_of_the_workers(setup: Setup) {
    let queue = setup.queue();
    queue.set(Setting::Weight(label("heavy"), times(300))).await.unwrap();
    queue.set(Setting::Weight(label("light"), times(50))).await.unwrap();
    for tenant in ["light", "ordinary", "heavy"] {
        fill(&queue, tenant, 100).await;
    }
    let used = ["light", "ordinary", "heavy"].map(|tenant| (tenant, SECOND));
    let counts = run(&queue, 90, &used).await;
    // One to two to six.
    assert!((9..=11).contains(&counts["light"]), "{counts:?}");
    assert!((19..=21).contains(&counts["ordinary"]), "{counts:?}");
    assert!((59..=61).contains(&counts["heavy"]), "{counts:?}");
    queue.set(Setting::Weight(label("heavy"), times(100))).await.unwrap();
    let counts = run(&queue, 20, &used).await;
    assert!((7..=9).contains(&counts["heavy"]), "{counts:?}");
}

pub(crate) async fn cpu_time_is_shared_not_tasks(setup: Setup) {
    let queue = setup.queue();
    for tenant in ["long", "short"] {
        fill(&queue, tenant, 120).await;
    }
    let used = [("long", 9 * SECOND), ("short", SECOND)];
    let counts = run(&queue, 100, &used).await;
    assert!((9..=12).contains(&counts["long"]), "{counts:?}");
}

pub(crate) async fn a_charge_is_an_estimate_until_the_run_has_ended(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    for tenant in ["a", "b"] {
        fill(&queue, tenant, 30).await;
    }
    // Each is charged the same; then a turns out to have used as much as four such runs, and b nothing to speak of.
    let claimed = queue.claim(&me, 2, LEASE).await.unwrap();
    settle_one(&queue, &me, done(&claimed[0].lease, b"").used(FIRST_CHARGE * 4)).await;
    settle_one(&queue, &me, done(&claimed[1].lease, b"")).await;
    assert_eq!(claim_tenants(&queue, &me, 3).await, "b b b");
    // Both stand at four. From its last run on, a is expected to use four again.
    assert_eq!(claim_tenants(&queue, &me, 6).await, "a b b b b a");
}

pub(crate) async fn a_lost_run_costs_its_charge(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    for tenant in ["a", "b"] {
        fill(&queue, tenant, 30).await;
    }
    assert_eq!(claim_tenants(&queue, &me, 1).await, "a");
    assert_eq!(queue.reap(ReapScope::Worker(me.clone())).await.unwrap().len(), 1);
    assert_eq!(claim_tenants(&queue, &me, 1).await, "b");
    // A cancelled one as well.
    let delivery = claim_one(&queue, &me).await;
    let tenant = tenant_of(&delivery);
    queue.cancel(&delivery.lease.task).await.unwrap();
    assert_ne!(tenant_of(&claim_one(&queue, &me).await), tenant);
}

pub(crate) async fn no_credit_is_saved_up(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    for tenant in ["busy", "idle"] {
        fill(&queue, tenant, 1).await;
    }
    assert_eq!(claim_tenants(&queue, &me, 2).await, "busy idle");
    queue.enqueue((10..60).map(|n| of("busy", n)).collect()).await.unwrap();
    run(&queue, 20, &[("busy", SECOND)]).await;
    // Back after a pause, by whatever road, the idle one shares from now on.
    queue.submit(of("idle", 1).delay(SECOND)).await.unwrap();
    setup.clock.advance(SECOND);
    queue.enqueue((2..30).map(|n| of("idle", n)).collect()).await.unwrap();
    let counts = run(&queue, 20, &[("busy", SECOND), ("idle", SECOND)]).await;
    assert!((9..=11).contains(&counts["idle"]), "{counts:?}");
    // Nor does a newcomer start from nothing.
    fill(&queue, "new", 20).await;
    let used = ["busy", "idle", "new"].map(|tenant| (tenant, SECOND));
    let counts = run(&queue, 15, &used).await;
    assert!((4..=6).contains(&counts["new"]), "{counts:?}");
}

pub(crate) async fn tasks_without_a_tenant_share_as_one(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.enqueue((0..20).map(|n| task(&format!("nameless {n}"))).collect()).await.unwrap();
    fill(&queue, "a", 3).await;
    assert_eq!(claim_tenants(&queue, &me, 5).await, "nameless a nameless a nameless");
    assert_eq!(claim_ids(&queue, &me, 3).await, ["a 2", "nameless 3", "nameless 4"]);
}

pub(crate) async fn without_tenants_nothing_is_reckoned(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    // The tenants that were here once are gone.
    fill(&queue, "z", 1).await;
    assert_eq!(claim_tenants(&queue, &me, 1).await, "z");
    queue.enqueue((0..20).map(|n| task(&format!("nameless {n}"))).collect()).await.unwrap();
    for n in 0..3 {
        let delivery = claim_one(&queue, &me).await;
        assert_eq!(delivery.lease.task, id(&format!("nameless {n}")));
        settle_one(&queue, &me, done(&delivery.lease, b"").used(3600 * SECOND)).await;
    }
    // Had that been put on an account, the tenants would go first for hours.
    fill(&queue, "a", 5).await;
    assert_eq!(claim_tenants(&queue, &me, 4).await, "nameless a nameless a");
}

pub(crate) async fn priority_goes_before_fairness(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    fill(&queue, "modest", 3).await;
    queue.enqueue((0..3).map(|n| of("greedy", n).priority(Priority::High)).collect()).await.unwrap();
    assert_eq!(claim_tenants(&queue, &me, 4).await, "greedy greedy greedy modest");
    // What it used above counts below.
    queue.enqueue((3..6).map(|n| of("greedy", n)).collect()).await.unwrap();
    assert_eq!(claim_tenants(&queue, &me, 4).await, "modest modest greedy greedy");
}

pub(crate) async fn an_account_holds_for_all_classes_of_one_queue(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    let gpu = |tenant, n| of(tenant, n).class(label("gpu"));
    for n in 0..4 {
        queue.enqueue(vec![gpu("a", n), gpu("b", n + 10)]).await.unwrap();
    }
    queue.enqueue(vec![of("a", 20), of("b", 20)]).await.unwrap();
    let places = |count| vec![Places { class: Some(label("gpu")), count }];
    let step = Step::new(me.clone()).claim_places(places(1), LEASE);
    assert_eq!(sorted_ids(&queue.step(step).await.unwrap().claimed), ["a 0"]);
    assert_eq!(claim_tenants(&queue, &me, 2).await, "b a");
    let other = Queue::new(setup.broker.clone(), "other").unwrap();
    other.enqueue(vec![of("a", 0), of("b", 0)]).await.unwrap();
    assert_eq!(claim_tenants(&other, &me, 1).await, "a");
}

pub(crate) async fn a_tenant_before_a_closed_limit_holds_up_nobody(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.set(Setting::Limit(label("l"), Some(Limit::concurrency(times(1))))).await.unwrap();
    queue.enqueue((0..9).map(|n| of("limited", n).limit(label("l"))).collect()).await.unwrap();
    queue.submit(of("limited", 9)).await.unwrap();
    fill(&queue, "free", 9).await;
    let first = claim_one(&queue, &me).await.lease;
    assert_eq!(first.task, id("limited 0"));
    // The one task of the tenant that is not held goes in its turn.
    assert_eq!(claim_ids(&queue, &me, 4).await, ["free 0", "limited 9", "free 1", "free 2"]);
    settle_one(&queue, &me, done(&first, b"")).await;
    // It stood at two charges while the others came to three.
    assert_eq!(claim_ids(&queue, &me, 2).await, ["limited 1", "free 3"]);
}

pub(crate) async fn a_tenant_that_waits_for_a_limit_has_not_left(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    queue.set(Setting::Limit(label("l"), Some(Limit::concurrency(times(1))))).await.unwrap();
    queue.enqueue((0..3).map(|n| of("limited", n).limit(label("l"))).collect()).await.unwrap();
    assert_eq!(claim_tenants(&queue, &me, 3).await, "limited");
    fill(&queue, "free", 20).await;
    run(&queue, 10, &[("free", SECOND)]).await;
    // It was here all the time, so what it missed is due to it.
    queue.enqueue((10..20).map(|n| of("limited", n)).collect()).await.unwrap();
    assert_eq!(claim_tenants(&queue, &me, 5).await, "limited limited limited limited limited");
}

pub(crate) async fn a_task_that_comes_back_keeps_its_place_within_its_tenant(setup: Setup) {
    let queue = setup.queue();
    let me = worker("w");
    for tenant in ["a", "b"] {
        fill(&queue, tenant, 3).await;
    }
    let first = claim_one(&queue, &me).await.lease;
    settle_one(&queue, &me, handed_back(&first)).await;
    assert_eq!(claim_ids(&queue, &me, 2).await, ["b 0", "a 0"]);
    setup.clock.advance(SECOND);
    let retried = claim_one(&queue, &me).await.lease;
    settle_one(&queue, &me, failed(&retried, Duration::ZERO)).await;
    // A retry is ready anew, behind the others of its tenant.
    assert_eq!(retried.task, id("b 1"));
    assert_eq!(claim_ids(&queue, &me, 9).await, ["a 1", "b 2", "a 2", "b 1"]);
}
