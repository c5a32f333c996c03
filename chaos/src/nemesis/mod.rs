//! What brings the faults about.
//!
//! Faults come in two lanes, one for the processes of the load and one for the nodes of the cluster. Each lane brings one
//! fault about at a time and heals it before the next, so that no more than one shard is ever without its replica; between
//! the lanes they overlap as they fall. Which faults come in which order is decided by the seed alone; when each comes also
//! depends on how long the healing takes.

mod crew;
mod crew_fault;
mod lane;
mod node_fault;
mod schedule;

pub use crew::{Crew, Place};
pub use crew_fault::CrewFault;
pub use lane::{Fault, Scene, run_lane};
pub use node_fault::NodeFault;
pub use schedule::{Planned, Schedule};
