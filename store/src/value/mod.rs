//! Values outside of a database: as JSON for people and other programs, and in a compact binary form for the spool.
//!
//! Both keep the type, so that what is read back is what was written. The types that sea-orm always has are encoded
//! here; those that its features add (times, UUIDs, decimals, arrays) go through serde's derive on the enumeration,
//! which names the variant: its number would change with the features that a program is built with.

pub(crate) mod binary;
pub(crate) mod json;
#[cfg(test)]
mod tests;
