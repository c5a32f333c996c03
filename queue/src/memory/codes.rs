//! Crashes by code.

use std::collections::HashMap;
use std::num::NonZeroU32;

use crate::{Label, QueueSettings};

/// How often each code crashed. Which code is quarantined stands in the settings.
#[derive(Default)]
pub(super) struct Codes {
    crashes: HashMap<Label, u32>,
}

impl Codes {
    pub(super) fn is_empty(&self) -> bool {
        self.crashes.is_empty()
    }

    /// Counts a crash, and quarantines the code when it was one too many.
    pub(super) fn crashed(&mut self, code: &Label, settings: &mut QueueSettings) {
        let crashes = self.crashes.entry(code.clone()).or_default();
        *crashes = crashes.saturating_add(1);
        if settings.quarantine_after.is_some_and(|after| *crashes >= NonZeroU32::get(after)) {
            quarantine(code, settings);
        }
    }

    /// Forgets what a code has done.
    pub(super) fn release(&mut self, code: &Label, settings: &mut QueueSettings) {
        self.crashes.remove(code);
        settings.quarantined.retain(|quarantined| quarantined != code);
    }
}

/// Puts a code among the quarantined, which are in order.
pub(super) fn quarantine(code: &Label, settings: &mut QueueSettings) {
    if let Err(place) = settings.quarantined.binary_search(code) {
        settings.quarantined.insert(place, code.clone());
    }
}

pub(super) fn is_quarantined(code: &Label, settings: &QueueSettings) -> bool {
    settings.quarantined.binary_search(code).is_ok()
}
