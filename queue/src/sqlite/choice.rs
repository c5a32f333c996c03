//! The choice at a claim: of all that is ready at one crossing of class and priority, what goes next.

use rusqlite::OptionalExtension;

use super::facts::Facts;
use super::fair::NAMELESS;
use super::fault::Fault;
use super::lanes::{Crossing, Head, Open};
use super::ledger::Ledger;
use super::limits::Gate;

/// Where the next task is taken from.
pub(super) struct Source {
    /// `None` for the ordinary tasks, which stand in no lane.
    pub(super) lane: Option<i64>,
    pub(super) limit: Option<String>,
    /// Who is charged, if anybody.
    pub(super) tenant: Option<String>,
    /// Whether nothing else could come in between, so that several may be taken at once. A source that has fewer
    /// is empty then.
    pub(super) sole: bool,
}

impl Ledger<'_> {
    /// Where the next task of a crossing comes from.
    pub(super) fn choose(&self, facts: &Facts, at: Crossing<'_>) -> Result<Option<Source>, Fault> {
        let ordinary = || Source { lane: None, limit: None, tenant: None, sole: true };
        if !facts.laned.get() {
            return Ok(at.class.is_empty().then(ordinary));
        }
        loop {
            let named = self.first_open(facts, at, true)?;
            let laned = self.first_open(facts, at, false)?;
            let first = if at.class.is_empty() { self.first_ordinary(facts, at.priority)? } else { None };
            let contested = named.is_some() || self.holds_tenants(facts, at)?;
            let alone = match &laned {
                Some(open) => first.is_none() && !open.followed,
                None => true,
            };
            let sole = alone && !contested;
            let rivals = named.is_some() && (laned.is_some() || first.is_some());
            let spent = if rivals { self.spent(facts, NAMELESS)? } else { 0 };
            let open = match pick(named, laned, first, spent) {
                None => return Ok(None),
                Some(Pick::Ordinary) => {
                    let tenant = contested.then(|| NAMELESS.to_owned());
                    return Ok(Some(Source { sole, tenant, ..ordinary() }));
                }
                Some(Pick::Lane(open)) => open,
            };
            if !open.limit.is_empty() && self.gate(facts, &open.limit)? != Gate::Open {
                self.hold(open.lane)?;
                continue;
            }
            let limit = Some(open.limit).filter(|limit| !limit.is_empty());
            return Ok(Some(Source {
                lane: Some(open.lane),
                sole: sole && limit.is_none(),
                tenant: contested.then_some(open.tenant),
                limit,
            }));
        }
    }

    /// The first ready task of a priority that stands in no lane.
    pub(super) fn first_ordinary(&self, facts: &Facts, priority: i64) -> Result<Option<Head>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT ready_at, seq FROM cofferdam_queue_tasks
             WHERE queue = ?1 AND phase = 1 AND lane IS NULL AND priority = ?2 AND ready_at <= ?3
             ORDER BY ready_at, seq LIMIT 1",
        )?;
        let found = find.query_row((facts.queue, priority, self.now), |row| {
            Ok(Head { ready_at: row.get(0)?, seq: row.get(1)? })
        });
        Ok(found.optional()?)
    }
}

/// What goes next at a crossing.
enum Pick {
    Ordinary,
    Lane(Open),
}

/// Of the tasks without a tenant, those in lanes and the ordinary ones, the first that came; of that and the first of
/// the tenants' lanes, whose tenant has less behind it.
fn pick(named: Option<Open>, laned: Option<Open>, ordinary: Option<Head>, spent: i64) -> Option<Pick> {
    let nameless = match (laned, ordinary) {
        (Some(open), Some(head)) if head < open.head => Some((head, Pick::Ordinary)),
        (Some(open), _) => Some((open.head, Pick::Lane(open))),
        (None, head) => head.map(|head| (head, Pick::Ordinary)),
    };
    match (named, nameless) {
        (Some(named), Some((head, nameless))) if (spent, head) < (named.share, named.head) => Some(nameless),
        (Some(named), _) => Some(Pick::Lane(named)),
        (None, nameless) => nameless.map(|(_, pick)| pick),
    }
}
