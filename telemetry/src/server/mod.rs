//! The HTTP endpoint.
//!
//! It is made to be scraped by a few machines and poked at by anybody: one request a connection, and a bound on
//! everything that a client chooses. It never reads a request's body.

mod builder;
mod connection;
mod listener;
mod readiness;
mod routes;

pub use builder::ServerBuilder;
pub use listener::Server;
