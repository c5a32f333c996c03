//! Run untrusted Python safely and at scale.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "heartbeat")]
pub use cofferdam_heartbeat as heartbeat;
#[cfg(feature = "optimize")]
pub use cofferdam_optimize as optimize;
#[cfg(feature = "queue")]
pub use cofferdam_queue as queue;
#[cfg(feature = "sandbox")]
pub use cofferdam_sandbox as sandbox;
#[cfg(feature = "store")]
pub use cofferdam_store as store;
#[cfg(feature = "telemetry")]
pub use cofferdam_telemetry as telemetry;
