//! A refused row as JSON, and the way back to a model.

use std::{
    error::Error as _,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use sea_orm::{ActiveModelTrait, EntityTrait, IdenStatic, Iterable, JsonValue, Value};
use serde_json::Map;

use crate::{Error, operation::Operation, row::Row, table::Table, value::json};

/// A refused row on its way into a sink.
pub(super) struct Letter {
    pub(super) time: String,
    pub(super) table: String,
    pub(super) kind: &'static str,
    pub(super) error: String,
    /// All of it, as one JSON object on one line.
    pub(super) json: String,
}

/// Writes a letter; fails only on a value that serde refuses.
pub(super) fn write(table: &Table, time: SystemTime, row: &Row, error: &Error) -> Result<Letter, String> {
    let cells = encode(table, row.cells())?;
    let key: Option<Map<String, JsonValue>> = table
        .key
        .iter()
        .map(|column| {
            let name = table.column(*column);
            cells.get(name).map(|value| (name.to_owned(), value.clone()))
        })
        .collect();
    let name = table.qualified();
    let time = humantime::format_rfc3339_millis(time).to_string();
    let kind = error.kind().as_str();
    let error = chain(error);
    let mut json = serde_json::json!({
        "table": name,
        "time": time,
        "operation": row.operation().as_str(),
        "kind": kind,
        "error": error,
        "key": key,
        "row": cells,
    });
    if let (true, JsonValue::Object(fields)) = (row.shape.is_conditional(), &mut json) {
        fields.insert("expected".to_owned(), encode(table, row.expected())?.into());
    }
    Ok(Letter { time, table: name, kind, error, json: json.to_string() })
}

fn encode<'a>(
    table: &Table,
    cells: impl Iterator<Item = (usize, &'a Value)>,
) -> Result<Map<String, JsonValue>, String> {
    let cell = |(column, value)| {
        let name = table.column(column);
        let value = json::encode(value).map_err(|reason| format!("column {name}: {reason}"))?;
        Ok((name.to_owned(), value))
    };
    cells.map(cell).collect()
}

/// An error with all its causes in one text.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A row that was refused, read back from where [`DeadLetters`](crate::DeadLetters) put it.
///
/// The model can be corrected and added again to a writer of the same kind.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadLetter<E: EntityTrait> {
    /// The row with every value as it was added, set; what was not set is not set.
    pub model: E::ActiveModel,
    /// When it was refused.
    pub time: SystemTime,
    /// What a conditional update expected of its row.
    pub expected: Option<E::ActiveModel>,
    /// What was to be done with the row.
    pub operation: Operation,
    /// The name of the error's kind, see [`ErrorKind::as_str`](crate::ErrorKind::as_str).
    pub kind: String,
    /// What the error and its causes said.
    pub error: String,
}

impl<E: EntityTrait> DeadLetter<E> {
    /// Reads a JSON Lines file, oldest row first. Lines are read as the iterator goes; each blocks for as long as
    /// the disk takes. A line that cannot be read (cut short by a crash, of another table) is an error by itself,
    /// and the next ones follow.
    ///
    /// # Errors
    /// [`Error::DeadLetters`] if the file cannot be opened; as an item, if the file cannot be read on.
    /// [`Error::Letter`] as an item, for a line that is not a refused row of this entity.
    pub fn read(path: impl AsRef<Path>) -> Result<impl Iterator<Item = Result<Self, Error>>, Error> {
        let sink = path.as_ref().display().to_string();
        let failure = {
            let sink = sink.clone();
            move |source| Error::DeadLetters { sink: sink.clone(), source: Arc::new(source) }
        };
        let mut lines = BufReader::new(fs::File::open(path).map_err(&failure)?);
        let mut number = 0_u64;
        let mut broken = false;
        Ok(std::iter::from_fn(move || {
            // Bytes, not text: a line that is no UTF-8 must not end the reading.
            let mut line = Vec::new();
            while !broken {
                line.clear();
                number += 1;
                match lines.read_until(b'\n', &mut line) {
                    Ok(0) => return None,
                    Ok(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                    Ok(_) => {
                        let letter = Self::parse(&line);
                        let place = || format!("line {number} of {sink}");
                        return Some(letter.map_err(|reason| Error::Letter { place: place(), reason }));
                    }
                    Err(error) => {
                        broken = true;
                        return Some(Err(failure(error)));
                    }
                }
            }
            None
        }))
    }

    /// Reads one letter: a line of a file, or the column `letter` of a table.
    ///
    /// # Errors
    /// [`Error::Letter`] if it is not a refused row of this entity.
    pub fn from_json(letter: &str) -> Result<Self, Error> {
        Self::parse(letter.as_bytes())
            .map_err(|reason| Error::Letter { place: "the text".to_owned(), reason })
    }

    fn parse(letter: &[u8]) -> Result<Self, String> {
        let mut letter: Map<String, JsonValue> =
            serde_json::from_slice(letter).map_err(|error| error.to_string())?;
        let table = text(&mut letter, "table")?;
        let expected = Table::qualified_name(&E::default());
        if table != expected {
            return Err(format!("it is of table {table}, not {expected}"));
        }
        let time =
            humantime::parse_rfc3339(&text(&mut letter, "time")?).map_err(|error| error.to_string())?;
        let operation = match text(&mut letter, "operation")?.as_str() {
            "insert" => Operation::Insert,
            "update" => Operation::Update,
            other => return Err(format!("it was to {other}, which is unknown")),
        };
        let kind = text(&mut letter, "kind")?;
        let error = text(&mut letter, "error")?;
        let Some(JsonValue::Object(cells)) = letter.remove("row") else {
            return Err("it has no row".to_owned());
        };
        let expected = match letter.remove("expected") {
            Some(JsonValue::Object(cells)) => Some(Self::model(cells)?),
            _ => None,
        };
        Ok(Self { model: Self::model(cells)?, expected, time, operation, kind, error })
    }

    fn model(mut cells: Map<String, JsonValue>) -> Result<E::ActiveModel, String> {
        let mut model = <E::ActiveModel as ActiveModelTrait>::default();
        for column in E::Column::iter() {
            let name = column.as_str();
            let Some(cell) = cells.remove(name) else { continue };
            let JsonValue::Object(cell) = cell else {
                return Err(format!("column {name} is no value with a type"));
            };
            let value = json::decode(cell).map_err(|reason| format!("column {name}: {reason}"))?;
            model
                .try_set(column, value)
                .map_err(|error| format!("column {name} has another type now ({error})"))?;
        }
        // To leave a value out silently would be to lose it.
        if let Some(name) = cells.keys().next() {
            return Err(format!("it has a column {name}, which the entity does not know"));
        }
        Ok(model)
    }
}

fn text(letter: &mut Map<String, JsonValue>, field: &str) -> Result<String, String> {
    match letter.remove(field) {
        Some(JsonValue::String(text)) => Ok(text),
        _ => Err(format!("it has no {field}")),
    }
}
