//! The broker that keeps tasks in Redis or Valkey, on one server or over all masters of a cluster.
//!
//! Every change is one function on one shard, so it happens as a whole or not at all; the functions are in `lua/`. Time is
//! the server's. Nothing here may wait on a connection that others need: renewals and calls that wait for replicas have
//! links of their own, and announcements are heard on a third.

mod address;
mod builder;
mod control;
mod ears;
mod enqueue;
mod io;
mod link;
mod news;
mod probe;
mod record;
mod script;
mod shard;
mod step;
mod topology;
mod upkeep;
mod values;
mod view;

pub use builder::RedisBuilder;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::Value;
use tokio::time::Instant;

use crate::clock::millis;
use crate::limits::{check_count, check_enqueue, check_lease, check_notes, check_step};
use crate::random::TokenSource;
use crate::signal::Hub;
use crate::{
    Bound, Broker, Cancelled, Clock, Enqueued, Error, Lease, Listener, NewTask, Note, QueueName,
    QueueSettings, QueueStats, ReapScope, Reaped, Section, Setting, Step, StepReply, TaskId, TaskState,
    TaskView, Topic, WorkerId, WorkerLoad,
};
use address::Addresses;
use ears::Ears;
use io::Io;
use link::{Confirmation, Link, Reply};
use script::{Function, LIBRARY, Request};
use shard::{Shard, Shards};

/// What an answered call is worth when the master that answered it is lost right after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// What the master had not passed on to a replica yet is lost. That is Redis' usual promise: fast, and no promise
    /// about the last moments before a failover.
    Async,
    /// Enqueues and settlements are answered when so many replicas have them; otherwise the call fails with
    /// [`Error::NotReplicated`], after it took effect on the master. Repeat it by the same ids.
    Replicated(usize),
}

/// A broker on Redis 7 or Valkey 8: one server, or a cluster, over all of whose masters each queue is spread. Cheap to
/// clone; clones are the same broker.
///
/// On a cluster, order and priority are strict within a shard and approximate across shards; tasks of one group lie on
/// one shard. While a master does not answer, tasks are claimed on the others alone. The server must not evict keys, which
/// is checked at the start.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    io: Io,
    data: Arc<Link>,
    renewals: Arc<Link>,
    durable: Arc<Link>,
    ears: Ears,
    hub: Arc<Hub>,
    shown: String,
    prefix: String,
    shards: u16,
    confirmation: Option<Confirmation>,
    poll: Duration,
    clock: Option<Arc<dyn Clock>>,
    tokens: TokenSource,
    queues: Mutex<HashMap<QueueName, Shards>>,
}

impl Redis {
    /// Reaches the servers at these URLs, with the settings of [`builder`](Self::builder).
    ///
    /// # Errors
    /// As for [`RedisBuilder::connect`].
    pub async fn connect(urls: &str) -> Result<Self, Error> {
        Self::builder(urls).connect().await
    }

    /// Settings for a broker at these URLs, separated by commas: `redis://[user:password@]host:port[/database]`, or
    /// `rediss://` for TLS. Whether they belong to a cluster is found out; then a few of its nodes are enough.
    pub fn builder(urls: &str) -> RedisBuilder {
        RedisBuilder::new(urls)
    }

    fn new(settings: RedisBuilder, io: Io, addresses: &Addresses, clustered: bool, shards: u16) -> Self {
        let link = || Arc::new(Link::new(addresses.clone(), clustered, settings.deadline));
        let (data, hub) = (link(), Arc::new(Hub::default()));
        let confirmation = match settings.durability {
            Durability::Async => None,
            Durability::Replicated(replicas) => {
                Some(Confirmation { replicas, within: settings.confirmation })
            }
        };
        let ears = Ears::new(addresses.clone(), Arc::clone(&data), Arc::clone(&hub));
        let inner = Inner {
            io,
            data,
            renewals: link(),
            durable: link(),
            ears,
            hub,
            shown: addresses.shown(),
            prefix: settings.prefix,
            shards,
            confirmation,
            poll: settings.poll,
            clock: settings.clock,
            tokens: TokenSource::new(),
            queues: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The shards of a queue, whose number was fixed when it was first used, for one call that begins now.
    async fn shards(&self, queue: &QueueName) -> Result<Shards, Error> {
        self.shards_until(queue, Instant::now() + self.inner.data.deadline).await
    }

    async fn shards_until(&self, queue: &QueueName, until: Instant) -> Result<Shards, Error> {
        if let Some(known) = self.known_shards(queue) {
            return Ok(known.by(until));
        }
        let shards = self.inner.fix_shards(queue, until).await?;
        let mut queues = self.inner.queues.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(queues.entry(queue.clone()).or_insert(shards).clone().by(until))
    }

    fn known_shards(&self, queue: &QueueName) -> Option<Shards> {
        self.inner.queues.lock().unwrap_or_else(PoisonError::into_inner).get(queue).cloned()
    }
}

impl Inner {
    /// Reads how many shards a queue has, or decides it for all.
    async fn fix_shards(&self, queue: &QueueName, until: Instant) -> Result<Shards, Error> {
        let action = "look up the queue";
        let names = self.registry();
        let name = queue.as_str().as_bytes().to_vec();
        let known = Request::command(
            action,
            "HSETNX",
            &names,
            vec![names.first_key(), name.clone(), self.shards.to_string().into_bytes()],
        );
        self.call(&self.data, known.by(Some(until))).await?;
        let count = Request::command(action, "HGET", &names, vec![names.first_key(), name]);
        let count = values::integer(&self.call(&self.data, count.by(Some(until))).await?)?;
        let count = u16::try_from(count).ok().filter(|count| *count > 0);
        Ok(Shards::new(&self.prefix, queue, count.ok_or(Error::Corrupt { what: "number of shards" })?))
    }

    /// Where the names of all queues lie, each with the number of its shards.
    fn registry(&self) -> Arc<Shard> {
        Arc::new(Shard::of_key(format!("{}:queues", self.prefix)))
    }

    async fn names(&self, until: Instant) -> Result<Vec<QueueName>, Error> {
        let names = self.registry();
        let request = Request::command("list queues", "HKEYS", &names, vec![names.first_key()]);
        let request = request.by(Some(until));
        let mut found = Vec::new();
        for name in values::array(self.call(&self.data, request).await?)? {
            found.push(QueueName::new(values::text(&name)?)?);
        }
        found.sort();
        Ok(found)
    }

    /// Whether a queue holds any record or any setting that is not the usual one.
    async fn holds_anything(&self, shards: &Shards) -> Result<bool, Error> {
        for answer in self.ask_all(&LIBRARY.holds, shards, &Args::default()).await {
            if values::integer(&answer?)? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A call of a function, whose first two arguments are the same for all.
    fn request(
        &self,
        function: &'static Function,
        shards: &Shards,
        shard: &Arc<Shard>,
        args: Args,
    ) -> Request {
        let now = self.clock.as_ref().map_or_else(String::new, |clock| millis(clock.now()).to_string());
        let mut all = vec![now.into_bytes(), shards.channel().as_bytes().to_vec()];
        all.extend(args.0);
        Request::function(function, shard, all).by(shards.until())
    }

    async fn call(&self, link: &Arc<Link>, request: Request) -> Result<Value, Error> {
        let link = Arc::clone(link);
        Ok(self.io.run(async move { link.call(request, None).await }).await?.value)
    }

    /// Carries calls out at the same time and answers in their order. One that fails does not stop the others.
    async fn call_all(&self, link: &Arc<Link>, requests: Vec<Request>) -> Vec<Result<Value, Error>> {
        let replies = self.together(link, None, requests).await;
        replies.into_iter().map(|reply| reply.map(|reply| reply.value)).collect()
    }

    /// Carries out calls that are only worth something once enough replicas have them. The answer tells whether they do.
    async fn call_confirmed(&self, requests: Vec<Request>) -> Vec<Result<(Value, Result<(), Error>), Error>> {
        let wait = self.confirmation;
        let link = if wait.is_some() { &self.durable } else { &self.data };
        let replies = self.together(link, wait, requests).await;
        let answer = |reply: Reply| (reply.value, enough(wait, reply.confirmed));
        replies.into_iter().map(|reply| reply.map(answer)).collect()
    }

    async fn together(
        &self,
        link: &Arc<Link>,
        wait: Option<Confirmation>,
        requests: Vec<Request>,
    ) -> Vec<Result<Reply, Error>> {
        let start = |request| {
            let link = Arc::clone(link);
            self.io.spawn(async move { link.call(request, wait).await })
        };
        let calls: Vec<_> = requests.into_iter().map(start).collect();
        let mut replies = Vec::with_capacity(calls.len());
        for call in calls {
            replies.push(call.await.unwrap_or(Err(Error::Closed)));
        }
        replies
    }

    /// One call for each shard, in their order.
    async fn ask_all(
        &self,
        function: &'static Function,
        shards: &Shards,
        args: &Args,
    ) -> Vec<Result<Value, Error>> {
        let requests =
            shards.all().iter().map(|shard| self.request(function, shards, shard, args.clone())).collect();
        self.call_all(&self.data, requests).await
    }
}

fn enough(wait: Option<Confirmation>, confirmed: usize) -> Result<(), Error> {
    match wait {
        Some(Confirmation { replicas, within }) if confirmed < replicas => {
            Err(Error::NotReplicated { wanted: replicas, confirmed, waited: within })
        }
        _ => Ok(()),
    }
}

/// The arguments of a function beyond those that all have.
#[derive(Clone, Default)]
struct Args(Vec<Vec<u8>>);

impl Args {
    fn text(mut self, text: &str) -> Self {
        self.0.push(text.as_bytes().to_vec());
        self
    }

    fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.push(bytes.into());
        self
    }

    fn number(self, number: impl TryInto<i64>) -> Self {
        let number = number.try_into().unwrap_or(i64::MAX);
        self.bytes(number.to_string())
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("servers", &self.inner.shown).finish_non_exhaustive()
    }
}

impl Broker for Redis {
    async fn enqueue(
        &self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
    ) -> Result<Vec<Enqueued>, Error> {
        check_enqueue(&tasks)?;
        let shards = self.shards(queue).await?;
        let answers = self.inner.enqueue(queue, &shards, &tasks, bound).await?;
        self.inner.hub.tell(queue, &news::of_enqueue(&answers));
        Ok(answers)
    }

    async fn step(&self, queue: &QueueName, step: Step) -> Result<StepReply, Error> {
        check_step(&step)?;
        let shards = self.shards(queue).await?;
        let reply = self.inner.step(&shards, &step).await?;
        self.inner.hub.tell(queue, &news::of_step(&step, &reply));
        Ok(reply)
    }

    async fn renew(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Result<Vec<TaskId>, Error> {
        check_count("leases", leases.len())?;
        check_lease(lease)?;
        let shards = self.shards(queue).await?;
        self.inner.renew(&shards, worker, &leases, lease).await
    }

    async fn reap(&self, queue: &QueueName, scope: ReapScope, max: usize) -> Result<Vec<Reaped>, Error> {
        check_count("tasks", max)?;
        let shards = self.shards(queue).await?;
        let reaped = self.inner.reap(&shards, &scope, max).await?;
        self.inner.hub.tell(queue, &news::of_reap(&reaped));
        Ok(reaped)
    }

    async fn note(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        notes: Vec<Note>,
    ) -> Result<Vec<TaskId>, Error> {
        check_notes(&notes)?;
        let shards = self.shards(queue).await?;
        self.inner.note(&shards, worker, notes).await
    }

    async fn cancel(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Cancelled>, Error> {
        check_count("ids", tasks.len())?;
        let shards = self.shards(queue).await?;
        self.inner.cancel(&shards, &tasks).await
    }

    async fn replay(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<bool>, Error> {
        check_count("ids", tasks.len())?;
        let shards = self.shards(queue).await?;
        self.inner.replay(&shards, &tasks).await
    }

    async fn purge(&self, queue: &QueueName, section: Section, max: usize) -> Result<u64, Error> {
        check_count("tasks", max)?;
        let shards = self.shards(queue).await?;
        self.inner.purge(&shards, section, max).await
    }

    async fn peek(&self, queue: &QueueName, section: Section, max: usize) -> Result<Vec<TaskView>, Error> {
        check_count("tasks", max)?;
        let shards = self.shards(queue).await?;
        self.inner.peek(&shards, section, max).await
    }

    async fn set(&self, queue: &QueueName, setting: Setting) -> Result<(), Error> {
        let shards = self.shards(queue).await?;
        self.inner.set(&shards, setting).await?;
        self.inner.hub.tell(queue, &news::of_work());
        Ok(())
    }

    async fn settings(&self, queue: &QueueName) -> Result<QueueSettings, Error> {
        let shards = self.shards(queue).await?;
        self.inner.settings(&shards).await
    }

    async fn workers(&self, queue: &QueueName) -> Result<Vec<WorkerLoad>, Error> {
        let shards = self.shards(queue).await?;
        self.inner.workers(&shards).await
    }

    async fn queues(&self) -> Result<Vec<QueueName>, Error> {
        let until = Instant::now() + self.inner.data.deadline;
        let mut queues = Vec::new();
        for queue in self.inner.names(until).await? {
            let shards = self.shards_until(&queue, until).await?;
            if self.inner.holds_anything(&shards).await? {
                queues.push(queue);
            }
        }
        Ok(queues)
    }

    async fn lookup(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        check_count("ids", tasks.len())?;
        let shards = self.shards(queue).await?;
        self.inner.lookup(queue, &shards, &tasks).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, Error> {
        let shards = self.shards(queue).await?;
        self.inner.stats(&shards).await
    }

    async fn forget(&self, queue: &QueueName, age: Duration, max: usize) -> Result<u64, Error> {
        check_count("records", max)?;
        let shards = self.shards(queue).await?;
        self.inner.forget(&shards, age, max).await
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        let listener = self.inner.hub.listen(queue, topic).polling(self.inner.poll);
        // A queue that this broker has not used yet is looked up first, which takes a call.
        let (broker, queue, topic) = (self.clone(), queue.clone(), topic.clone());
        self.inner.io.spawn(async move {
            match broker.shards(&queue).await {
                Ok(shards) => broker.inner.ears.listen(&broker.inner.io, &queue, &shards, &topic),
                Err(error) => tracing::debug!(%error, "changes are looked for without announcements"),
            }
        });
        listener
    }
}
