//! Hearing of changes that others made.
//!
//! Functions announce only what somebody asked for: an idle worker asks to hear of work, a caller who waits names its task.
//! One connection hears the announcements of all shards, since a cluster passes them to every node. It may break, and a
//! request may come too late; so those who listen also look by themselves now and then, and nothing depends on being
//! heard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::aio::PubSubSink;
use futures_util::StreamExt;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::sleep;

use super::address::Addresses;
use super::io::Io;
use super::link::Link;
use super::news;
use super::script::{LIBRARY, Request};
use super::shard::{Shard, Shards};
use crate::signal::{Hub, News};
use crate::{QueueName, TaskId, Topic};

/// For how long an idle worker wants to hear of work: somewhat longer than it takes to ask again.
const IDLE: Duration = Duration::from_secs(3);

/// How often the wish of idle workers is renewed.
const RENEW: Duration = Duration::from_secs(1);

/// How long to pause before a connection that broke is made again.
const PAUSE: Duration = Duration::from_millis(200);

/// What one broker listens to.
#[derive(Clone)]
pub(super) struct Ears {
    shared: Arc<Shared>,
}

struct Shared {
    addresses: Addresses,
    link: Arc<Link>,
    hub: Arc<Hub>,
    /// The queues whose announcements are heard, by channel.
    heard: Mutex<HashMap<Arc<str>, Heard>>,
    sink: AsyncMutex<Option<PubSubSink>>,
    started: Mutex<bool>,
}

#[derive(Clone)]
struct Heard {
    queue: QueueName,
    shards: Shards,
}

impl Ears {
    pub(super) fn new(addresses: Addresses, link: Arc<Link>, hub: Arc<Hub>) -> Self {
        let shared = Shared {
            addresses,
            link,
            hub,
            heard: Mutex::default(),
            sink: AsyncMutex::default(),
            started: Mutex::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Listens for a queue from now on, and asks its shards to announce what the topic is about.
    pub(super) fn listen(&self, io: &Io, queue: &QueueName, shards: &Shards, topic: &Topic) {
        let new = self.hear(queue, shards);
        self.start(io);
        let ears = self.clone();
        let (channel, shards, topic) = (Arc::clone(shards.channel()), shards.clone(), topic.clone());
        io.spawn(async move {
            if new {
                ears.subscribe(&channel).await;
            }
            match topic {
                Topic::Ready => {
                    for shard in shards.all() {
                        ears.ask(&shards, shard, true, None).await;
                    }
                }
                Topic::Task(task) => {
                    if let Some(shard) = shards.get(shards.of_name(task.as_str())) {
                        ears.ask(&shards, shard, false, Some(&task)).await;
                    }
                }
            }
        });
    }

    /// A task that is waited for was found on a shard where nobody had looked for it.
    pub(super) fn found(
        &self,
        io: &Io,
        queue: &QueueName,
        shards: &Shards,
        shard: &Arc<Shard>,
        task: &TaskId,
    ) {
        if self.shared.hub.is_awaited(queue, task) {
            let (ears, shards, shard, task) = (self.clone(), shards.clone(), Arc::clone(shard), task.clone());
            io.spawn(async move { ears.ask(&shards, &shard, false, Some(&task)).await });
        }
    }

    async fn ask(&self, shards: &Shards, shard: &Arc<Shard>, idle: bool, task: Option<&TaskId>) {
        let idle = if idle { IDLE.as_millis().to_string() } else { String::new() };
        let mut args = vec![Vec::new(), shards.channel().as_bytes().to_vec(), idle.into_bytes()];
        args.extend(task.map(|task| task.as_str().as_bytes().to_vec()));
        let request = Request::function(&LIBRARY.listen, shard, args);
        if let Err(error) = self.shared.link.call(request, None).await {
            tracing::debug!(%error, "changes are looked for without announcements");
        }
    }

    fn hear(&self, queue: &QueueName, shards: &Shards) -> bool {
        let mut heard = self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let known = Heard { queue: queue.clone(), shards: shards.clone() };
        heard.insert(Arc::clone(shards.channel()), known).is_none()
    }

    fn heard(&self) -> Vec<Heard> {
        let heard = self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.values().cloned().collect()
    }

    async fn subscribe(&self, channel: &str) {
        if let Some(sink) = self.shared.sink.lock().await.as_mut() {
            // If it fails the connection is broken and made again with all channels.
            drop(sink.subscribe(channel).await);
        }
    }

    fn start(&self, io: &Io) {
        let mut started = self.shared.started.lock().unwrap_or_else(PoisonError::into_inner);
        if !*started {
            *started = true;
            let (listener, asker) = (self.clone(), self.clone());
            io.spawn(async move { listener.listen_for_ever().await });
            io.spawn(async move { asker.ask_for_ever().await });
        }
    }

    /// Keeps one subscribed connection to any of the servers.
    async fn listen_for_ever(self) {
        loop {
            for place in 0..self.shared.addresses.seeds().len() {
                let Some(seed) = self.shared.addresses.seeds().get(place).cloned() else { continue };
                if let Ok(client) = self.shared.addresses.client(seed)
                    && let Ok(connection) = client.get_async_pubsub().await
                {
                    self.listen_once(connection).await;
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn listen_once(&self, connection: ::redis::aio::PubSub) {
        let (mut sink, mut stream) = connection.split();
        {
            // Held from the list on, so that a queue which is not in it yet subscribes when the sink is there.
            let mut place = self.shared.sink.lock().await;
            for heard in self.heard() {
                if sink.subscribe(&**heard.shards.channel()).await.is_err() {
                    return;
                }
            }
            *place = Some(sink);
        }
        // What was announced while nobody heard it is lost.
        for heard in self.heard() {
            self.shared.hub.changed(&heard.queue);
        }
        while let Some(message) = stream.next().await {
            self.heed(message.get_channel_name(), message.get_payload_bytes()).await;
        }
        *self.shared.sink.lock().await = None;
    }

    async fn heed(&self, channel: &str, payload: &[u8]) {
        let heard = {
            let heard = self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.get(channel).cloned()
        };
        let (Some(heard), Ok(payload)) = (heard, std::str::from_utf8(payload)) else { return };
        if let Some(task) = payload.strip_prefix('t') {
            // Whether it has ended or goes on, those who wait look for themselves.
            let news = News { progressed: vec![TaskId::from_stored(task)], ..News::default() };
            self.shared.hub.tell(&heard.queue, &news);
        } else if let Some(key) = payload.strip_prefix('r') {
            self.shared.hub.tell(&heard.queue, &news::of_work());
            let shard =
                heard.shards.all().iter().find(|shard| shard.keys.first().is_some_and(|first| first == key));
            if let Some(shard) = shard.filter(|_| self.shared.hub.awaits_work(&heard.queue)) {
                self.ask(&heard.shards, shard, true, None).await;
            }
        }
    }

    /// Renews the wish of idle workers. Who waits for a task is not asked for again: a wait that outlasts the request on
    /// the server goes on by looking.
    async fn ask_for_ever(self) {
        loop {
            sleep(RENEW).await;
            for heard in self.heard() {
                if self.shared.hub.awaits_work(&heard.queue) {
                    for shard in heard.shards.all() {
                        self.ask(&heard.shards, shard, true, None).await;
                    }
                }
            }
        }
    }
}
