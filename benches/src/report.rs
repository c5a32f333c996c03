//! What is printed: tables to read, then one line of JSON with the same figures.

use std::error::Error;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{Problem, Samples};

/// Gathers rows of the tables and fields of the line in the order in which they are told.
pub struct Report {
    text: String,
    fields: Map<String, Value>,
    skipped: Map<String, Value>,
}

impl Report {
    /// Nothing yet, of the program of this name.
    #[must_use]
    pub fn new(bench: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("bench".into(), json!(bench));
        Self { text: String::new(), fields, skipped: Map::new() }
    }

    /// A setting under which everything was measured.
    pub fn setting(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// A sentence.
    pub fn say(&mut self, words: &str) {
        self.line(format_args!("{words}"));
    }

    /// Begins a part.
    pub fn section(&mut self, heading: &str, columns: &[&str]) {
        let mut row = format!("\n{heading:48}");
        for column in columns {
            // Writing to a string cannot fail.
            let _ = write!(row, " {column:>11}");
        }
        self.line(format_args!("{row}"));
    }

    /// How long something took; the fields are `<field>_p50_ms` and so on.
    pub fn times(&mut self, name: &str, field: &str, samples: Result<Samples, Problem>) {
        let mut row = format!("  {name:46}");
        for (percent, ending) in [(50, "p50_ms"), (99, "p99_ms"), (100, "max_ms")] {
            let value = samples.as_ref().ok().map(|samples| samples.micros(percent) / 1000.0);
            let _ = write!(row, " {:>8.1} ms", value.unwrap_or_default());
            self.field(&format!("{field}_{ending}"), value);
        }
        match samples {
            Ok(_) => self.line(format_args!("{row}")),
            Err(problem) => self.skip(name, field, &chain(problem.as_ref())),
        }
    }

    /// A figure, where there is one.
    pub fn figure(&mut self, name: &str, field: &str, value: Option<f64>) {
        self.field(field, value);
        match value {
            Some(value) => self.line(format_args!("  {name:46} {value:>11.2}")),
            None => self.skip(name, field, "what it is made of was not measured"),
        }
    }

    /// How many times as much `more` is as `less`.
    pub fn ratio(&mut self, name: &str, field: &str, more: Option<f64>, less: Option<f64>) {
        self.figure(name, field, more.zip(less).map(|(more, less)| more / less));
    }

    /// Words in place of a figure.
    pub fn words(&mut self, name: &str, field: &str, words: &str) {
        self.line(format_args!("  {name:46} {words}"));
        self.fields.insert(field.to_owned(), json!(words));
    }

    /// The tables and the line.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.fields.insert("skipped".into(), Value::Object(self.skipped));
        let _ = writeln!(self.text, "\n{}", Value::Object(self.fields));
        self.text
    }

    /// What was measured of one party, or why nothing was; the fields are `<field>_<figure>`.
    pub fn row(&mut self, name: &str, field: &str, failure: Option<&str>, figures: &[(&str, Option<f64>)]) {
        for (figure, value) in figures {
            self.field(&format!("{field}_{figure}"), *value);
        }
        let values: Vec<_> = figures.iter().map(|(_, value)| *value).collect();
        self.cells(name, field, failure, &values);
    }

    /// The same for the table alone.
    pub fn cells(&mut self, name: &str, field: &str, failure: Option<&str>, values: &[Option<f64>]) {
        if let Some(reason) = failure {
            return self.skip(name, field, reason);
        }
        let mut row = format!("  {name:46}");
        for value in values {
            let value = value.unwrap_or_default();
            let digits = if value < 100.0 { 2 } else { 0 };
            let _ = write!(row, " {value:>11.digits$}");
        }
        self.line(format_args!("{row}"));
    }

    /// A figure for the line alone.
    pub fn field(&mut self, field: &str, value: Option<f64>) {
        // More digits than these are noise.
        let value = value.map_or(Value::Null, |value| json!((value * 1000.0).round() / 1000.0));
        self.fields.insert(field.to_owned(), value);
    }

    /// Why something is not measured.
    pub fn skip(&mut self, name: &str, field: &str, reason: &str) {
        self.line(format_args!("  {name:46} not measured: {reason}"));
        self.skipped.insert(field.to_owned(), json!(reason));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{line}");
    }
}

/// An error with all that lies below it, in one line.
#[must_use]
pub fn chain(problem: &dyn Error) -> String {
    let mut text = problem.to_string();
    let mut below = problem.source();
    while let Some(source) = below {
        let _ = write!(text, ": {source}");
        below = source.source();
    }
    text
}
