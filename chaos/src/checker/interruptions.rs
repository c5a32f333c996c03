//! When processes stood still or ended, and when masters were lost.

use std::collections::HashMap;

use crate::clock::Moment;
use crate::history::{Event, Signal, What};

/// What the faults did to whom, and when.
#[derive(Debug, Default)]
pub(super) struct Interruptions<'a> {
    stops: HashMap<&'a str, Vec<Span>>,
    kills: HashMap<&'a str, Moment>,
    losses: HashMap<u64, Span>,
    end: Moment,
}

/// From one moment to another; open at its end while nothing else is known.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Moment,
    to: Moment,
}

impl<'a> Interruptions<'a> {
    pub(super) fn of(history: &'a [Event]) -> Self {
        let mut found = Self { end: history.last().map_or(0, |event| event.at), ..Self::default() };
        for event in history {
            found.note(event);
        }
        found
    }

    fn note(&mut self, event: &'a Event) {
        let at = event.at;
        match &event.what {
            What::Signal { target, signal: Signal::Stop } => {
                self.stops.entry(target).or_default().push(Span { from: at, to: Moment::MAX });
            }
            What::Signal { target, signal: Signal::Continue } => self.wake(target, at),
            What::Signal { target, signal: Signal::Kill } => {
                self.kills.insert(target, at);
            }
            What::Died { target, .. } => {
                self.kills.entry(target).or_insert(at);
            }
            What::FaultBegins { fault, loses_master: true, .. } => {
                self.losses.insert(*fault, Span { from: at, to: Moment::MAX });
            }
            What::FaultEnds { fault } => {
                if let Some(span) = self.losses.get_mut(fault) {
                    span.to = at;
                }
            }
            _ => {}
        }
    }

    fn wake(&mut self, process: &str, at: Moment) {
        if let Some(span) = self.stops.get_mut(process).and_then(|spans| spans.last_mut()) {
            span.to = span.to.min(at);
        }
    }

    /// When the process was killed, if it was.
    pub(super) fn killed(&self, process: &str) -> Option<Moment> {
        self.kills.get(process).copied()
    }

    /// When the process can have said its last word: the end of the history, if it was not killed before.
    pub(super) fn end_of(&self, process: &str) -> Moment {
        self.killed(process).unwrap_or(self.end)
    }

    /// How long the process could run between two moments.
    pub(super) fn awake(&self, process: &str, from: Moment, to: Moment) -> Moment {
        let still: Moment = self
            .stops
            .get(process)
            .into_iter()
            .flatten()
            .map(|span| span.to.min(to).saturating_sub(span.from.max(from)))
            .sum();
        to.saturating_sub(from).saturating_sub(still)
    }

    /// How many masters were lost.
    pub(super) fn losses(&self) -> usize {
        self.losses.len()
    }

    /// Whether what was acknowledged at this moment can have gone with a master: one was lost then or later. A master
    /// that only stood still acknowledges what waited for it until it learns that it is deposed, so the whole time of the
    /// fault counts.
    pub(super) fn lost_after(&self, acknowledged: Moment) -> bool {
        self.losses.values().any(|span| span.to >= acknowledged)
    }

    /// Whether what was acknowledged at the first moment can have been forgotten by the second.
    pub(super) fn lost_between(&self, first: Moment, second: Moment) -> bool {
        self.losses.values().any(|span| span.to >= first && span.from <= second)
    }
}
