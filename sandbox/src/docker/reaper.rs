//! Removes what hosts left behind that were killed before they could remove it themselves.
//!
//! A container is left over when the process that its label names is certainly gone, when its deadline is over, when it
//! bears this sandbox's label and nobody here knows it, or when its sandbox ended in this process and could not remove
//! it. The containers of other living processes are never touched, and neither are those that bear no label of ours.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use bollard::query_parameters::ListContainersOptionsBuilder;

use super::engine::{DEADLINE, Engine, INSTANCE, OWNER, unix_now};
use super::owner::Owner;
use super::trouble::failed;
use crate::Error;

/// The sandboxes of this process that ended while their engine was away or failed, by the random names of their labels.
/// There are as many as there were such failures, at some bytes each.
static ABANDONED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes that this sandbox is over and may have left containers.
pub(super) fn abandon(instance: &str) {
    ABANDONED.lock().unwrap_or_else(PoisonError::into_inner).insert(instance.to_owned());
}

fn is_abandoned(instance: &str) -> bool {
    ABANDONED.lock().unwrap_or_else(PoisonError::into_inner).contains(instance)
}

/// Looks for left-over containers and removes them.
pub(super) async fn sweep(engine: &Engine) -> Result<(), Error> {
    let filters = HashMap::from([("label", vec![OWNER])]);
    let all = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let found = engine
        .docker
        .list_containers(Some(all))
        .await
        .map_err(|error| failed("look for left-over containers", error))?;
    let now = unix_now();
    for container in found {
        let labels = container.labels.unwrap_or_default();
        // The engine writes a name with a slash before it.
        let name = container.names.and_then(|names| names.into_iter().next()).unwrap_or_default();
        let name = name.trim_start_matches('/');
        let left = match labels.get(INSTANCE) {
            Some(instance) if *instance == engine.instance => !engine.is_live(name),
            Some(instance) if is_abandoned(instance) => true,
            _ => is_left_over(&labels, engine.owner.as_ref(), now),
        };
        if left && let Some(id) = container.id {
            tracing::info!(name, "removing a container that was left behind");
            engine.remove(&id).await;
        }
    }
    Ok(())
}

/// Whether another sandbox's container is left over at this time.
fn is_left_over(labels: &HashMap<String, String>, here: Option<&Owner>, now: u64) -> bool {
    let deadline = labels.get(DEADLINE).and_then(|label| label.parse::<u64>().ok());
    let owner = labels.get(OWNER).and_then(|label| Owner::parse(label));
    deadline.is_some_and(|deadline| deadline <= now)
        || matches!((owner, here), (Some(owner), Some(here)) if owner.is_gone(here))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(owner: &str, deadline: &str) -> HashMap<String, String> {
        HashMap::from([(OWNER.to_owned(), owner.to_owned()), (DEADLINE.to_owned(), deadline.to_owned())])
    }

    #[test]
    fn only_the_deadline_decides_over_the_containers_of_strangers() {
        let here = Owner::here();
        for owner in ["unknown", "", "boot/1/1/1", "a/b/c"] {
            assert!(!is_left_over(&labels(owner, "1001"), here.as_ref(), 1000), "{owner}");
            assert!(is_left_over(&labels(owner, "1000"), here.as_ref(), 1000), "{owner}");
            assert!(!is_left_over(&labels(owner, "soon"), here.as_ref(), 1000), "{owner}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_containers_of_a_living_process_stay_and_those_of_a_dead_one_go() {
        let here = Owner::here().unwrap();
        assert!(!is_left_over(&labels(&here.to_string(), "1001"), Some(&here), 1000));
        // Another process had this one's pid before.
        let mut parts: Vec<String> = here.to_string().split('/').map(str::to_owned).collect();
        *parts.last_mut().unwrap() = "1".to_owned();
        assert!(is_left_over(&labels(&parts.join("/"), "1001"), Some(&here), 1000));
        assert!(!is_left_over(&labels(&parts.join("/"), "1001"), None, 1000));
    }
}
