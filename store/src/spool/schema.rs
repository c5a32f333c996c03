//! What the rows of a spool's file are of, and whether the entity still has room for them.

use std::sync::Arc;

use sea_orm::JsonValue;
use serde_json::json;

use crate::{operation::Operation, table::Table};

/// What a writer's rows are of.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) table: Arc<Table>,
    /// The types of the table's columns, in words.
    pub(crate) kinds: Vec<String>,
    pub(crate) takes: Takes,
}

/// What a writer does with its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// One operation only.
    Only(Operation),
    Both,
}

impl Takes {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Only(operation) => operation.as_str(),
            Self::Both => "both",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Only(Operation::Insert), Self::Only(Operation::Update), Self::Both]
            .into_iter()
            .find(|takes| takes.as_str() == text)
    }

    /// What is done with the rows, in words.
    const fn words(self) -> &'static str {
        match self {
            Self::Only(operation) => operation.as_str(),
            Self::Both => "insert and to update",
        }
    }
}

/// How a file's rows are read by this writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    /// The file's columns as numbers of the table's.
    pub(super) columns: Vec<usize>,
    /// What is done with rows that do not say so themselves: those of the format's first version.
    pub(super) operation: Operation,
}

impl Schema {
    /// How a file's header describes this.
    pub(super) fn describe(&self) -> String {
        let columns = self.table.columns.iter().zip(&self.kinds);
        let columns: Vec<JsonValue> = columns.map(|(column, kind)| json!([column.name, kind])).collect();
        let table = self.table.qualified();
        json!({ "table": table, "operation": self.takes.as_str(), "key": self.key(), "columns": columns })
            .to_string()
    }

    fn key(&self) -> Vec<&'static str> {
        self.table.key.iter().map(|column| self.table.column(*column)).collect()
    }

    /// Finds the columns that a header describes: for each its number in the table. A row may lack columns that the
    /// table has gained since, which then take their default; it may not have one that the table has lost, or has
    /// with another type. A writer of both operations takes the rows of any other.
    pub(super) fn places(&self, header: &str) -> Result<Places, String> {
        let header: JsonValue = serde_json::from_str(header).map_err(|error| error.to_string())?;
        let text = |field: &str| header.get(field).and_then(JsonValue::as_str).unwrap_or_default();
        let table = self.table.qualified();
        if text("table") != table {
            return Err(format!("holds rows of {}, not of {table}", text("table")));
        }
        let operation = text("operation");
        let takes =
            Takes::read(operation).ok_or_else(|| format!("holds rows to {operation}, which is unknown"))?;
        if self.takes != Takes::Both && self.takes != takes {
            return Err(format!("holds rows to {}, not to {}", takes.words(), self.takes.words()));
        }
        if header.get("key") != Some(&json!(self.key())) {
            return Err(format!("was written for another key than {}", self.key().join(", ")));
        }
        let columns = header.get("columns").and_then(JsonValue::as_array);
        let columns = columns.map(Vec::as_slice).unwrap_or_default().iter();
        let operation = match takes {
            Takes::Only(operation) => operation,
            Takes::Both => Operation::Insert,
        };
        Ok(Places { columns: columns.map(|column| self.place(column)).collect::<Result<_, _>>()?, operation })
    }

    fn place(&self, column: &JsonValue) -> Result<usize, String> {
        let Some([JsonValue::String(name), JsonValue::String(kind)]) = column.as_array().map(Vec::as_slice)
        else {
            return Err("describes its columns in another way".to_owned());
        };
        let table = self.table.qualified();
        let place = self
            .table
            .columns
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| format!("has the column {name}, which {table} does not have now"))?;
        match self.kinds.get(place) {
            Some(now) if now == kind => Ok(place),
            Some(now) => Err(format!("has the column {name} as {kind}, which {table} has as {now} now")),
            None => Err(format!("has the column {name}, whose type is not known")),
        }
    }
}
