//! What is printed: tables to read, then one line of JSON with the same figures.

use std::error::Error;
use std::fmt::Write as _;

use cofferdam_benches::Samples;
use serde_json::{Map, Value, json};

use super::Problem;
use super::contest::Outcome;
use super::meter::Cost;
use super::servers::Kind;

/// Gathers rows of the tables and fields of the line in the order in which they are told.
pub(super) struct Report {
    text: String,
    fields: Map<String, Value>,
    skipped: Map<String, Value>,
}

impl Report {
    pub(super) fn new() -> Self {
        let mut fields = Map::new();
        fields.insert("bench".into(), json!("compare-queue"));
        Self { text: String::new(), fields, skipped: Map::new() }
    }

    /// A setting under which everything was measured.
    pub(super) fn setting(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// A sentence.
    pub(super) fn say(&mut self, words: &str) {
        self.line(format_args!("{words}"));
    }

    /// Begins a part.
    pub(super) fn section(&mut self, heading: &str, columns: &[&str]) {
        let mut row = format!("\n{heading:48}");
        for column in columns {
            // Writing to a string cannot fail.
            let _ = write!(row, " {column:>11}");
        }
        self.line(format_args!("{row}"));
    }

    /// Everybody at one server: tasks for a second of the masters' processor time, and for one on the clock.
    pub(super) fn on_redis(&mut self, kind: Kind, outcomes: &[Outcome]) {
        let columns = ["enqueue", "claim+ack", "full life", "life/s wall", "commands"];
        self.section(&format!("{kind}: tasks a second of processor time"), &columns);
        for outcome in outcomes {
            let (tasks, field) = (outcome.tasks, format!("{}{}", outcome.party.field, kind.infix()));
            let per_cpu_second = |cost: &Cost| cost.per_cpu_second(tasks);
            let figures = [
                ("enqueue", outcome.median(|life| per_cpu_second(&life.enqueue))),
                ("claim_ack", outcome.median(|life| per_cpu_second(&life.work))),
                ("full_life", outcome.full_life()),
                ("full_life_wall_per_s", outcome.median(|life| life.full().per_second(tasks))),
                ("commands_per_task", outcome.median(|life| life.full().commands as f64 / tasks as f64)),
            ];
            self.row(outcome, &field, &figures);
        }
    }

    /// Everybody without a server: tasks for a second on the clock.
    pub(super) fn embedded(&mut self, outcomes: &[Outcome]) {
        self.section("without a server: tasks a second on the clock", &["enqueue", "claim+ack", "full life"]);
        for outcome in outcomes {
            let tasks = outcome.tasks;
            let figures = [
                ("enqueue_jobs_per_s", outcome.median(|life| life.enqueue.per_second(tasks))),
                ("claim_ack_jobs_per_s", outcome.median(|life| life.work.per_second(tasks))),
                ("jobs_per_s", outcome.median(|life| life.full().per_second(tasks))),
            ];
            self.row(outcome, outcome.party.field, &figures);
        }
    }

    /// How long something took; the fields are `<field>_p50_ms` and so on.
    pub(super) fn times(&mut self, name: &str, field: &str, samples: Result<Samples, Problem>) {
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
    pub(super) fn figure(&mut self, name: &str, field: &str, value: Option<f64>) {
        self.field(field, value);
        match value {
            Some(value) => self.line(format_args!("  {name:46} {value:>11.2}")),
            None => self.skip(name, field, "what it is made of was not measured"),
        }
    }

    /// How many times as much `more` is as `less`.
    pub(super) fn ratio(&mut self, name: &str, field: &str, more: Option<f64>, less: Option<f64>) {
        self.figure(name, field, more.zip(less).map(|(more, less)| more / less));
    }

    /// Words in place of a figure.
    pub(super) fn words(&mut self, name: &str, field: &str, words: &str) {
        self.line(format_args!("  {name:46} {words}"));
        self.fields.insert(field.to_owned(), json!(words));
    }

    /// The tables and the line.
    pub(super) fn finish(mut self) -> String {
        self.fields.insert("skipped".into(), Value::Object(self.skipped));
        let _ = writeln!(self.text, "\n{}", Value::Object(self.fields));
        self.text
    }

    fn row(&mut self, outcome: &Outcome, field: &str, figures: &[(&str, Option<f64>)]) {
        let mut row = format!("  {:46}", outcome.party.name);
        for (name, value) in figures {
            self.field(&format!("{field}_{name}"), *value);
            let digits = if *name == "commands_per_task" { 2 } else { 0 };
            let _ = write!(row, " {:>11.digits$}", value.unwrap_or_default());
        }
        match &outcome.failure {
            Some(reason) => self.skip(outcome.party.name, field, reason),
            None => self.line(format_args!("{row}")),
        }
    }

    fn field(&mut self, field: &str, value: Option<f64>) {
        // More digits than these are noise.
        let value = value.map_or(Value::Null, |value| json!((value * 1000.0).round() / 1000.0));
        self.fields.insert(field.to_owned(), value);
    }

    fn skip(&mut self, name: &str, field: &str, reason: &str) {
        self.line(format_args!("  {name:46} not measured: {reason}"));
        self.skipped.insert(field.to_owned(), json!(reason));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{line}");
    }
}

/// An error with all that lies below it, in one line.
pub(super) fn chain(problem: &dyn Error) -> String {
    let mut text = problem.to_string();
    let mut below = problem.source();
    while let Some(source) = below {
        let _ = write!(text, ": {source}");
        below = source.source();
    }
    text
}
