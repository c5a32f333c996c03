//! The backends that what is built upon a broker is tested on: in memory, in SQLite, on one Redis and on a cluster.
//!
//! Clocks are the stores' own, those of the servers on Redis, unless a case brings one that it moves by hand.
#![allow(dead_code)]

#[cfg(feature = "redis")]
#[path = "../servers/mod.rs"]
mod servers;

#[cfg(feature = "sqlite")]
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "redis")]
use cofferdam_queue::Redis;
#[cfg(feature = "sqlite")]
use cofferdam_queue::Sqlite;
use cofferdam_queue::{AnyBroker, Broker, Clock, ManualClock, Memory, Queue};

#[cfg(feature = "redis")]
use crate::support::PATIENCE;

/// An empty store of one of the kinds.
pub(crate) struct Backend {
    store: Store,
    /// In place of the store's own.
    clock: Option<Arc<dyn Clock>>,
}

enum Store {
    Memory(Memory),
    #[cfg(feature = "sqlite")]
    Sqlite {
        folder: PathBuf,
        _guard: Option<tempfile::TempDir>,
    },
    #[cfg(feature = "redis")]
    Redis {
        urls: String,
        prefix: String,
    },
}

impl Backend {
    pub(crate) fn memory() -> Self {
        Self { store: Store::Memory(Memory::new()), clock: None }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: Store::Sqlite { folder: folder.path().into(), _guard: Some(folder) }, clock: None }
    }

    #[cfg(feature = "redis")]
    pub(crate) fn single() -> Self {
        Self::redis(servers::single())
    }

    #[cfg(feature = "redis")]
    pub(crate) fn cluster() -> Self {
        Self::redis(servers::cluster())
    }

    #[cfg(feature = "redis")]
    fn redis(urls: String) -> Self {
        Self { store: Store::Redis { urls, prefix: servers::prefix() }, clock: None }
    }

    /// The store of another process, from what that one was told by [`place`](Self::place).
    #[cfg(feature = "sqlite")]
    pub(crate) fn at(place: &str) -> Self {
        let store = match place.split_once(' ') {
            #[cfg(feature = "redis")]
            Some((prefix, urls)) if urls.starts_with("redis") => {
                Store::Redis { urls: urls.to_owned(), prefix: prefix.to_owned() }
            }
            _ => Store::Sqlite { folder: place.into(), _guard: None },
        };
        Self { store, clock: None }
    }

    /// Where other processes find the store.
    #[cfg(feature = "sqlite")]
    pub(crate) fn place(&self) -> String {
        match &self.store {
            Store::Memory(_) => panic!("no other process can see this memory"),
            Store::Sqlite { folder, .. } => folder.to_str().unwrap().to_owned(),
            #[cfg(feature = "redis")]
            Store::Redis { urls, prefix } => format!("{prefix} {urls}"),
        }
    }

    /// Leases and delays are measured on this clock.
    pub(crate) fn with_clock(mut self, clock: &ManualClock) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock.clone());
        match &mut self.store {
            Store::Memory(memory) => *memory = Memory::with_clock(clock),
            #[cfg(any(feature = "sqlite", feature = "redis"))]
            _ => self.clock = Some(clock),
        }
        self
    }

    /// A broker that shares nothing with others but the store, as that of another process; in memory there is only one.
    pub(crate) async fn broker(&self) -> AnyBroker {
        match &self.store {
            Store::Memory(memory) => memory.clone().into_any(),
            #[cfg(feature = "sqlite")]
            Store::Sqlite { folder, .. } => {
                let builder = Sqlite::builder(folder.join("queue.sqlite3"));
                let builder = self.clock.iter().cloned().fold(builder, |builder, clock| builder.clock(clock));
                builder.open().await.unwrap().into_any()
            }
            #[cfg(feature = "redis")]
            Store::Redis { urls, prefix } => {
                // The servers are shared with other tests, and a busy machine is no failure.
                let builder = Redis::builder(urls).prefix(prefix).deadline(PATIENCE);
                let builder = self.clock.iter().cloned().fold(builder, |builder, clock| builder.clock(clock));
                builder.connect().await.unwrap().into_any()
            }
        }
    }

    /// The queue "q" at a broker of its own.
    pub(crate) async fn queue(&self) -> Queue {
        Queue::new(self.broker().await, "q").unwrap()
    }
}

/// Makes a test of each case for each backend.
#[macro_export]
macro_rules! on_every_backend {
    (@$backend:ident $($case:ident)*) => {
        mod $backend {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(super::Backend::$backend()).await;
                }
            )*
        }
    };
    ($($case:ident)*) => {
        on_every_backend!(@memory $($case)*);
        #[cfg(feature = "sqlite")]
        on_every_backend!(@sqlite $($case)*);
        #[cfg(feature = "redis")]
        on_every_backend!(@single $($case)*);
        #[cfg(feature = "redis")]
        on_every_backend!(@cluster $($case)*);
    };
}
