//! What must be right before the first beat: found out once, so that a wrong setting is an error at the start and no
//! silence later.

use std::sync::Arc;

use super::access::Access;
use super::address::Address;
use super::info::Info;
use super::keys::Keys;
use super::nodes::Nodes;
use super::patience::Patience;
use super::refusal::Refusal;
use super::router::{Router, none_refused};
use crate::Error;

/// An id that no publisher has. To forget it changes nothing, and needs the permissions that a put needs.
const NOBODY: &str = "";

/// Reaches the store and says whether it is a cluster.
pub(super) async fn connect(access: &Arc<Access>, keys: &Keys, patience: Patience) -> Result<bool, Error> {
    let nodes = Nodes::new(Arc::clone(access));
    let (seed, info) = first_answer(&nodes, access, &patience).await.map_err(error)?;
    let cluster = info.get("cluster_enabled") == Some("1");
    if !cluster && access.seeds.len() > 1 {
        let remedy = "name one of them, or form a cluster of them";
        return Err(Error::unusable(format!("{seed} is a single server and the URL names several"), remedy));
    }
    if !cluster && info.is_replica() {
        return Err(error(Refusal::Replica { node: seed }));
    }
    let router = if cluster { Router::cluster(nodes) } else { Router::single(nodes, seed.clone()) };
    serve(&router, keys, &patience).await.map_err(error)?;
    warn_of_eviction(&seed, &info);
    Ok(cluster)
}

/// The first seed that says anything. One with another password than it asks for ends the search, since all have the
/// same.
async fn first_answer(
    nodes: &Nodes,
    access: &Access,
    patience: &Patience,
) -> Result<(Address, Info), Refusal> {
    let mut refusal = None;
    for (index, seed) in access.seeds.iter().enumerate() {
        let sections = Info::command(&["cluster", "replication", "memory"]);
        let patience = patience.for_one_of(access.seeds.len() - index);
        let answers = nodes.send(seed, &[sections], &patience).await;
        match answers.and_then(|answers| none_refused(seed, answers)) {
            Ok(answers) => {
                let info = answers.first().and_then(Info::read);
                let info = info.filter(|info| info.get("cluster_enabled").is_some());
                return Ok((seed.clone(), info.ok_or_else(|| Refusal::Garbled { node: seed.clone() })?));
            }
            Err(said) if said.is_permanent() => return Err(said),
            Err(said) => refusal = Some(said),
        }
    }
    Err(refusal.unwrap_or(Refusal::NoRuntime))
}

/// Whether every slot is served, every master can be reached, and the index takes commands.
async fn serve(router: &Router, keys: &Keys, patience: &Patience) -> Result<(), Refusal> {
    let topology = router.topology(patience).await?;
    match topology.uncovered() {
        0 => {}
        missing => return Err(Refusal::Uncovered { missing }),
    }
    for master in topology.masters() {
        let answers = router.nodes.send(master, &[Info::command(&["server"])], patience).await?;
        none_refused(master, answers)?;
    }
    router.call(keys.index_slot(), &[keys.index_forget(NOBODY)], patience).await.map(drop)
}

/// A store that evicts may drop living workers out of the index. That is no reason to refuse: a cache that is never
/// full evicts nothing.
fn warn_of_eviction(seed: &Address, info: &Info) {
    let limited = info.get("maxmemory").is_some_and(|limit| limit != "0");
    let policy = info.get("maxmemory_policy").unwrap_or("noeviction");
    if limited && policy != "noeviction" {
        let node = seed.to_string();
        tracing::warn!(
            node,
            policy,
            "the heartbeat store may evict workers: set maxmemory-policy noeviction"
        );
    }
}

fn error(refusal: Refusal) -> Error {
    if refusal.is_permanent() {
        Error::Unusable { reason: refusal.to_string() }
    } else {
        Error::store("be reached", refusal)
    }
}
