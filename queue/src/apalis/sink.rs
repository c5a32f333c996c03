//! Pushing tasks by apalis's sink.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use apalis_core::backend::future::BoxSyncFuture;
use apalis_core::task::Task;
use futures_util::{FutureExt, Sink};

use super::{ApalisStorage, wire};
use crate::limits::MAX_BATCH;
use crate::{Error, NewTask, Queue};

/// Tasks on their way into the queue.
pub(super) struct Outgoing {
    queue: Queue,
    waiting: Vec<NewTask>,
    sending: Option<BoxSyncFuture<Result<(), Error>>>,
}

impl Outgoing {
    pub(super) const fn new(queue: Queue) -> Self {
        Self { queue, waiting: Vec::new(), sending: None }
    }

    /// Sends what waits. After an error the tasks concerned are gone from here: whoever pushed them has heard it.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if let Some(sending) = &mut self.sending {
                let sent = ready!(sending.poll_unpin(cx));
                self.sending = None;
                sent?;
            }
            if self.waiting.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let (queue, tasks) = (self.queue.clone(), std::mem::take(&mut self.waiting));
            let send = async move { queue.enqueue(tasks).await.map(drop) };
            self.sending = Some(send.boxed().into());
        }
    }
}

impl<Args> Sink<Task<Vec<u8>>> for ApalisStorage<Args> {
    type Error = Error;

    /// There is room for one batch.
    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let outgoing = &mut self.get_mut().outgoing;
        if outgoing.waiting.len() < MAX_BATCH { Poll::Ready(Ok(())) } else { outgoing.poll_flush(cx) }
    }

    fn start_send(self: Pin<&mut Self>, task: Task<Vec<u8>>) -> Result<(), Error> {
        let this = self.get_mut();
        this.outgoing.waiting.push(wire::pack(task, this.config.max_attempts)?);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().outgoing.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().outgoing.poll_flush(cx)
    }
}
