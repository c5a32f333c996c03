//! From a URL to a queue.

use std::path::Path;

use cofferdam_queue::{AnyBroker, Broker as _, Queue, Sqlite};

use crate::Problem;

/// Opens the store. A file that is not there is not made: it is more likely that its name is wrong.
pub(crate) async fn broker(url: &str) -> Result<AnyBroker, Problem> {
    if url.starts_with("redis://") || url.starts_with("rediss://") {
        return redis(url).await;
    }
    if let Some((scheme, _)) = url.split_once("://") {
        return Err(Problem::Failed(format!(
            "{scheme:?} is not known: write the path of an SQLite file, or redis://host:port"
        )));
    }
    let path = Path::new(url.strip_prefix("sqlite:").unwrap_or(url));
    if !path.is_file() {
        return Err(Problem::Failed(format!(
            "there is no file {}: check the path, or start a producer or a worker, which makes it",
            path.display()
        )));
    }
    Ok(Sqlite::open(path).await?.into_any())
}

#[cfg(feature = "redis")]
async fn redis(urls: &str) -> Result<AnyBroker, Problem> {
    Ok(cofferdam_queue::Redis::connect(urls).await?.into_any())
}

#[cfg(not(feature = "redis"))]
async fn redis(_: &str) -> Result<AnyBroker, Problem> {
    Err(Problem::Failed("this program was built without Redis: build it with --features redis".to_owned()))
}

/// The queue of this name, or the only one.
pub(crate) async fn queue(broker: AnyBroker, name: Option<&str>) -> Result<Queue, Problem> {
    let known: Vec<String> = broker.queues().await?.iter().map(ToString::to_string).collect();
    let listed = if known.is_empty() { "there is none yet".to_owned() } else { known.join(", ") };
    match (name, known.as_slice()) {
        (Some(name), _) if known.iter().any(|one| one == name) => Ok(Queue::new(broker, name)?),
        (Some(name), _) => Err(Problem::Refused(format!("there is no queue {name:?}; known: {listed}"))),
        (None, [only]) => Ok(Queue::new(broker, only)?),
        (None, _) => Err(Problem::Refused(format!("say which queue with --queue; known: {listed}"))),
    }
}
