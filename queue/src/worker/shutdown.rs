//! The word to stop.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::sleep;

/// The word to stop, which may be waited for at several places.
pub(super) struct Shutdown<'a, S> {
    word: Pin<&'a mut S>,
    came: bool,
}

impl<'a, S: Future<Output = ()>> Shutdown<'a, S> {
    pub(super) const fn new(word: Pin<&'a mut S>) -> Self {
        Self { word, came: false }
    }

    /// Completes when the word has come, at once if that was earlier. Cancellation safe.
    pub(super) async fn comes(&mut self) {
        if !self.came {
            self.word.as_mut().await;
            self.came = true;
        }
    }

    pub(super) async fn comes_and_then(&mut self, pause: Duration) {
        self.comes().await;
        sleep(pause).await;
    }

    /// Whether it has come, without waiting for it.
    pub(super) async fn is_here(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.comes() => true,
            () = std::future::ready(()) => false,
        }
    }
}
