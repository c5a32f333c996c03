//! What a command answers: a table for people, the same as JSON for programs.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, LineStyle, Table, presets};
use serde_json::Value;

use crate::Problem;

/// An answer in both shapes.
pub(crate) struct Page {
    json: Value,
    text: String,
}

impl Page {
    pub(crate) fn new(json: Value) -> Self {
        Self { json, text: String::new() }
    }

    /// Adds a line of text.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.text.push_str(line);
        self.text.push('\n');
        self
    }

    /// Adds a table; a sentence in its place if it has no rows.
    pub(crate) fn table(self, head: &[&str], rows: Vec<Vec<String>>, empty: &str) -> Self {
        if rows.is_empty() {
            return self.line(empty);
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
        table.set_header(head.iter().copied());
        for row in rows {
            table.add_row(row.into_iter().map(cell));
        }
        self.line(&table.trim_fmt())
    }

    pub(crate) fn show(&self, json: bool) -> Result<(), Problem> {
        let text = if json { format!("{}\n", self.json) } else { self.text.clone() };
        write(&text)
    }

    pub(crate) const fn json(&self) -> &Value {
        &self.json
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Numbers stand to the right.
fn cell(text: String) -> Cell {
    let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let alignment = if number { CellAlignment::Right } else { CellAlignment::Left };
    Cell::new(text).set_alignment(alignment)
}

/// Writes at once: whoever watches wants to see it now.
pub(crate) fn write(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Problem::ReaderGone,
        _ => Problem::Failed(format!("cannot write to stdout: {error}")),
    })
}
