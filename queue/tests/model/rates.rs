//! The rates of limits, reckoned anew: a burst, then even starts.

use std::collections::HashMap;
use std::time::UNIX_EPOCH;

use super::stage::{Scene, label};

/// When the next start of each limit would be due if starts came evenly, in microseconds.
#[derive(Default)]
pub(super) struct Rates {
    due: HashMap<u8, i128>,
}

fn micros(scene: &Scene) -> i128 {
    i128::try_from(scene.now.duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// The time between two starts of a limit, and that in which it allows all its starts.
fn pace(name: u8, scene: &Scene) -> Option<(i128, i128)> {
    let rate = scene.settings.limits.get(&label("limit", name))?.rate?;
    let per = i128::from(rate.per_millis.get()) * 1000;
    Some((per / i128::from(rate.starts.get()), per))
}

impl Rates {
    pub(super) fn is_closed(&self, name: u8, scene: &Scene) -> bool {
        let due = self.due.get(&name).copied().unwrap_or(0);
        pace(name, scene).is_some_and(|(interval, per)| due + interval > micros(scene) + per)
    }

    pub(super) fn start(&mut self, name: u8, scene: &Scene) {
        if let Some((interval, _)) = pace(name, scene) {
            let due = self.due.entry(name).or_default();
            *due = (*due).max(micros(scene)) + interval;
        }
    }

    /// Another rate begins anew.
    pub(super) fn changed(&mut self, before: &Scene, after: &Scene) {
        for name in 0..2 {
            if pace(name, before) != pace(name, after) {
                self.due.remove(&name);
            }
        }
    }
}
