//! What is printed: a table to read, then one line of JSON with the same figures.

use std::fmt::Write as _;

use cofferdam_benches::Samples;
use serde_json::{Map, Value, json};

use super::python::Python;

/// Gathers rows of the table and fields of the line in the order in which they are told.
pub(super) struct Report {
    text: String,
    fields: Map<String, Value>,
    skipped: Map<String, Value>,
}

impl Report {
    pub(super) fn new() -> Self {
        let mut fields = Map::new();
        fields.insert("bench".into(), json!("compare-sandbox"));
        Self { text: String::new(), fields, skipped: Map::new() }
    }

    /// Says which interpreter stands for all Pythons that nobody isolates.
    pub(super) fn python(&mut self, python: Option<&Python>) {
        if let Some(python) = python {
            self.line(format_args!("python3 is {}", python.version()));
            self.fields.insert("python_version".into(), json!(python.version()));
        }
    }

    /// Begins a part of the table that holds single figures.
    pub(super) fn section(&mut self, heading: &str) {
        self.line(format_args!("\n{heading}"));
    }

    /// Begins a part of the table that holds times.
    pub(super) fn heading(&mut self, heading: &str) {
        self.line(format_args!(
            "\n{heading:48} {:>7} {:>11} {:>11} {:>11}",
            "samples", "p50 µs", "p95 µs", "p99 µs"
        ));
    }

    /// Times of one thing; the fields are `<field>_p50_us` and so on.
    pub(super) fn times(&mut self, name: &str, field: &str, samples: &Samples) {
        let at = [50, 95, 99].map(|percent| (percent, samples.micros(percent)));
        let mut row = format!("  {name:46} {:>7}", samples.len());
        for (percent, micros) in at {
            // Writing to a string cannot fail.
            let _ = write!(row, " {micros:>11.1}");
            self.fields.insert(format!("{field}_p{percent}_us"), rounded(micros));
        }
        self.line(format_args!("{row}"));
    }

    /// A thing that has no times, and why.
    pub(super) fn no_times(&mut self, name: &str, field: &str, reason: &str) {
        for percent in [50, 95, 99] {
            self.fields.insert(format!("{field}_p{percent}_us"), Value::Null);
        }
        self.skip(name, field, reason);
    }

    /// One figure.
    pub(super) fn figure(&mut self, name: &str, field: &str, value: f64, unit: &str) {
        self.line(format_args!("  {name:46} {:>7} {value:>11.1} {unit}", ""));
        self.field(field, value);
    }

    /// A field whose figure stands in the table already.
    pub(super) fn field(&mut self, field: &str, value: f64) {
        self.fields.insert(field.to_owned(), rounded(value));
    }

    /// A figure that there is not, and why.
    pub(super) fn no_figure(&mut self, name: &str, field: &str, reason: &str) {
        self.fields.insert(field.to_owned(), Value::Null);
        self.skip(name, field, reason);
    }

    /// How many times as much `more` is as `less`; nothing where one of them was skipped.
    pub(super) fn ratio(&mut self, name: &str, field: &str, more: Option<f64>, less: Option<f64>) {
        match more.zip(less) {
            Some((more, less)) if less > 0.0 => self.figure(name, field, more / less, "times"),
            _ => self.no_figure(name, field, "one side was not measured"),
        }
    }

    /// The table and the line.
    pub(super) fn finish(mut self) -> String {
        self.fields.insert("skipped".into(), Value::Object(self.skipped));
        let _ = writeln!(self.text, "\n{}", Value::Object(self.fields));
        self.text
    }

    fn skip(&mut self, name: &str, field: &str, reason: &str) {
        self.line(format_args!("  {name:46} skipped: {reason}"));
        self.skipped.insert(field.to_owned(), json!(reason));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{line}");
    }
}

/// The median in microseconds, where anything was measured.
pub(super) fn median(samples: &Samples) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.micros(50))
}

/// More digits than these are noise.
fn rounded(value: f64) -> Value {
    json!((value * 1000.0).round() / 1000.0)
}
