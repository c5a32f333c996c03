//! What a program says in the course of one call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame::Kind;
use crate::{Listener, Progress};

/// The least time between two words of progress that are passed on.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// Bytes of a frame of progress: the number, and a line on a screen. The runner cuts longer messages.
pub(super) const MAX_PROGRESS_BYTES: usize = 8 + (1 << 10);

/// Gathers the text, and passes it on to whoever listens.
#[derive(Default)]
pub(super) struct Hearing {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// How much of either was passed on.
    told: [usize; 2],
    listener: Option<Arc<dyn Listener>>,
    /// When progress was last passed on.
    progressed: Option<Instant>,
    /// What the runner says of the processor time and of the memory that was used.
    pub(super) usage: Option<(Duration, u64)>,
}

impl Hearing {
    pub(super) fn new(listener: Option<Arc<dyn Listener>>) -> Self {
        Self { listener, ..Self::default() }
    }

    /// Where text of this kind is gathered.
    pub(super) fn stream(&mut self, kind: Kind) -> &mut Vec<u8> {
        if kind == Kind::Stderr { &mut self.stderr } else { &mut self.stdout }
    }

    /// Passes on what was gathered since. Called when a frame is whole, since a frame holds whole characters.
    pub(super) fn tell(&mut self) {
        let Some(listener) = &self.listener else { return };
        let [out, err] = &mut self.told;
        if let Some(text) = self.stdout.get(*out..).filter(|text| !text.is_empty()) {
            listener.stdout(&String::from_utf8_lossy(text));
            *out = self.stdout.len();
        }
        if let Some(text) = self.stderr.get(*err..).filter(|text| !text.is_empty()) {
            listener.stderr(&String::from_utf8_lossy(text));
            *err = self.stderr.len();
        }
    }

    /// Passes progress on, unless it comes too soon after the last.
    pub(super) fn progress(&mut self, content: &[u8]) {
        let (Some(listener), Some((number, message))) = (&self.listener, content.split_first_chunk()) else {
            return;
        };
        let now = Instant::now();
        if self.progressed.is_some_and(|last| now.saturating_duration_since(last) < PROGRESS_INTERVAL) {
            return;
        }
        self.progressed = Some(now);
        let fraction = f64::from_le_bytes(*number);
        // The number is the program's word and could be none.
        let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
        listener.progress(&Progress { fraction, message: String::from_utf8_lossy(message).into_owned() });
    }

    /// Takes the runner's word on what was used.
    pub(super) fn used(&mut self, content: &[u8]) {
        if let Some((nanoseconds, rest)) = content.split_first_chunk()
            && let Some((peak, _)) = rest.split_first_chunk()
        {
            self.usage =
                Some((Duration::from_nanos(u64::from_le_bytes(*nanoseconds)), u64::from_le_bytes(*peak)));
        }
    }
}
