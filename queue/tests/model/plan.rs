//! What may happen to a queue: few names and short times, so that what happens meets itself again and again.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

/// How many different task ids there are.
pub(crate) const IDS: u8 = 12;

/// The ids below this one mostly form one group, in which each waits for lower ones: those that are likely to be there.
const FAMILY: u8 = 6;

/// One call, or the passing of time.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Pass(Duration),
    Enqueue { tasks: Vec<Draft>, most_ready: Option<u64>, oldest: Option<Duration> },
    Step { worker: u8, settle: Vec<(Pick, End, Duration)>, claim: Vec<(Option<u8>, usize)> },
    Renew { worker: u8, leases: Vec<Pick>, lease: Duration },
    Note { worker: u8, notes: Vec<(Pick, Option<u8>, Option<u8>)> },
    Reap { worker: Option<u8>, max: usize },
    Cancel(Vec<u8>),
    Replay(Vec<u8>),
    Purge { section: usize, max: usize },
    Forget { age: Duration, max: usize },
    Set(Change),
}

/// A task, by the numbers of its names.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) id: u8,
    pub(crate) payload: u8,
    pub(crate) priority: usize,
    pub(crate) delay: Duration,
    pub(crate) attempts: u32,
    pub(crate) crashes: u32,
    pub(crate) class: Option<u8>,
    pub(crate) tenant: Option<u8>,
    pub(crate) code: Option<u8>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) marker: bool,
    pub(crate) tie: Tie,
}

impl Draft {
    /// What a worker would be given.
    pub(crate) fn payload(&self) -> Vec<u8> {
        if self.marker { Vec::new() } else { vec![self.payload] }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Tie {
    None,
    Group { group: u8, after: Vec<u8>, tolerant: bool },
    Limit(u8),
    Unique { key: u8, span: Span, replace: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    Done,
    Started,
    For(Duration),
}

/// Which of all deliveries that were ever made, counted from the latest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pick(pub(crate) usize);

#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Done,
    Failed(Duration),
    Rejected,
    Crashed(Duration),
    HandedBack,
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Mode(u8),
    Limit { name: u8, concurrency: Option<u32>, rate: Option<(u32, u64)> },
    Lift(u8),
    Weight(u8, u32),
    QuarantineAfter(Option<u32>),
    Quarantine(u8),
    Release(u8),
}

fn times(choices: &'static [u64]) -> impl Strategy<Value = Duration> {
    prop::sample::select(choices).prop_map(Duration::from_millis)
}

/// The latest deliveries are the ones that still count, so they are picked most.
fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![9 => 0_usize..6, 1 => 0_usize..60].prop_map(Pick)
}

fn tie() -> impl Strategy<Value = Tie> {
    let span =
        prop_oneof![Just(Span::Done), Just(Span::Started), times(&[0, 1000, 5000]).prop_map(Span::For)];
    prop_oneof![
        1 => Just(Tie::None),
        1 => (0_u8..2, vec(0..IDS, 0..4), any::<bool>())
            .prop_map(|(group, after, tolerant)| Tie::Group { group, after, tolerant }),
        4 => (0_u8..2).prop_map(Tie::Limit),
        3 => (0_u8..2, span, any::<bool>())
            .prop_map(|(key, span, replace)| Tie::Unique { key, span, replace }),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let names = (0..IDS, any::<u8>(), weighted(0.2, 0_u8..2), weighted(0.6, 0_u8..3), weighted(0.4, 0_u8..2));
    let nature = (0_usize..3, 1_u32..4, 1_u32..4, prop::bool::weighted(0.1));
    let when = (times(&[0, 0, 0, 1, 1000, 5000]), weighted(0.2, times(&[0, 1000, 5000])));
    let parents = (weighted(0.9, vec(any::<u8>(), 0..3)), any::<bool>());
    (names, nature, when, tie(), parents).prop_map(|(names, nature, (delay, deadline), tie, parents)| {
        let (id, payload, class, tenant, code) = names;
        let tie = match parents {
            (Some(parents), tolerant) if id < FAMILY => {
                let after = parents.into_iter().filter(|_| id > 0).map(|parent| parent % id.max(1)).collect();
                Tie::Group { group: 0, after, tolerant }
            }
            _ => tie,
        };
        let (priority, attempts, crashes, marker) = nature;
        Draft { id, payload, priority, delay, attempts, crashes, class, tenant, code, deadline, marker, tie }
    })
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        5 => Just(End::Done),
        2 => times(&[0, 2000]).prop_map(End::Failed),
        1 => Just(End::Rejected),
        2 => times(&[0, 1000]).prop_map(End::Crashed),
        1 => Just(End::HandedBack),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let rate = (1_u32..4, prop::sample::select(&[999_u64, 5000, 10_000][..]));
    prop_oneof![
        3 => prop::sample::select(&[0_u8, 0, 1, 2][..]).prop_map(Change::Mode),
        4 => (0_u8..2, weighted(0.7, 1_u32..3), weighted(0.4, rate))
            .prop_map(|(name, concurrency, rate)| Change::Limit { name, concurrency, rate }),
        1 => (0_u8..2).prop_map(Change::Lift),
        1 => (0_u8..3, prop::sample::select(&[50_u32, 100, 300][..]))
            .prop_map(|(tenant, weight)| Change::Weight(tenant, weight)),
        1 => weighted(0.7, 1_u32..5).prop_map(Change::QuarantineAfter),
        1 => (0_u8..2).prop_map(Change::Quarantine),
        2 => (0_u8..2).prop_map(Change::Release),
    ]
}

/// A limit on concurrency and one on the rate are there from the start: so many acts later few would be left.
pub(crate) fn plan() -> impl Strategy<Value = Vec<Act>> {
    let limits = (1_u32..3, (1_u32..4, prop::sample::select(&[999_u64, 5000][..])));
    (limits, vec(act(), 1..80)).prop_map(|((tasks, rate), mut acts)| {
        let limit = |name, concurrency, rate| Act::Set(Change::Limit { name, concurrency, rate });
        acts.splice(..0, [limit(0, Some(tasks), None), limit(1, None, Some(rate))]);
        acts
    })
}

fn act() -> impl Strategy<Value = Act> {
    let enqueue = (vec(draft(), 1..6), weighted(0.1, 0_u64..12), weighted(0.1, times(&[0, 1000])));
    let used = times(&[0, 0, 20, 500, 2000]);
    let settle = vec((pick(), end(), used), 0..4);
    let claim = prop_oneof![
        3 => (1_usize..6).prop_map(|count| vec![(None, count)]),
        1 => vec((weighted(0.2, 0_u8..2), 0_usize..6), 0..3),
    ];
    prop_oneof![
        6 => enqueue.prop_map(|(tasks, most_ready, oldest)| Act::Enqueue { tasks, most_ready, oldest }),
        10 => (0_u8..3, settle, claim).prop_map(|(worker, settle, claim)| Act::Step { worker, settle, claim }),
        3 => times(&[1, 999, 1000, 5000, 40_000]).prop_map(Act::Pass),
        1 => (0_u8..3, vec(pick(), 1..4), times(&[1, 1000, 30_000]))
            .prop_map(|(worker, leases, lease)| Act::Renew { worker, leases, lease }),
        1 => (0_u8..3, vec((pick(), weighted(0.5, any::<u8>()), weighted(0.5, any::<u8>())), 1..4))
            .prop_map(|(worker, notes)| Act::Note { worker, notes }),
        2 => (weighted(0.3, 0_u8..3), 0_usize..5).prop_map(|(worker, max)| Act::Reap { worker, max }),
        1 => vec(0..IDS, 1..3).prop_map(Act::Cancel),
        1 => vec(0..IDS, 1..4).prop_map(Act::Replay),
        1 => (0_usize..5, 0_usize..4).prop_map(|(section, max)| Act::Purge { section, max }),
        1 => (times(&[0, 5000]), 0_usize..5).prop_map(|(age, max)| Act::Forget { age, max }),
        2 => change().prop_map(Act::Set),
    ]
}
