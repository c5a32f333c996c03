//! Worker heartbeats: presence for people and dashboards, and the detection of dead workers.
