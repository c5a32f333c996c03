//! Bare loops over one type of Redis: what no queue on top of that type can do better.
//!
//! They do the least that a queue must do and nothing else: no identity, no attempts, no deadline, no result unless it is
//! said. On a cluster each master has loops of its own, over a key of its own.

use std::thread;

use redis::{Connection, Pipeline, Value};

use super::Problem;
use super::meter::{Meter, Phase};
use super::party::Play;
use super::servers::Server;
use super::tasks::{Load, Tally};

/// What a bare loop says to Redis. All of a trip is one write and one read.
pub(super) trait Raw: Sync {
    /// What must be there before anything is pushed.
    fn prepare(&self, key: &str) -> Pipeline;

    fn push(&self, key: &str, payloads: &[Vec<u8>]) -> Pipeline;

    /// Acknowledges what was claimed before and claims more.
    fn step(&self, key: &str, hand: usize, settle: &[Claimed], claim: usize) -> Pipeline;

    /// Reads the answers to a step.
    ///
    /// # Errors
    ///
    /// When an acknowledgement did not count.
    fn claimed(&self, settled: usize, answers: Vec<Value>) -> Result<Vec<Claimed>, Problem>;
}

pub(super) struct Claimed {
    pub(super) id: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// Some hands that do the same, each on its own connection.
pub(super) struct Loop<R> {
    raw: R,
    hands: Vec<Hand>,
}

struct Hand {
    connection: Connection,
    key: String,
}

impl<R: Raw> Loop<R> {
    /// As many hands for each master as it takes to have as many as the load says.
    pub(super) fn open(raw: R, server: &Server, load: &Load) -> Result<Self, Problem> {
        let each = load.hands.div_ceil(server.masters.len());
        let mut hands = Vec::new();
        for master in &server.masters {
            let key = format!("{}:raw", master.tag()?);
            let prepare = raw.prepare(&key);
            if !prepare.is_empty() {
                prepare.exec(&mut master.connect()?)?;
            }
            for _ in 0..each {
                hands.push(Hand { connection: master.connect()?, key: key.clone() });
            }
        }
        Ok(Self { raw, hands })
    }

    fn enqueue(&mut self, load: &Load) -> Result<Tally, Problem> {
        let parts = self.hands.len();
        self.on_all_hands(|raw, hand, number| {
            for payloads in load.portions(number, parts) {
                raw.push(&hand.key, &payloads).exec(&mut hand.connection)?;
            }
            Ok(Tally::default())
        })
    }

    fn work(&mut self, load: &Load) -> Result<Tally, Problem> {
        self.on_all_hands(|raw, hand, number| {
            let (mut tally, mut claimed) = (Tally::default(), Vec::new());
            loop {
                let step = raw.step(&hand.key, number, &claimed, load.batch);
                let answers = step.query(&mut hand.connection)?;
                claimed = raw.claimed(claimed.len(), answers)?;
                if claimed.is_empty() {
                    return Ok(tally);
                }
                for one in &claimed {
                    tally.add(&one.payload)?;
                }
            }
        })
    }

    fn on_all_hands(
        &mut self,
        work: impl Fn(&R, &mut Hand, usize) -> Result<Tally, Problem> + Sync,
    ) -> Result<Tally, Problem> {
        let (raw, work) = (&self.raw, &work);
        thread::scope(|scope| {
            let hands = self.hands.iter_mut().enumerate();
            let threads: Vec<_> =
                hands.map(|(number, hand)| scope.spawn(move || work(raw, hand, number))).collect();
            threads.into_iter().try_fold(Tally::default(), |tally, thread| {
                let one = thread.join().unwrap_or_else(|_| Err("a hand's thread ended early".into()))?;
                Ok(tally.and(one))
            })
        })
    }
}

impl<R: Raw> Play for Loop<R> {
    fn play(&mut self, load: &Load, meter: &mut Meter) -> Result<Tally, Problem> {
        meter.time(Phase::Enqueue, || self.enqueue(load))?;
        meter.time(Phase::Work, || self.work(load))
    }
}
