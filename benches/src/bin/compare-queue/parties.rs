//! Who meets where.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::ValueEnum;

use super::lists::Lists;
use super::ours::Backend;
use super::party::{Kind, Party};
use super::peer::{Peer, build};
use super::streams::Streams;

/// The backlog that apalis is given on Redis, again and again. It is the best for it of 500 to 5,000: its locks look
/// through the whole backlog for each task. What larger ones do to it is measured apart.
const APALIS_BACKLOG: usize = 1000;

/// A peer by the name of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(super) enum Name {
    ApalisRedis,
    ApalisSqlite,
    Bullmq,
}

/// The programs of the peers, or why there is none.
pub(super) struct Programs(HashMap<Name, Result<PathBuf, String>>);

impl Programs {
    /// Builds those that were chosen.
    pub(super) fn build(chosen: &[Name]) -> Self {
        let program = |name: &Name| match name.to_possible_value() {
            Some(value) if chosen.contains(name) => build(value.get_name()),
            _ => Err("not asked for; name it in --peers, or leave that away".to_owned()),
        };
        Self(Name::value_variants().iter().map(|name| (*name, program(name))).collect())
    }

    fn peer(&self, name: Name, variant: &'static str) -> Result<Peer, String> {
        let program =
            self.0.get(&name).cloned().unwrap_or_else(|| Err("there is no such peer".to_owned()))?;
        Ok(Peer::new(program, variant))
    }

    fn apalis(&self, variant: &'static str, backlog: usize) -> Kind {
        Kind::Peer(self.peer(Name::ApalisRedis, variant).map(|peer| peer.in_waves(backlog)))
    }
}

/// Those who meet on Redis, alone or as a cluster.
pub(super) fn on_redis(programs: &Programs) -> Vec<Party> {
    let apalis = |variant| {
        Kind::Peer(programs.peer(Name::ApalisRedis, variant).map(|peer| peer.in_waves(APALIS_BACKLOG)))
    };
    let all = [
        ("cofferdam-queue", "ours", Kind::Ours(Backend::Redis)),
        ("apalis-redis, neither locks nor events", "apalis", apalis("fast")),
        ("apalis-redis, as it comes", "apalis_default", apalis("default")),
        ("bullmq-official", "bullmq", Kind::Peer(programs.peer(Name::Bullmq, "default"))),
        ("limit: Streams", "streams", Kind::Streams(Streams { results: false })),
        ("limit: Streams, with results", "streams_results", Kind::Streams(Streams { results: true })),
        ("limit: lists, LMOVE and LREM", "list", Kind::Lists(Lists::Move)),
        ("limit: lists, LPOP, which loses tasks", "list_pop", Kind::Lists(Lists::Pop)),
    ];
    all.into_iter().map(|(name, field, kind)| Party { name, field, kind }).collect()
}

/// apalis with more tasks waiting on Redis than it likes: ever more of a time for its locks, then more than a Lua call
/// can have on its stack.
pub(super) fn apalis_with_backlogs(programs: &Programs) -> Vec<Party> {
    let all = [
        ("apalis-redis, as it comes, 5,000 waiting", "apalis_default_backlog_5000", "default", 5000),
        ("apalis-redis, all tasks waiting", "apalis_backlog_all", "fast", usize::MAX),
    ];
    let party =
        |(name, field, variant, backlog)| Party { name, field, kind: programs.apalis(variant, backlog) };
    all.into_iter().map(party).collect()
}

/// Those who need no server.
pub(super) fn embedded(programs: &Programs) -> Vec<Party> {
    let apalis = |variant| Kind::Peer(programs.peer(Name::ApalisSqlite, variant));
    let all = [
        ("cofferdam-queue, memory", "memory", Kind::Ours(Backend::Memory)),
        ("cofferdam-queue, SQLite, synchronous = FULL", "sqlite", Kind::Ours(Backend::Sqlite)),
        ("apalis-sqlite, synchronous = FULL", "apalis_sqlite", apalis("durable")),
        ("apalis-sqlite, as it comes: synchronous = OFF", "apalis_sqlite_off", apalis("default")),
    ];
    all.into_iter().map(|(name, field, kind)| Party { name, field, kind }).collect()
}
