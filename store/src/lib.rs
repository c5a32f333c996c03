//! Batched INSERT and UPDATE over sea-orm entities, with bounded memory and nothing lost on close.
