//! What a program says while it runs.

#[cfg(any(feature = "docker", feature = "wasm"))]
use std::time::{Duration, Instant};

/// Is told what a program says while it runs: the lines that it prints, and how far it has come.
///
/// Every method has an empty default. It is called on the thread or task that serves the program, so it must not block
/// and must not panic; hand what is slow to a channel. What it is told has passed the session's
/// [`OutputPolicy`](crate::OutputPolicy): it is bounded, and harmless to look at. Together the texts are, byte for
/// byte, what [`Outcome::stdout`](crate::Outcome::stdout) and [`Outcome::stderr`](crate::Outcome::stderr) hold at the
/// end.
///
/// ```
/// use std::sync::mpsc;
/// use cofferdam_sandbox::{Listener, Progress};
///
/// struct Lines(mpsc::Sender<String>);
///
/// impl Listener for Lines {
///     fn stdout(&self, text: &str) {
///         let _ = self.0.send(text.to_owned()); // nobody listens any more
///     }
///     fn progress(&self, progress: &Progress) {
///         let _ = self.0.send(format!("{:.0} %", progress.fraction * 100.0));
///     }
/// }
/// ```
pub trait Listener: Send + Sync + 'static {
    /// The program printed this, after what it printed before.
    fn stdout(&self, text: &str) {
        let _ = text;
    }

    /// The program wrote this to stderr.
    fn stderr(&self, text: &str) {
        let _ = text;
    }

    /// The program called `cofferdam.progress`. At most twenty such calls a second are passed on; what comes sooner is
    /// dropped.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }
}

/// How far a program says that it has come.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// From 0 to 1. It is the program's word, and may go back.
    pub fraction: f64,
    /// What the program is doing; may be empty.
    pub message: String,
}

/// Bytes of a message of progress. It is a line on a screen, and what a program adds to it is cut.
#[cfg(any(feature = "docker", feature = "wasm"))]
pub(crate) const MAX_MESSAGE_BYTES: usize = 1 << 10;

/// The least time between two words of progress that are passed on.
#[cfg(any(feature = "docker", feature = "wasm"))]
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// Passes the progress of one call on, as seldom as listeners are promised.
#[cfg(any(feature = "docker", feature = "wasm"))]
#[derive(Default)]
pub(crate) struct Pace {
    /// When something was last passed on.
    last: Option<Instant>,
}

#[cfg(any(feature = "docker", feature = "wasm"))]
impl Pace {
    /// Passes it on, unless it comes too soon after the last. Both are the program's words: the number could be none,
    /// and the message no text.
    pub(crate) fn pass(&mut self, listener: &dyn Listener, fraction: f64, message: &[u8]) {
        let now = Instant::now();
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < PROGRESS_INTERVAL) {
            return;
        }
        self.last = Some(now);
        let message = message.get(..MAX_MESSAGE_BYTES).unwrap_or(message);
        let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
        listener.progress(&Progress { fraction, message: String::from_utf8_lossy(message).into_owned() });
    }
}
