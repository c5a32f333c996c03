//! Notices that the engine went, and that it is back.
//!
//! An engine that is stopped, killed or restarted takes its record of events with it and every stream that it held. What
//! ran in its containers is lost to us, whether it still runs or not, and from the streams alone that looks like the end
//! of a program. So one request stays open for as long as the sandbox lives, on which the engine has nothing to say: its
//! end is the engine's. Then what waits in the pool is given up, and once the engine is back, what it still has of ours
//! is removed at once.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use futures_util::future::{Either, select};

use super::engine::Engine;
use super::pool::Pool;
use super::reaper;

/// Pauses between looks for an engine that is gone, doubled from the first to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Watches the engine until the pool is closed.
pub(super) async fn watch(pool: Arc<Pool>, engine: Arc<Engine>) {
    let watching = pin!(async {
        loop {
            silence(&engine).await;
            engine.note_loss();
            pool.forget();
            tracing::warn!("the engine went; what ran in its containers is lost");
            back(&engine).await;
            tracing::info!("the engine is back");
            if let Err(error) = reaper::sweep(&engine).await {
                tracing::warn!(%error, "left-over containers could not be looked for");
            }
            pool.wake();
        }
    });
    match select(watching, pin!(pool.over())).await {
        Either::Left((never, _)) => never,
        Either::Right(((), _)) => {}
    }
}

/// Listens to the engine until it is gone. The filter lets no event pass, so that nothing is sent.
async fn silence(engine: &Engine) {
    let filters = HashMap::from([("type", vec!["daemon"]), ("event", vec!["nothing"])]);
    let mut events = engine.docker.events(Some(EventsOptionsBuilder::default().filters(&filters).build()));
    while let Some(Ok(_)) = events.next().await {}
}

/// Waits until the engine answers.
async fn back(engine: &Engine) {
    let mut pause = FIRST_PAUSE;
    while engine.docker.ping().await.is_err() {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
