//! The thread that renews leases.
//!
//! It has its own small runtime, so that a handler which blocks every thread of the program's runtime does not cost
//! the worker its tasks. A broker that has connections drives them on a thread of its own and keeps one for renewals,
//! so a long step is not in their way either. This thread never settles and never claims.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::desk::Desk;
use crate::limits::MAX_BATCH;
use crate::{Error, Lease, Queue, WorkerId, error};

/// Stops the thread when it is dropped.
#[must_use = "dropping it stops the renewals"]
pub(super) struct Renewal {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Renewal {
    pub(super) fn start(
        queue: Queue,
        worker: WorkerId,
        desk: Arc<Desk>,
        lease: Duration,
    ) -> Result<Self, Error> {
        let failed = |source: std::io::Error| {
            let source: error::Source = Box::new(source);
            Error::Storage { action: "start the thread that renews leases", source }
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (running, ended) = oneshot::channel();
        let body = move || {
            runtime.block_on(async move {
                let rounds = Rounds { queue, worker, desk, lease };
                // Whoever drops the sender wants the thread to end; nobody sends. A renewal that is dropped on its way
                // may still take effect, which does no harm.
                tokio::select! {
                    _ = stopped => {}
                    () = rounds.serve() => {}
                }
            });
            drop(runtime);
            drop(running);
        };
        thread::Builder::new().name("cofferdam-renewal".to_owned()).spawn(body).map_err(failed)?;
        Ok(Self { stop, ended })
    }

    /// Stops the thread and waits until it has let go of the broker.
    pub(super) async fn stop(self) {
        drop(self.stop);
        // An error is the thread's end as well.
        drop(self.ended.await);
    }
}

struct Rounds {
    queue: Queue,
    worker: WorkerId,
    desk: Arc<Desk>,
    lease: Duration,
}

impl Rounds {
    async fn serve(&self) {
        let period = self.lease / 3;
        let mut pause = period;
        loop {
            sleep(pause).await;
            // After a failure there is time for several tries before the leases end.
            pause = if self.round(period / 2).await { period } else { period / 4 };
            let given_up = self.desk.give_up_unsure(Instant::now());
            if given_up > 0 {
                tracing::warn!(
                    tasks = given_up,
                    "leases could not be renewed in time, so their tasks are cancelled"
                );
            }
        }
    }

    /// Renews everything in hand once, in calls of at most this duration. The shards of a cluster are asked apart and at
    /// the same time, so that one that does not answer costs the tasks of others nothing.
    async fn round(&self, deadline: Duration) -> bool {
        let mut by_shard: BTreeMap<u16, Vec<Lease>> = BTreeMap::new();
        for lease in self.desk.leases() {
            by_shard.entry(lease.shard).or_default().push(lease);
        }
        let calls = by_shard.values().flat_map(|leases| leases.chunks(MAX_BATCH));
        let mut calls: Vec<_> = calls.map(|leases| Box::pin(self.renew(leases, deadline))).collect();
        let mut well = true;
        poll_fn(|context| {
            calls.retain_mut(|call| match call.as_mut().poll(context) {
                Poll::Ready(renewed) => {
                    well &= renewed;
                    false
                }
                Poll::Pending => true,
            });
            if calls.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        well
    }

    async fn renew(&self, leases: &[Lease], deadline: Duration) -> bool {
        let asked = Instant::now();
        let call = self.queue.renew(&self.worker, leases.to_vec(), self.lease);
        match timeout(deadline, call).await {
            Ok(Ok(lost)) => {
                for lease in leases {
                    if lost.contains(&lease.task) {
                        tracing::warn!(messaging.message.id = %lease.task, "the lease was taken back");
                        self.desk.lost(&lease.task, lease.token);
                    } else {
                        self.desk.renewed(&lease.task, lease.token, asked + self.lease);
                    }
                }
                return true;
            }
            Ok(Err(error)) => tracing::warn!(error = %error, "leases were not renewed, trying again"),
            Err(_) => tracing::warn!(after = ?deadline, "the broker did not answer a renewal, trying again"),
        }
        false
    }
}
