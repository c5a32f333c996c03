//! The store on Redis or Valkey, on one server or a cluster.
//!
//! [`store`] is what the crate shows; it asks the [`router`], which knows where a key lives and tries again, which asks
//! the [`nodes`], which hold the connections. No type of the client crate leaves this folder.

mod access;
mod address;
mod builder;
mod check;
mod documents;
mod era;
mod info;
mod keys;
mod nodes;
mod patience;
mod refusal;
mod router;
mod slot;
mod store;
mod topology;

pub use builder::RedisStoreBuilder;
pub use store::RedisStore;
