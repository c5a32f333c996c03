//! Times and foreign text in words that fit a table.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// How much of a payload or an error stands in a table.
const SHORT: usize = 48;

/// How long ago, or how soon.
pub(crate) fn distance(moment: SystemTime) -> String {
    let now = SystemTime::now();
    match now.duration_since(moment) {
        Ok(past) => format!("{} ago", length(past)),
        Err(future) => format!("in {}", length(future.duration())),
    }
}

pub(crate) fn length(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn millis(moment: SystemTime) -> Value {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The beginning of a text in printable characters on one line. What strangers wrote must not move the cursor, nor
/// change the direction of writing.
pub(crate) fn short(text: &str) -> String {
    let harmless = |c: char| if c.is_control() || is_format(c) { '·' } else { c };
    let mut short: String = text.chars().take(SHORT).map(harmless).collect();
    if text.chars().nth(SHORT).is_some() {
        short.push('…');
    }
    short
}

/// Characters that are not seen and change how others are.
fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A payload for a table.
pub(crate) fn payload(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => short(text),
        Err(_) => format!("({} bytes)", bytes.len()),
    }
}

/// A payload for programs: as text where it is one, else in hexadecimal digits.
pub(crate) fn payload_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() }),
    }
}
