//! What a program says in the course of one call.

use std::sync::Arc;
use std::time::Duration;

use super::frame::Kind;
use crate::Listener;
use crate::listener::{MAX_MESSAGE_BYTES, Pace};

/// Bytes of a frame of progress: the number, and a line on a screen. The runner cuts longer messages.
pub(super) const MAX_PROGRESS_BYTES: usize = 8 + MAX_MESSAGE_BYTES;

/// Gathers the text, and passes it on to whoever listens.
#[derive(Default)]
pub(super) struct Hearing {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// How much of either was passed on.
    told: [usize; 2],
    listener: Option<Arc<dyn Listener>>,
    pace: Pace,
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
        self.pace.pass(&**listener, f64::from_le_bytes(*number), message);
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
