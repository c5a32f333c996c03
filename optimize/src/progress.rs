//! Tells an observer that a study runs.

use crate::{Method, Observer};

/// A study that runs. The observer hears of its end however it ends: with a report, an error, or dropped half-way.
pub(crate) struct Running<'a> {
    observer: &'a dyn Observer,
    method: Method,
}

impl<'a> Running<'a> {
    pub(crate) fn begin(observer: &'a dyn Observer, method: Method) -> Self {
        observer.began(method);
        Self { observer, method }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.observer.ended(self.method);
    }
}
