//! The Redis broker passes the suite of every broker: on one server, on one server in twelve shards, and on a cluster.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod conformance;
mod servers;

use std::sync::Arc;

use cofferdam_queue::{Broker, ManualClock, Redis, RedisBuilder};

async fn on(builder: RedisBuilder) -> conformance::Setup {
    let clock = ManualClock::new();
    let broker = builder.prefix(servers::prefix()).clock(Arc::new(clock.clone())).connect().await.unwrap();
    conformance::Setup { broker: broker.into_any(), clock, _folder: None }
}

mod single {
    use super::*;

    async fn setup() -> conformance::Setup {
        on(Redis::builder(&servers::single())).await
    }

    conformance!(setup);
}

mod shards {
    use super::*;

    async fn setup() -> conformance::Setup {
        on(Redis::builder(&servers::single()).shards(12)).await
    }

    conformance_of_shards!(setup);
}

mod cluster {
    use super::*;

    async fn setup() -> conformance::Setup {
        on(Redis::builder(&servers::cluster())).await
    }

    conformance_of_shards!(setup);
}
