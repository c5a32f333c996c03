//! Where the windows lie.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Alignment, PartialWindow, Scheme, Settings, WalkForward};
use crate::Error;

/// A step of one bar over forty years of hourly bars stays below this; more windows than that are a typing error, and
/// their list alone would fill the memory.
const MAX_WINDOWS: usize = 100_000;

/// A training window and the test window that follows it, as half-open ranges of bars.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Window {
    /// The bars on which parameters are chosen.
    pub train: Range<usize>,
    /// The bars on which the choice is judged.
    pub test: Range<usize>,
}

impl WalkForward {
    /// The windows in a history of `bars` bars, in order.
    ///
    /// # Errors
    /// When the history is too short for one window, or there are more than a hundred thousand.
    pub fn windows(&self, bars: usize) -> Result<Vec<Window>, Error> {
        windows(&self.settings, bars)
    }
}

/// The builder has checked that the lengths are positive and their sum does not overflow.
fn windows(settings: &Settings, bars: usize) -> Result<Vec<Window>, Error> {
    let &Settings { train, test, step, gap, .. } = settings;
    let keeps_partial =
        settings.partial_window == PartialWindow::Keep && settings.alignment == Alignment::Start;
    let smallest_test = if keeps_partial { 1 } else { test };
    let Some(room) = bars.checked_sub(train + gap + smallest_test) else {
        return Err(Error::TooShort {
            what: "the history",
            needed: train + gap + smallest_test,
            found: bars,
        });
    };
    // A window that starts at most `room` bars in has its (smallest) test inside the history.
    let offset = if settings.alignment == Alignment::End { room % step } else { 0 };
    let mut count = (room - offset) / step + 1;
    if keeps_partial {
        // Only one window may be cut short: those that start after the first that reaches the end are left out.
        let full = bars.checked_sub(train + gap + test).map_or(0, |room| room / step + 1);
        let reached = full.checked_sub(1).map_or(0, |last| last * step + train + gap + test);
        count = if reached >= bars { full } else { count.min(full + 1) };
    }
    let mut skipped = 0;
    if let Some(maximum) = settings.maximum_windows
        && count > maximum
    {
        skipped = if settings.alignment == Alignment::End { count - maximum } else { 0 };
        count = maximum;
    }
    if count > MAX_WINDOWS {
        return Err(Error::invalid_setting("step", step, "so large that there are at most 100000 windows"));
    }
    let window = |index: usize| {
        let start = offset + (skipped + index) * step;
        let train_start = if settings.scheme == Scheme::Anchored { 0 } else { start };
        let test_start = start + train + gap;
        let test_end = test_start.saturating_add(test).min(bars);
        Window { train: train_start..start + train, test: test_start..test_end }
    };
    Ok((0..count).map(window).collect())
}
