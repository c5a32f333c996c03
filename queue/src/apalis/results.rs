//! Waiting for results as apalis does.

use std::error::Error as StdError;
use std::time::Duration;

use apalis_codec::json::JsonCodec;
use apalis_core::backend::codec::Codec;
use apalis_core::backend::{TaskResult, WaitForCompletion};
use apalis_core::task::status::Status;
use apalis_core::task::task_id::TaskId as ApalisId;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, FuturesUnordered};

use super::ApalisStorage;
use crate::limits::MAX_BATCH;
use crate::{DeathReason, Error, Queue, TaskId, TaskState};

/// How long one wait lasts before the next; a wait without end is made of these.
const SPELL: Duration = Duration::from_secs(3600);

/// The queue keeps no count of attempts with a result, so `attempt` is 0.
impl<Args, Output> WaitForCompletion<Output> for ApalisStorage<Args>
where
    Output: Send + 'static,
    JsonCodec<Vec<u8>>: Codec<Output, Compact = Vec<u8>>,
    <JsonCodec<Vec<u8>> as Codec<Output>>::Error: StdError,
{
    type ResultStream = BoxStream<'static, Result<TaskResult<Output>, Error>>;

    fn wait_for(&mut self, task_ids: impl IntoIterator<Item = ApalisId>) -> Self::ResultStream {
        let waits: FuturesUnordered<_> =
            task_ids.into_iter().map(|id| ended(self.queue.clone(), id)).collect();
        waits.boxed()
    }

    async fn check_status(
        &mut self,
        task_ids: impl IntoIterator<Item = ApalisId> + Send,
    ) -> Result<Vec<TaskResult<Output>>, Error> {
        let ids: Vec<ApalisId> = task_ids.into_iter().collect();
        let mut found = Vec::new();
        for part in ids.chunks(MAX_BATCH) {
            let ours = part.iter().map(our_id).collect::<Result<Vec<_>, _>>()?;
            let states = self.queue.states(ours).await?;
            let finished = part.iter().zip(states).filter_map(|(id, state)| result(id, state?));
            found.extend(finished);
        }
        Ok(found)
    }
}

fn our_id(id: &ApalisId) -> Result<TaskId, Error> {
    TaskId::new(&id.to_string())
}

async fn ended<Output>(queue: Queue, id: ApalisId) -> Result<TaskResult<Output>, Error>
where
    JsonCodec<Vec<u8>>: Codec<Output, Compact = Vec<u8>>,
    <JsonCodec<Vec<u8>> as Codec<Output>>::Error: StdError,
{
    let task = our_id(&id)?;
    loop {
        if let Some(result) = result(&id, queue.wait(&task, SPELL).await?) {
            return Ok(result);
        }
    }
}

/// The result of a task that has ended.
fn result<Output>(id: &ApalisId, state: TaskState) -> Option<TaskResult<Output>>
where
    JsonCodec<Vec<u8>>: Codec<Output, Compact = Vec<u8>>,
    <JsonCodec<Vec<u8>> as Codec<Output>>::Error: StdError,
{
    let (status, result) = match state {
        TaskState::Done { result, .. } => {
            let decoded = JsonCodec::<Vec<u8>>::default().decode(&result);
            (Status::Done, decoded.map_err(|error| format!("the result cannot be decoded: {error}")))
        }
        TaskState::Dead { reason: DeathReason::Rejected | DeathReason::Cancelled, error, .. } => {
            (Status::Killed, Err(error))
        }
        TaskState::Dead { error, .. } => (Status::Failed, Err(error)),
        _ => return None,
    };
    Some(TaskResult { task_id: id.clone(), attempt: 0, status, result })
}
