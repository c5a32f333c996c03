//! One task in the eyes of the judge.

use std::time::{Duration, SystemTime};

use cofferdam_queue::{DeathReason, LeaseToken, TaskState};

use super::plan::{Draft, Span, Tie};
use super::stage::Scene;

/// One record of a task, from its enqueue until it is deleted.
pub(super) struct Life {
    pub(super) draft: Draft,
    pub(super) payload: Vec<u8>,
    pub(super) enqueued_at: SystemTime,
    /// The lives that it waited for, and by which of their ends it is released.
    pub(super) parents: Vec<(usize, usize)>,
    /// How it ended, each time that it did: well or badly. A replay may let it end again.
    pub(super) ends: Vec<bool>,
    pub(super) alive: bool,
    pub(super) replayed: bool,
    pub(super) started: bool,
    pub(super) failures: u32,
    pub(super) crashes: u32,
    pub(super) checkpoint: Option<Vec<u8>>,
    pub(super) recorded: Option<LeaseToken>,
}

impl Life {
    pub(super) fn new(draft: &Draft, parents: Vec<(usize, usize)>, now: SystemTime) -> Self {
        Self {
            draft: draft.clone(),
            payload: draft.payload(),
            enqueued_at: now,
            parents,
            ends: Vec::new(),
            alive: true,
            replayed: false,
            started: false,
            failures: 0,
            crashes: 0,
            checkpoint: None,
            recorded: None,
        }
    }

    /// After when no run may begin.
    pub(super) fn deadline(&self) -> Option<SystemTime> {
        self.draft.deadline.filter(|_| !self.replayed).map(|deadline| self.enqueued_at + deadline)
    }

    /// Whether it holds this key now.
    pub(super) fn holds(&self, wanted: u8, scene: &Scene) -> bool {
        let Tie::Unique { key, span, .. } = self.draft.tie else { return false };
        let untouched = self.ends.is_empty();
        // A marker that waits for nobody ends as soon as it is there.
        let untouched = untouched && !self.draft.marker;
        key == wanted
            && match span {
                Span::Done => untouched,
                Span::Started => untouched && !self.started,
                Span::For(span) => span > Duration::ZERO && scene.now < self.enqueued_at + span,
            }
    }

    /// What waits for others waits exactly as long as they have not ended.
    pub(super) fn check_family(&self, lives: &[Self], state: &TaskState) {
        let id = self.draft.id;
        let ends: Vec<_> = self.parents.iter().map(|(parent, end)| lives[*parent].ends.get(*end)).collect();
        let open = ends.iter().filter(|end| end.is_none()).count();
        let is_strict = matches!(self.draft.tie, Tie::Group { tolerant: false, .. });
        let is_doomed = is_strict && ends.contains(&Some(&false));
        match state {
            TaskState::Blocked { remaining } => {
                assert_eq!(*remaining as usize, open, "{id}");
                assert!(open > 0 && !is_doomed, "{id} waits for nothing or in vain");
            }
            TaskState::Dead { reason: DeathReason::Dependency, .. } => assert!(is_doomed, "{id}"),
            TaskState::Waiting { .. } | TaskState::Leased { .. } | TaskState::Done { .. }
                if !self.replayed =>
            {
                assert!(open == 0 && !is_doomed, "{id} was let go too early");
            }
            _ => {}
        }
    }
}
