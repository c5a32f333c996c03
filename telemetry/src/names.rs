//! Metrics by a name that a service chooses, held in bounds.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// How many queues or tables get series of their own. A service has a handful; one that makes a queue for every
/// tenant would otherwise grow the exposition, and the database that scrapes it, without end. With three priorities
/// this holds a metric near the family's bound of 100 label sets.
pub(crate) const MAX_NAMES: usize = 32;

/// What the rest is counted under. No queue and no table can have this name without quoting.
pub(crate) const OTHER: &str = "(other)";

/// The metrics of each name, made when the name is first heard.
pub(crate) struct Names<T> {
    make: Box<dyn Fn(&str) -> T + Send + Sync>,
    known: RwLock<HashMap<String, Arc<T>>>,
}

impl<T> Names<T> {
    pub(crate) fn new(make: impl Fn(&str) -> T + Send + Sync + 'static) -> Self {
        Self { make: Box::new(make), known: RwLock::default() }
    }

    pub(crate) fn get(&self, name: &str) -> Arc<T> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = known.get(name) {
            return Arc::clone(metrics);
        }
        let full = known.len() >= MAX_NAMES;
        if full && let Some(metrics) = known.get(OTHER) {
            return Arc::clone(metrics);
        }
        drop(known);

        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let name = if known.len() < MAX_NAMES || known.contains_key(name) { name } else { OTHER };
        if name == OTHER && !known.contains_key(OTHER) {
            tracing::warn!(
                limit = MAX_NAMES,
                "too many names for series of their own: the rest is counted together"
            );
        }
        Arc::clone(known.entry(name.to_owned()).or_insert_with(|| Arc::new((self.make)(name))))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_NAMES, Names, OTHER};

    #[test]
    fn names_beyond_the_bound_share_one_entry_and_the_first_keep_theirs() {
        let names = Names::new(str::to_owned);
        for n in 0..10_000 {
            let expected = if n < MAX_NAMES { n.to_string() } else { OTHER.to_owned() };
            assert_eq!(*names.get(&n.to_string()), expected);
        }
        assert_eq!(*names.get("0"), "0");
        assert_eq!(names.known.read().unwrap().len(), MAX_NAMES + 1);
    }
}
