//! What calls cost in steps of SQLite's machine, counted, so that a cost that grows with the backlog is found on a busy
//! machine as well.

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::ledger::Ledger;
use super::schema;
use crate::random::TokenSource;
use crate::{
    Bound, Ending, Label, Limit, NewTask, Places, QueueName, Setting, Settlement, Step, StepReply, WorkerId,
};

const LEASE: Duration = Duration::from_secs(60);
const SMALL: usize = 200;
const LARGE: usize = 20_000;

/// A file, worked on without a thread.
struct Book {
    _folder: tempfile::TempDir,
    connection: Connection,
    tokens: TokenSource,
    queue: QueueName,
    worker: WorkerId,
    now: i64,
    steps: Arc<AtomicU64>,
}

impl Book {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (connection, _) = schema::open(&folder.path().join("queue.sqlite3"), LEASE).unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&steps);
        let count = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        };
        connection.progress_handler(1, Some(count)).unwrap();
        let (queue, worker) = (QueueName::new("q").unwrap(), WorkerId::new("w").unwrap());
        Self { _folder: folder, connection, tokens: TokenSource::new(), queue, worker, now: 1_000, steps }
    }

    /// Does something in one transaction, and answers how many steps it took.
    fn cost<T>(&self, work: impl FnOnce(&Ledger<'_>) -> T) -> (T, u64) {
        self.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let ledger = Ledger {
            connection: &self.connection,
            now: self.now,
            tokens: &self.tokens,
            max_bytes: None,
            news: RefCell::default(),
            moved: Cell::new(0),
        };
        let before = self.steps.load(Ordering::Relaxed);
        let answer = work(&ledger);
        let cost = self.steps.load(Ordering::Relaxed) - before;
        self.connection.execute_batch("COMMIT").unwrap();
        (answer, cost)
    }

    fn fill(&self, tasks: usize, task: impl Fn(usize) -> NewTask) {
        let tasks: Vec<_> = (0..tasks).map(task).collect();
        for batch in tasks.chunks(500) {
            self.cost(|ledger| ledger.enqueue(&self.queue, batch, Bound::default()).unwrap());
        }
    }

    fn step(&self, step: Step) -> (StepReply, u64) {
        self.cost(|ledger| ledger.step(&self.queue, &step).unwrap())
    }

    fn set(&self, setting: &Setting) -> u64 {
        self.cost(|ledger| ledger.on_new(&self.queue, |facts| ledger.set(facts, setting)).unwrap()).1
    }

    /// The dearest of several whole lives: enqueued, looked for, claimed, settled. Each claims what was there before.
    fn life(&self, task: impl Fn(usize) -> NewTask) -> u64 {
        let mut dearest = 0;
        for round in 0..6 {
            let new = [task(round)];
            let (_, enqueue) =
                self.cost(|ledger| ledger.enqueue(&self.queue, &new, Bound::default()).unwrap());
            let places = [Places { class: None, count: 1 }];
            let (found, look) = self.cost(|ledger| {
                let facts = ledger.facts(&self.queue).unwrap().unwrap();
                ledger.has_ready(&facts, &places).unwrap()
            });
            assert!(found);
            let (reply, claim) = self.step(Step::new(self.worker.clone()).claim(1, LEASE));
            assert_eq!(reply.claimed.len(), 1);
            let lease = reply.claimed[0].lease.clone();
            let ending = Settlement::new(lease, Ending::Done(vec![])).used(Duration::from_millis(3));
            let (_, settle) = self.step(Step::new(self.worker.clone()).settle(vec![ending]));
            // The first lives may have to sort out what was enqueued; that is not for each to pay.
            if round >= 2 {
                dearest = dearest.max(enqueue + look + claim + settle);
            }
        }
        dearest
    }
}

fn label(kind: &str, number: usize) -> Label {
    Label::new(&format!("{kind} {number}")).unwrap()
}

fn one() -> Limit {
    Limit::concurrency(NonZeroU32::MIN)
}

/// Holds the dearest life beside a large backlog against that beside a small one.
fn assert_flat(life: impl Fn(usize) -> u64) {
    let (small, large) = (life(SMALL), life(LARGE));
    assert!(large <= small + small / 4 + 20, "{small} steps beside {SMALL}, {large} beside {LARGE}");
}

#[test]
fn a_life_costs_the_same_beside_a_backlog() {
    assert_flat(|size| {
        let book = Book::new();
        book.fill(size, |_| NewTask::new("x"));
        book.life(|_| NewTask::new("x"))
    });
}

#[test]
fn tasks_that_use_nothing_pay_for_nothing() {
    let book = Book::new();
    let plain = book.life(|_| NewTask::new("x"));
    // A life of few steps: a feature that is looked at on the way of every task would be seen here.
    assert!(plain < 700, "{plain} steps");
}

#[test]
fn a_closed_limit_before_others_is_skipped_as_a_whole() {
    assert_flat(|size| {
        let book = Book::new();
        book.set(&Setting::Limit(label("limit", 0), Some(one())));
        book.fill(size, |_| NewTask::new("x").limit(label("limit", 0)));
        assert_eq!(book.step(Step::new(book.worker.clone()).claim(5, LEASE)).0.claimed.len(), 1);
        book.life(|_| NewTask::new("x"))
    });
}

#[test]
fn any_number_of_closed_limits_before_others_is_skipped() {
    assert_flat(|size| {
        let book = Book::new();
        let size = size / 4;
        for number in 0..size {
            book.set(&Setting::Limit(label("limit", number), Some(one())));
        }
        book.fill(3 * size, |number| NewTask::new("x").limit(label("limit", number % size)));
        while !book.step(Step::new(book.worker.clone()).claim(500, LEASE)).0.claimed.is_empty() {}
        book.life(|_| NewTask::new("x"))
    });
}

#[test]
fn a_limit_that_opens_and_closes_moves_but_one_of_its_tenants() {
    assert_flat(|size| {
        let book = Book::new();
        book.set(&Setting::Limit(label("limit", 0), Some(one())));
        let limited =
            |number| NewTask::new("x").limit(label("limit", 0)).tenant(label("tenant", number % (size / 2)));
        book.fill(size, limited);
        book.life(limited)
    });
}

#[test]
fn any_number_of_tenants_may_wait() {
    assert_flat(|size| {
        let book = Book::new();
        let task = |number| NewTask::new("x").tenant(label("tenant", number % (size / 2)));
        book.fill(size, task);
        book.life(task)
    });
}

#[test]
fn tasks_without_a_tenant_may_have_any_number_of_limits() {
    assert_flat(|size| {
        let book = Book::new();
        book.fill(size, |number| NewTask::new("x").limit(label("limit", number)));
        book.life(|number| NewTask::new("x").tenant(label("tenant", number)))
    });
}

#[test]
fn any_number_of_delayed_tenants_costs_nothing() {
    assert_flat(|size| {
        let book = Book::new();
        book.fill(size, |number| NewTask::new("x").tenant(label("tenant", number)).delay(LEASE));
        book.life(|_| NewTask::new("x"))
    });
}

#[test]
fn a_setting_costs_the_same_beside_any_number_of_held_tasks() {
    assert_flat(|size| {
        let book = Book::new();
        book.set(&Setting::Limit(label("limit", 0), Some(one())));
        book.fill(size, |number| NewTask::new("x").limit(label("limit", 0)).tenant(label("tenant", number)));
        while !book.step(Step::new(book.worker.clone()).claim(500, LEASE)).0.claimed.is_empty() {}
        book.set(&Setting::Limit(label("limit", 0), None))
    });
}

#[test]
fn reaping_finds_what_is_gone_among_any_number_of_leases() {
    assert_flat(|size| {
        let mut book = Book::new();
        book.fill(1, |_| NewTask::new("x"));
        book.step(Step::new(book.worker.clone()).claim(1, Duration::from_secs(1)));
        book.fill(size, |_| NewTask::new("x"));
        while !book.step(Step::new(book.worker.clone()).claim(500, LEASE)).0.claimed.is_empty() {}
        book.now += 2_000;
        let (reaped, cost) = book.cost(|ledger| {
            let facts = ledger.facts(&book.queue).unwrap().unwrap();
            ledger.reap(&facts, &crate::ReapScope::Expired, 10).unwrap()
        });
        assert_eq!(reaped.len(), 1);
        cost
    });
}
