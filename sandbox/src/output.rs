//! The last layer: what leaves the sandbox.
//!
//! A result reaches databases, dashboards and terminals. The policy bounds its size and shape and makes the text
//! harmless to look at. It never changes silently: what was cut is flagged in [`Outcome::truncated`].

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Listener, Outcome, Progress};

/// What may leave the sandbox.
///
/// ```
/// use cofferdam_sandbox::OutputPolicy;
///
/// let policy = OutputPolicy::default().max_depth(4).max_text_bytes(16 << 10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OutputPolicy {
    /// Bytes of the result, written as compact JSON. 1 MiB by default.
    pub max_result_bytes: usize,
    /// Levels of lists and dictionaries in the result. 32 by default: deeper data breaks the recursive readers that
    /// it will meet later.
    pub max_depth: usize,
    /// Bytes of stdout, of stderr and of an error's text, each. 64 KiB by default; the rest is cut off.
    pub max_text_bytes: usize,
}

impl Default for OutputPolicy {
    fn default() -> Self {
        Self { max_result_bytes: 1 << 20, max_depth: 32, max_text_bytes: 64 << 10 }
    }
}

impl OutputPolicy {
    /// Sets the bytes of the result.
    #[must_use]
    pub fn max_result_bytes(mut self, bytes: usize) -> Self {
        self.max_result_bytes = bytes;
        self
    }

    /// Sets the levels of the result.
    #[must_use]
    pub fn max_depth(mut self, levels: usize) -> Self {
        self.max_depth = levels;
        self
    }

    /// Sets the bytes of stdout, of stderr and of an error's text.
    #[must_use]
    pub fn max_text_bytes(mut self, bytes: usize) -> Self {
        self.max_text_bytes = bytes;
        self
    }

    /// Cleans an outcome in place. A result that breaks a rule becomes an error.
    pub fn apply(&self, outcome: &mut Outcome) {
        for text in [&mut outcome.stdout, &mut outcome.stderr] {
            outcome.truncated |= self.clean_text(text);
        }
        if let Err(error) = &mut outcome.result {
            outcome.truncated |= self.clean(error);
        }
        if let Ok(value) = &outcome.result
            && let Err(error) = self.check(value)
        {
            outcome.result = Err(error);
        }
    }

    /// Cleans the words of the program in an error: the names of its classes, its messages, its lines. Says whether
    /// something was cut.
    pub(crate) fn clean(&self, error: &mut Error) -> bool {
        match error {
            Error::Exception { kind, message, traceback, .. } => {
                self.clean_text(kind) | self.clean_text(message) | self.clean_text(traceback)
            }
            Error::Syntax { message, .. } | Error::InvalidResult { message } | Error::Crashed { message } => {
                self.clean_text(message)
            }
            _ => false,
        }
    }

    /// Makes every character of a text visible and cuts it to its limit; says whether it was cut.
    fn clean_text(&self, text: &mut String) -> bool {
        if text.contains(is_unprintable) {
            *text = printable(text);
        }
        cut(text, self.max_text_bytes)
    }

    /// Checks a result alone.
    ///
    /// # Errors
    ///
    /// [`Error::Output`] when it is too large, [`Error::InvalidResult`] when it is too deep.
    pub fn check(&self, value: &Value) -> Result<(), Error> {
        if depth_exceeds(value, self.max_depth) {
            return Err(Error::InvalidResult {
                message: format!(
                    "the result is nested more than {} levels deep; return flat lists and dictionaries",
                    self.max_depth
                ),
            });
        }
        let mut counter = Counter { left: self.max_result_bytes };
        serde_json::to_writer(&mut counter, value)
            .map_err(|_| Error::Output { limit: self.max_result_bytes as u64 })
    }
}

/// A listener that hears what the policy lets pass, as it comes.
///
/// What it hears of a stream is, byte for byte, what [`OutputPolicy::apply`] would leave of the whole.
pub(crate) struct Screen {
    listener: Arc<dyn Listener>,
    /// Bytes that may still pass, of stdout, stderr and the messages of progress.
    left: Mutex<[usize; 3]>,
}

impl Screen {
    pub(crate) fn new(policy: &OutputPolicy, listener: Arc<dyn Listener>) -> Self {
        Self { listener, left: Mutex::new([policy.max_text_bytes; 3]) }
    }

    /// What of the text may pass on this stream; `None` for nothing.
    fn pass(&self, text: &str, stream: impl FnOnce(&mut [usize; 3]) -> &mut usize) -> Option<String> {
        let mut counts = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let left = stream(&mut counts);
        let mut text = printable(text);
        // After a cut nothing may follow, though a shorter character might still fit.
        *left = if cut(&mut text, *left) { 0 } else { left.saturating_sub(text.len()) };
        (!text.is_empty()).then_some(text)
    }
}

impl Listener for Screen {
    fn stdout(&self, text: &str) {
        if let Some(text) = self.pass(text, |[left, _, _]| left) {
            self.listener.stdout(&text);
        }
    }

    fn stderr(&self, text: &str) {
        if let Some(text) = self.pass(text, |[_, left, _]| left) {
            self.listener.stderr(&text);
        }
    }

    fn progress(&self, progress: &Progress) {
        let message = self.pass(&progress.message, |[_, _, left]| left).unwrap_or_default();
        self.listener.progress(&Progress { message, ..*progress });
    }
}

/// Counts what is written, and fails once it is too much, so that a large value is never written twice.
struct Counter {
    left: usize,
}

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.left.checked_sub(bytes.len()) {
            Some(left) => {
                self.left = left;
                Ok(bytes.len())
            }
            None => Err(std::io::ErrorKind::FileTooLarge.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whether `value` has more than `limit` levels. Walks with a list of its own: the depth is the guest's choice, and
/// must not be that of our stack.
fn depth_exceeds(value: &Value, limit: usize) -> bool {
    let mut pending = vec![(value, 0_usize)];
    while let Some((value, outside)) = pending.pop() {
        let depth = outside + 1;
        match value {
            Value::Array(_) | Value::Object(_) if depth > limit => return true,
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, depth))),
            Value::Object(entries) => pending.extend(entries.values().map(|item| (item, depth))),
            _ => {}
        }
    }
    false
}

/// Cuts `text` to at most `limit` bytes at a character's edge; says whether it did.
fn cut(text: &mut String, limit: usize) -> bool {
    if text.len() <= limit {
        return false;
    }
    text.truncate(text.floor_char_boundary(limit));
    true
}

/// Control characters but for tab and newline, and the marks that reorder text: what can rewrite a terminal's screen,
/// its title or a reader's mind.
fn is_unprintable(character: char) -> bool {
    (character.is_control() && character != '\n' && character != '\t')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes every unprintable character as an escape, `\u{1b}`.
fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            clean.extend(character.escape_unicode());
        } else {
            clean.push(character);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Usage;

    fn outcome(result: Value, stdout: &str) -> Outcome {
        Outcome {
            result: Ok(result),
            stdout: stdout.to_owned(),
            stderr: String::new(),
            truncated: false,
            usage: Usage::default(),
        }
    }

    #[test]
    fn depth_is_counted_in_levels() {
        let policy = OutputPolicy::default().max_depth(2);
        assert!(policy.check(&json!([[1, 2], [3]])).is_ok());
        assert!(policy.check(&json!({"a": [1]})).is_ok());
        assert!(policy.check(&json!([[[]]])).is_err());
        assert!(policy.check(&json!({"a": {"b": {}}})).is_err());
        assert!(OutputPolicy::default().max_depth(0).check(&json!(1)).is_ok());
    }

    #[test]
    fn size_is_exact_to_the_byte() {
        let value = json!({"a": [1, 2, 3]});
        let size = value.to_string().len();
        assert!(OutputPolicy::default().max_result_bytes(size).check(&value).is_ok());
        assert!(matches!(
            OutputPolicy::default().max_result_bytes(size - 1).check(&value),
            Err(Error::Output { .. })
        ));
    }

    #[test]
    fn a_cut_is_flagged_and_falls_between_characters() {
        let mut outcome = outcome(json!(1), "aéb");
        OutputPolicy::default().max_text_bytes(2).apply(&mut outcome);
        assert_eq!(outcome.stdout, "a");
        assert!(outcome.truncated);
    }

    #[test]
    fn terminal_escapes_become_visible() {
        let mut outcome = outcome(json!(1), "\u{1b}]0;owned\u{7}\ttab\nline\u{202e}");
        OutputPolicy::default().apply(&mut outcome);
        assert_eq!(outcome.stdout, "\\u{1b}]0;owned\\u{7}\ttab\nline\\u{202e}");
        assert!(!outcome.truncated);
    }
}
