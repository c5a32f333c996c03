//! What a program says while it runs.

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
