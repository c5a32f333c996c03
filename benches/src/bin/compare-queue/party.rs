//! Who takes part, and what a part is: to take tasks in, then to bring each of them to its end.

use super::Problem;
use super::lists::Lists;
use super::meter::{Life, Meter};
use super::ours::{Backend, Ours};
use super::peer::Peer;
use super::raw::Loop;
use super::site::Site;
use super::streams::Streams;
use super::tasks::{Load, Tally};

/// Brings tasks through their lives, and has its phases timed.
pub(super) trait Play {
    /// Answers what came out. Whatever is made ready, or looked at afterwards, is not timed.
    fn play(&mut self, load: &Load, meter: &mut Meter) -> Result<Tally, Problem>;
}

/// One of those that are compared.
#[derive(Clone)]
pub(super) struct Party {
    /// For people.
    pub(super) name: &'static str,
    /// What its fields in the last line begin with.
    pub(super) field: &'static str,
    pub(super) kind: Kind,
}

#[derive(Clone)]
pub(super) enum Kind {
    Ours(Backend),
    Streams(Streams),
    Lists(Lists),
    /// A peer, or why it cannot be measured.
    Peer(Result<Peer, String>),
}

impl Party {
    /// One round of this party, at a site that is clean before and clean again afterwards.
    pub(super) fn play(&self, site: &Site, load: &Load) -> Result<Life, Problem> {
        site.clean()?;
        let outcome = self.play_and_leave(site, load);
        site.clean()?;
        outcome
    }

    fn play_and_leave(&self, site: &Site, load: &Load) -> Result<Life, Problem> {
        let mut meter = Meter::new(site.server())?;
        let tally = self.open(site, load)?.play(load, &mut meter)?;
        load.check(tally)?;
        Ok(meter.life())
    }

    fn open(&self, site: &Site, load: &Load) -> Result<Box<dyn Play>, Problem> {
        let server = || site.server().ok_or("a bare loop needs a server");
        Ok(match &self.kind {
            Kind::Ours(backend) => Box::new(Ours::open(*backend, &site.address()?)?),
            Kind::Streams(streams) => Box::new(Loop::open(*streams, server()?, load)?),
            Kind::Lists(lists) => Box::new(Loop::open(*lists, server()?, load)?),
            Kind::Peer(peer) => Box::new(peer.clone()?.at(site.address()?)),
        })
    }
}
