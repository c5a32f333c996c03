//! The Redis broker beside servers that are wrong, full, restarted, frozen or gone: each is a clear error with its
//! remedy within the deadline, and no task is lost silently.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../heartbeat/tests/common/server.rs"]
#[allow(dead_code)]
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cofferdam_queue::{
    Broker, Clock, DeathReason, Durability, Ending, Error, ErrorKind, Lease, NewTask, Queue, ReapScope,
    Redis, Section, Setting, Settlement, TaskId, TaskState, Topic, Verdict, WorkerId,
};
use server::{Cluster, Server, cli};

const DEADLINE: Duration = Duration::from_secs(2);
const LEASE: Duration = Duration::from_secs(30);

async fn refusal(url: &str) -> String {
    let begun = Instant::now();
    let error = Redis::builder(url).deadline(DEADLINE).connect().await.unwrap_err();
    assert!(begun.elapsed() < DEADLINE * 3, "{error} came after {:?}", begun.elapsed());
    let mut text = format!("{error} | {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(&format!(" | {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

async fn queue_on(server: &Server) -> Queue {
    let broker = Redis::builder(&server.url()).deadline(DEADLINE).connect().await.unwrap();
    Queue::new(broker, "q").unwrap()
}

fn task(name: &str) -> NewTask {
    NewTask::new(name).id(TaskId::new(name).unwrap())
}

fn id(name: &str) -> TaskId {
    TaskId::new(name).unwrap()
}

fn worker() -> WorkerId {
    WorkerId::new("w").unwrap()
}

/// The key of the only shard of the queue "q".
fn key(name: &str) -> String {
    format!("cofferdam:{{q}}:{name}")
}

#[tokio::test]
async fn a_wrong_address_is_named_with_what_would_be_right() {
    assert!(refusal("localhost:6379").await.contains("write redis://"));
    assert!(refusal("").await.contains("there is none"));
    assert!(refusal("redis://:p%zz@h/x").await.contains("cannot be read"));
    assert!(refusal("redis://127.0.0.1:1/").await.contains("check that it runs and can be reached"));
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_shown_nowhere() {
    let server = Server::start(&["--requirepass", "r1ght"]);
    let with = |user: &str, password: &str| format!("redis://{user}:{password}@{}/", server.address());
    for url in [with("", "wr0ng"), with("nobody", "wr0ng"), server.url()] {
        let said = refusal(&url).await;
        assert!(said.contains("check user, password and ACL rules"), "{said}");
        assert!(!said.contains("wr0ng") && !said.contains("r1ght"), "{said}");
    }
    let broker = Redis::connect(&with("", "r1ght")).await.unwrap();
    assert!(!format!("{broker:?}").contains("r1ght"));
    assert!(broker.queues().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_user_of_the_acl_may_use_a_queue_and_no_more() {
    let server = Server::start(&["--user", "worker", "on", ">pass", "~cofferdam:*", "&cofferdam:*", "+@all"]);
    let url = format!("redis://worker:pass@{}/", server.address());
    let queue = Queue::new(Redis::connect(&url).await.unwrap(), "q").unwrap();
    queue.submit(task("a")).await.unwrap();
    assert_eq!(queue.claim(&worker(), 1, LEASE).await.unwrap().len(), 1);
    let other = Redis::builder(&url).prefix("elsewhere").connect().await.unwrap();
    let error = Queue::new(other, "q").unwrap().submit(task("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnusableServer, "{error}");
    assert!(error.to_string().contains("ACL"), "{error}");
}

#[tokio::test]
async fn a_server_that_evicts_is_refused() {
    let server = Server::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let said = refusal(&server.url()).await;
    assert!(said.contains("allkeys-lru") && said.contains("set maxmemory-policy to noeviction"), "{said}");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let master = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    let said = refusal(&replica.url()).await;
    assert!(said.contains("read-only replica"), "{said}");
}

#[tokio::test]
async fn a_cluster_without_all_its_slots_is_refused() {
    let server = Server::start(&["--cluster-enabled", "yes"]);
    let said = refusal(&server.url()).await;
    assert!(said.contains("0 of 16384 slots") && said.contains("redis-cli --cluster"), "{said}");
    cli(server.port, &["CLUSTER", "ADDSLOTSRANGE", "0", "16000"]);
    let said = refusal(&server.url()).await;
    assert!(said.contains("16001 of 16384 slots"), "{said}");
}

#[tokio::test]
async fn a_full_server_keeps_what_it_has_and_can_be_worked_off() {
    let server = Server::start(&["--maxmemory", "6mb"]);
    let queue = queue_on(&server).await;
    let mut kept = 0_u64;
    let error = loop {
        match queue.submit(NewTask::new(vec![7; 100_000])).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1000, "6 MB hold no hundred megabytes");
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert_eq!(queue.stats().await.unwrap().total().ready, kept);
    cli(server.port, &["CONFIG", "SET", "maxmemory", "50mb"]);
    assert_eq!(queue.claim(&worker(), 500, LEASE).await.unwrap().len() as u64, kept);
}

#[tokio::test]
async fn scripts_that_were_flushed_are_sent_again() {
    let server = Server::start(&[]);
    let queue = queue_on(&server).await;
    queue.submit(task("a")).await.unwrap();
    cli(server.port, &["SCRIPT", "FLUSH"]);
    queue.submit(task("b")).await.unwrap();
    cli(server.port, &["SCRIPT", "FLUSH"]);
    assert_eq!(queue.claim(&worker(), 2, LEASE).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_starts_again_is_found_again() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let queue = queue_on(&server).await;
    queue.submit(task("a")).await.unwrap();
    server.kill();
    let begun = Instant::now();
    let error = queue.submit(task("b")).await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error}");
    assert!(begun.elapsed() < DEADLINE + Duration::from_secs(1), "{:?}", begun.elapsed());
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.submit(task("c")).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.start_again();
    waiting.await.unwrap().unwrap();
    let claimed = queue.claim(&worker(), 3, LEASE).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|delivery| delivery.lease.task.as_str()).collect();
    assert!(ids.contains(&"a") && ids.contains(&"c"), "{ids:?}");
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_deadline() {
    let server = Server::start(&[]);
    let queue = queue_on(&server).await;
    queue.submit(task("a")).await.unwrap();
    server.freeze();
    let begun = Instant::now();
    let error = queue.claim(&worker(), 1, LEASE).await.unwrap_err();
    assert!(begun.elapsed() < DEADLINE + Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(matches!(error, Error::Unanswered { .. }), "{error}");
    server.thaw();
    // The claim was carried out when the server woke, and nobody heard of it: the task comes back with its lease.
    let claimed = queue.claim(&worker(), 1, LEASE).await.unwrap();
    let leased = queue.stats().await.unwrap().total().leased;
    assert_eq!(leased, 1, "the task is in one hand, and {} were claimed", claimed.len());
}

#[tokio::test]
async fn a_server_that_is_slow_to_take_a_connection_is_waited_for() {
    let server = Server::start(&[]);
    server.freeze();
    let broker = tokio::spawn({
        let url = server.url();
        async move { Redis::builder(&url).deadline(DEADLINE * 3).connect().await }
    });
    // Longer than a connection may take.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    server.thaw();
    assert!(broker.await.unwrap().unwrap().queues().await.unwrap().is_empty());
    server.freeze();
    let begun = Instant::now();
    let error = Redis::builder(&server.url()).deadline(DEADLINE).connect().await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { waited, .. } if waited >= DEADLINE), "{error}");
    assert!(begun.elapsed() < DEADLINE * 3, "{error} came after {:?}", begun.elapsed());
    server.thaw();
}

#[tokio::test]
async fn a_step_that_is_repeated_finds_what_it_had_claimed() {
    let server = Server::start(&[]);
    let queue = queue_on(&server).await;
    queue.enqueue((0..5).map(|n| task(&n.to_string())).collect()).await.unwrap();
    server.freeze();
    let claim = tokio::spawn({
        let queue = queue.clone();
        async move { queue.claim(&worker(), 3, LEASE).await }
    });
    // Long enough for one try to give up, not for the call to.
    tokio::time::sleep(DEADLINE / 3 + Duration::from_millis(300)).await;
    server.thaw();
    assert_eq!(claim.await.unwrap().unwrap().len(), 3);
    let total = queue.stats().await.unwrap().total();
    assert_eq!((total.ready, total.leased), (2, 3));
}

#[tokio::test]
async fn a_record_of_a_newer_version_is_kept_as_a_dead_letter() {
    let server = Server::start(&[]);
    let queue = queue_on(&server).await;
    queue.enqueue(vec![task("newer"), task("damaged"), task("whole")]).await.unwrap();
    let script = "local b = redis.call('HGET', KEYS[1], ARGV[1])
        redis.call('HSET', KEYS[1], ARGV[1], string.sub(b, 1, 20) .. '\\9' .. string.sub(b, 22))";
    cli(server.port, &["EVAL", script, "1", &key("body"), "newer"]);
    // It says that it is extended, and nothing follows.
    let script = "local b = redis.call('HGET', KEYS[1], ARGV[1])
        redis.call('HSET', KEYS[1], ARGV[1], string.sub(b, 1, 21) .. '\\1' .. string.sub(b, 23, 40))";
    cli(server.port, &["EVAL", script, "1", &key("body"), "damaged"]);
    let claimed = queue.claim(&worker(), 10, LEASE).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].lease.task, id("whole"));
    for (name, remedy) in [("newer", "upgrade"), ("damaged", "enqueue it again")] {
        match queue.state(&id(name)).await.unwrap() {
            Some(TaskState::Dead { reason: DeathReason::Unreadable, error, .. }) => {
                assert!(error.contains(remedy), "{error}");
            }
            other => panic!("{name} is {other:?}"),
        }
    }
    assert_eq!(queue.peek(Section::Dead, 10).await.unwrap().len(), 2);
    assert_eq!(queue.replay(vec![id("newer")]).await.unwrap(), [false]);
    assert_eq!(queue.stats().await.unwrap().total().dead, 2);
}

/// A clock that is set by hand, backwards as well.
struct Wrong(std::sync::atomic::AtomicU64);

impl Clock for Wrong {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_clock_that_jumps_costs_a_run_and_never_a_result() {
    let server = Server::start(&[]);
    let clock = Arc::new(Wrong(1_000_000.into()));
    let broker = Redis::builder(&server.url()).clock(clock.clone()).connect().await.unwrap();
    let queue = Queue::new(broker, "q").unwrap();
    queue.submit(task("a")).await.unwrap();
    let me = worker();
    let first = queue.claim(&me, 1, LEASE).await.unwrap().remove(0);
    let jump = |to: u64| clock.0.store(to, std::sync::atomic::Ordering::SeqCst);
    // An hour back: the lease lasts longer, and the queue goes on.
    jump(1_000_000 - 3600);
    assert!(queue.reap(ReapScope::Expired).await.unwrap().is_empty());
    queue.submit(task("b")).await.unwrap();
    assert_eq!(queue.claim(&me, 1, LEASE).await.unwrap().len(), 1);
    // A day forward: the leases end early, and of two runs one is recorded.
    jump(1_000_000 + 86_400);
    assert_eq!(queue.reap(ReapScope::Expired).await.unwrap().len(), 2);
    let again = queue.claim(&me, 2, LEASE).await.unwrap();
    let second = again.iter().find(|delivery| delivery.lease.task == id("a")).unwrap();
    let settle =
        |lease: &Lease, result: &[u8]| vec![Settlement::new(lease.clone(), Ending::Done(result.to_vec()))];
    assert_eq!(queue.settle(&me, settle(&first.lease, b"first")).await.unwrap(), [Verdict::LeaseLost]);
    assert_eq!(queue.settle(&me, settle(&second.lease, b"second")).await.unwrap(), [Verdict::Recorded]);
    let state = queue.state(&id("a")).await.unwrap();
    assert!(matches!(state, Some(TaskState::Done { result, .. }) if result == b"second"));
}

#[tokio::test]
async fn what_others_do_is_heard_without_a_poll() {
    let server = Server::start(&[]);
    let far = Duration::from_secs(600);
    let open = async || Redis::builder(&server.url()).poll_interval(far).connect().await.unwrap();
    let (here, there) = (Queue::new(open().await, "q").unwrap(), Queue::new(open().await, "q").unwrap());
    let mut work = here.listen(&Topic::Ready);
    tokio::time::sleep(Duration::from_millis(300)).await;
    there.submit(task("a")).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), work.changed(far)).await.expect("work is announced");

    let waiting = tokio::spawn(async move { here.wait(&id("a"), Duration::from_secs(60)).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let me = worker();
    let delivery = there.claim(&me, 1, LEASE).await.unwrap().remove(0);
    there.settle(&me, vec![Settlement::new(delivery.lease, Ending::Done(b"r".to_vec()))]).await.unwrap();
    let state = tokio::time::timeout(Duration::from_secs(4), waiting).await.expect("the end is announced");
    assert!(matches!(state.unwrap().unwrap(), TaskState::Done { result, .. } if result == b"r"));
}

#[tokio::test]
async fn replicated_calls_are_answered_when_a_replica_has_them() {
    let master = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let builder = || Redis::builder(&master.url()).durability(Durability::Replicated(1)).deadline(DEADLINE);
    let alone =
        Queue::new(builder().confirm_within(Duration::from_millis(100)).connect().await.unwrap(), "q")
            .unwrap();
    let error = alone.submit(task("a")).await.unwrap_err();
    assert!(matches!(error, Error::NotReplicated { wanted: 1, confirmed: 0, .. }), "{error}");
    // It took effect on the master all the same, and by its id it may be repeated.
    assert_eq!(alone.stats().await.unwrap().total().ready, 1);

    let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    let begun = Instant::now();
    while !cli(replica.port, &["INFO", "replication"]).contains("master_link_status:up") {
        assert!(begun.elapsed() < Duration::from_secs(30), "the replica does not follow");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let queue = Queue::new(builder().connect().await.unwrap(), "q").unwrap();
    queue.submit(task("a")).await.unwrap();
    queue.submit(task("b")).await.unwrap();
    assert_eq!(cli(replica.port, &["HEXISTS", &key("body"), "b"]).trim(), "1");
    let me = worker();
    let claimed = queue.claim(&me, 2, LEASE).await.unwrap();
    let done = |name: &str| {
        let delivery = claimed.iter().find(|delivery| delivery.lease.task == id(name)).unwrap();
        vec![Settlement::new(delivery.lease.clone(), Ending::Done(b"r".to_vec()))]
    };
    assert_eq!(queue.settle(&me, done("a")).await.unwrap(), [Verdict::Recorded]);
    replica.freeze();
    let quick =
        Queue::new(builder().confirm_within(Duration::from_millis(200)).connect().await.unwrap(), "q")
            .unwrap();
    assert_eq!(quick.settle(&me, done("b")).await.unwrap(), [Verdict::Unanswered]);
    replica.thaw();
    assert_eq!(queue.settle(&me, done("b")).await.unwrap(), [Verdict::Recorded]);
}

#[tokio::test]
async fn a_master_that_fails_over_is_followed() {
    let mut cluster = Cluster::start(&[]);
    let deadline = Duration::from_secs(10);
    let broker = Redis::builder(&cluster.urls()).deadline(deadline).connect().await.unwrap();
    let queue = Queue::new(broker, "q").unwrap();
    queue.enqueue((0..200).map(|n| task(&n.to_string())).collect()).await.unwrap();
    let (master, replica) = cluster.serving("{q/0.0}");
    // The replica has it all before its master goes.
    assert_eq!(cli(cluster.nodes[master].port, &["WAIT", "1", "5000"]).trim(), "1");
    cluster.nodes[master].kill();
    let begun = Instant::now();
    let during = tokio::spawn({
        let queue = queue.clone();
        async move { queue.enqueue((200..300).map(|n| task(&n.to_string())).collect()).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(cli(cluster.nodes[replica].port, &["CLUSTER", "FAILOVER", "TAKEOVER"]).trim(), "OK");
    let taken_over = Instant::now();
    during.await.unwrap().unwrap();
    assert!(taken_over.elapsed() < Duration::from_secs(2), "{:?} after the failover", taken_over.elapsed());
    assert!(begun.elapsed() < deadline, "{:?}", begun.elapsed());
    let mut claimed = 0;
    loop {
        let some = queue.claim(&worker(), 500, LEASE).await.unwrap();
        if some.is_empty() {
            break;
        }
        claimed += some.len();
    }
    assert_eq!(claimed, 300);
}

#[tokio::test]
async fn one_dead_master_does_not_stop_the_work_on_the_others() {
    let mut cluster = Cluster::start(&["--cluster-require-full-coverage", "no"]);
    let broker = Redis::builder(&cluster.urls()).deadline(DEADLINE).connect().await.unwrap();
    let queue = Queue::new(broker, "q").unwrap();
    queue.enqueue((0..300).map(|n| task(&n.to_string())).collect()).await.unwrap();
    let me = worker();
    let held = queue.claim(&me, 300, LEASE).await.unwrap();
    assert_eq!(held.len(), 300);
    let (master, _) = cluster.serving("{q/0.0}");
    cluster.nodes[master].kill();
    let done = held.iter().map(|delivery| Settlement::new(delivery.lease.clone(), Ending::Done(Vec::new())));
    let verdicts = queue.settle(&me, done.collect()).await.unwrap();
    let count = |verdict: Verdict| verdicts.iter().filter(|one| **one == verdict).count();
    let (recorded, unanswered) = (count(Verdict::Recorded), count(Verdict::Unanswered));
    assert_eq!(recorded + unanswered, 300);
    assert!((50..250).contains(&unanswered), "{unanswered} of 300 lie on one of three masters");
}

/// Whether a call gave up in time: a deadline for itself and a moment for the rest of the program.
async fn within_a_deadline<T>(name: &str, call: impl Future<Output = Result<T, Error>>) {
    let begun = Instant::now();
    let answer = call.await;
    assert!(begun.elapsed() < DEADLINE + Duration::from_secs(1), "{name} took {:?}", begun.elapsed());
    let error = answer.err().unwrap_or_else(|| panic!("{name} cannot know of what it did not reach"));
    assert!(matches!(error, Error::Unanswered { .. }), "{name}: {error}");
}

#[tokio::test]
async fn a_master_that_hangs_costs_every_call_one_deadline() {
    let mut cluster = Cluster::start(&["--cluster-require-full-coverage", "no"]);
    let broker = Redis::builder(&cluster.urls()).deadline(DEADLINE).connect().await.unwrap();
    let queue = Queue::new(broker, "q").unwrap();
    queue.enqueue((0..30).map(|n| task(&n.to_string())).collect()).await.unwrap();
    // Ids that nobody knows are asked for everywhere, in a second wave.
    let ids: Vec<TaskId> = (100..160).map(|n| id(&n.to_string())).collect();
    let (master, replica) = cluster.serving("{q/0.0}");
    // Nobody takes over what the master leaves.
    cluster.nodes[replica].kill();
    cluster.nodes[master].freeze();
    within_a_deadline("states", queue.states(ids.clone())).await;
    within_a_deadline("cancel", queue.cancel_all(ids.clone())).await;
    within_a_deadline("replay", queue.replay(ids)).await;
    within_a_deadline("reap", queue.reap(ReapScope::Expired)).await;
    within_a_deadline("forget", queue.forget(Duration::ZERO)).await;
    within_a_deadline("purge", queue.purge(Section::Dead)).await;
    within_a_deadline("peek", queue.peek(Section::Ready, 10)).await;
    within_a_deadline("stats", queue.stats()).await;
    within_a_deadline("set", queue.set(Setting::QuarantineAfter(None))).await;
    // Work is looked for elsewhere, without a wait.
    let begun = Instant::now();
    let mut claimed = 0;
    for _ in 0..12 {
        claimed += queue.claim(&worker(), 1, LEASE).await.unwrap().len();
    }
    assert_eq!(claimed, 12);
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    // And there again once it answers.
    cluster.nodes[master].thaw();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(queue.claim(&worker(), 30, LEASE).await.unwrap().len(), 18);
}

#[cfg(feature = "redis-tls")]
#[tokio::test]
async fn a_certificate_of_an_own_authority_is_trusted_when_named_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    server::certificates(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, authority) = (path("server.crt"), path("server.key"), path("ca.crt"));
    let tls = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &authority];
    let server = Server::start_with_tls(
        &[&tls[..], &["--tls-auth-clients", "no", "--requirepass", "over%wire"]].concat(),
    );
    let url = format!("rediss://:over%25wire@{}/", server.address());
    let roots = std::fs::read(&authority).unwrap();
    let broker = Redis::builder(&url).root_certificates(roots).connect().await.unwrap();
    let queue = Queue::new(broker, "q").unwrap();
    queue.submit(task("a")).await.unwrap();
    assert_eq!(queue.claim(&worker(), 1, LEASE).await.unwrap().len(), 1);

    let said = refusal(&url).await;
    assert!(!said.contains("wire"), "{said}");
    assert!(
        refusal(&url.replace("rediss", "redis")).await.contains("check that it runs"),
        "plain text is not TLS"
    );
    let error = Redis::builder(&url).root_certificates("no PEM").connect().await.unwrap_err();
    assert!(error.to_string().contains("BEGIN CERTIFICATE"), "{error}");
}
