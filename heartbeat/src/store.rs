//! Where documents live between a publisher and a monitor.

use std::future::Future;
use std::time::Duration;

use crate::Error;

/// What the promised keys begin with.
pub(crate) const PREFIX: &str = "worker:heartbeat";

/// The key of a worker's document: `worker:heartbeat:{worker_id}` with the id put in.
///
/// The braces are not part of the key, so it carries no hash tag: on a cluster, workers spread over all slots.
#[must_use]
pub fn key(worker_id: &str) -> String {
    format!("{PREFIX}:{worker_id}")
}

/// A place for documents that expire by themselves, with an index of the workers beside it.
///
/// The index is what makes a death visible: an id that stands in the index without a document belongs to a worker
/// that fell silent, while a worker that stopped in order took its id out. It also spares a search over all keys.
///
/// An implementation must answer within a bounded time or be dropped: publisher and monitor drop the future of a
/// call that takes too long, so a dropped future must leave nothing half-written that a next `put` does not mend.
/// A publisher calls from a runtime of its own thread; a store with connections opens them inside the call, so
/// that they live on the runtime that uses them.
pub trait Store: Clone + Send + Sync + 'static {
    /// Writes the document under [`key`], to expire after `ttl`, and puts the id into the index.
    fn put(
        &self,
        worker_id: &str,
        document: String,
        ttl: Duration,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes away the document and the index entry. An id that is not there is no error.
    fn delete(&self, worker_id: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// All workers in the index, in any order.
    fn list(&self) -> impl Future<Output = Result<Listing, Error>> + Send;

    /// Takes an id whose document expired out of the index. A worker that wrote again meanwhile must stay, or
    /// come back with its next `put`.
    fn forget(&self, worker_id: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What a store knows at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// All workers in the index, in any order.
    pub entries: Vec<Entry>,
    /// A number that changes when the store may have lost what was written, or aged it, although every call succeeded:
    /// a failover to a server that had not heard everything, a restart without data, a jump of its clock. While the
    /// store reads but does not write, it is another one each time. A monitor then waits one full TTL before it calls
    /// anyone dead. A store that cannot lose anything always gives the same.
    pub era: u64,
}

/// A worker as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The worker's id.
    pub worker_id: String,
    /// Time since the last `put` by the store's own clock, so that no two machines need agree about the time.
    pub age: Duration,
    /// The document, unless it expired.
    pub document: Option<String>,
}
