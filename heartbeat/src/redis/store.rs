//! The store as the crate shows it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::access::Access;
use super::builder::RedisStoreBuilder;
use super::documents::Documents;
use super::era::{Era, Look};
use super::keys::{Keys, read_index};
use super::nodes::Nodes;
use super::patience::Patience;
use super::refusal::Refusal;
use super::router::Router;
use crate::{Entry, Error, Listing, Store};

/// Heartbeats in Redis or Valkey, on one server or a cluster.
///
/// ```no_run
/// use cofferdam_heartbeat::{Monitor, Publisher, RedisStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cofferdam_heartbeat::Error> {
/// let store = RedisStore::connect("redis://beats:secret@10.0.0.1:6379,redis://beats:secret@10.0.0.2:6379").await?;
/// let publisher = Publisher::builder(store.clone(), "worker-1").build()?;
/// let mut monitor = Monitor::builder(store).build()?;
/// for worker in monitor.observe().await?.iter() {
///     println!("{} is {}", worker.worker_id, worker.liveness.as_str());
/// }
/// publisher.stop().await
/// # }
/// ```
///
/// # Connections
/// They are opened by the calls that need them, on the runtime of the call, and again after a failure. Each clone has
/// its own: a publisher holds one connection to a single server and two at most to a cluster, which are its document's
/// and the index's, and while it finds its way one more; a monitor holds one to each master.
///
/// # What happens when servers fail
/// A call tries again, and asks the cluster who serves now, until its timeout is over. Everything that this store
/// writes may be written twice without harm. What a failover lost comes back with each worker's next beat, and until
/// then nobody is called dead: [`Listing::era`] changes with another master, another run of one, a jump of its clock,
/// and as long as a master refuses writes.
pub struct RedisStore {
    setup: Arc<Setup>,
    router: Router,
    era: Mutex<Era>,
}

/// What all clones share.
pub(super) struct Setup {
    pub(super) access: Arc<Access>,
    pub(super) keys: Keys,
    pub(super) cluster: bool,
    pub(super) timeout: Duration,
}

impl RedisStore {
    /// Reaches the server or cluster at this URL, with the settings of [`builder`](Self::builder).
    ///
    /// # Errors
    /// Those of [`RedisStoreBuilder::connect`].
    pub async fn connect(url: impl Into<String>) -> Result<Self, Error> {
        Self::builder(url).connect().await
    }

    /// Begins to describe a store at this URL: `redis://user:password@host:port/database`, where all but the host may
    /// be left out, or `rediss://…` with the feature `redis-tls`. Several with commas between are nodes of a cluster,
    /// of which one must answer. Special characters of the password, the comma among them, are percent-encoded.
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.into())
    }

    pub(super) fn new(setup: Setup) -> Self {
        Self::with(Arc::new(setup))
    }

    fn with(setup: Arc<Setup>) -> Self {
        let nodes = Nodes::new(Arc::clone(&setup.access));
        let router = match setup.access.seeds.as_slice() {
            [server] if !setup.cluster => Router::single(nodes, server.clone()),
            _ => Router::cluster(nodes),
        };
        Self { setup, router, era: Mutex::default() }
    }

    fn patience(&self) -> Patience {
        Patience::new(self.setup.timeout)
    }

    async fn write(&self, worker_id: &str, document: &str, ttl: Duration) -> Result<(), Refusal> {
        let (keys, patience) = (&self.setup.keys, self.patience());
        // The document first: an id in the index without one would look like a worker that fell silent.
        let set = [keys.set(worker_id, document, ttl)];
        self.router.call(keys.document_slot(worker_id), &set, &patience).await?;
        let put = [keys.index_put(worker_id, ttl)];
        self.router.call(keys.index_slot(), &put, &patience).await.map(drop)
    }

    async fn remove(&self, worker_id: &str) -> Result<(), Refusal> {
        let (keys, patience) = (&self.setup.keys, self.patience());
        // Both at once: one that cannot be carried out must not keep the other waiting until no time is left.
        let (delete, del) = (keys.index_delete(worker_id), [keys.del(worker_id)]);
        let unlisted = self.router.call(keys.index_slot(), &delete, &patience);
        let gone = self.router.call(keys.document_slot(worker_id), &del, &patience);
        let (unlisted, gone) = tokio::join!(unlisted, gone);
        unlisted.and(gone).map(drop)
    }

    async fn look(&self) -> Result<Listing, Refusal> {
        let (keys, patience) = (&self.setup.keys, self.patience());
        let asked = Instant::now();
        let answers = self.router.call(keys.index_slot(), &keys.index_list(), &patience).await?;
        let answered = Instant::now();
        let (time, seen) = read_index(&answers).ok_or(Refusal::Index)?;
        let workers: Vec<String> = seen.iter().map(|(worker_id, _)| worker_id.clone()).collect();
        let mut documents = Documents::read(&self.router, keys, &workers, &patience).await?;
        let entries = seen.into_iter().map(|(worker_id, seen)| Entry {
            document: documents.found.remove(&worker_id),
            worker_id,
            age: time.saturating_sub(seen),
        });
        let entries = entries.collect();
        let look = Look { servers: documents.servers, time, asked, answered, doubtful: documents.doubtful };
        // The era is whole after every statement, so a poisoned lock is used on.
        let era = self.era.lock().unwrap_or_else(PoisonError::into_inner).after(look);
        Ok(Listing { entries, era })
    }
}

/// A clone opens connections of its own, so that it may live on another runtime.
impl Clone for RedisStore {
    fn clone(&self) -> Self {
        Self::with(Arc::clone(&self.setup))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("seeds", &self.setup.access)
            .field("cluster", &self.setup.cluster)
            .finish_non_exhaustive()
    }
}

impl Store for RedisStore {
    async fn put(&self, worker_id: &str, document: String, ttl: Duration) -> Result<(), Error> {
        self.write(worker_id, &document, ttl).await.map_err(|refusal| Error::store("put", refusal))
    }

    async fn delete(&self, worker_id: &str) -> Result<(), Error> {
        self.remove(worker_id).await.map_err(|refusal| Error::store("delete", refusal))
    }

    async fn list(&self) -> Result<Listing, Error> {
        self.look().await.map_err(|refusal| Error::store("list", refusal))
    }

    async fn forget(&self, worker_id: &str) -> Result<(), Error> {
        let keys = &self.setup.keys;
        let forget = [keys.index_forget(worker_id)];
        let forgotten = self.router.call(keys.index_slot(), &forget, &self.patience()).await;
        forgotten.map(drop).map_err(|refusal| Error::store("forget", refusal))
    }
}
