//! A matrix of returns out of a CSV file: bars in rows, parameter sets in columns.
//!
//! The file is a stranger's. Whatever is wrong with it is told with its row (counted
//! below the names, blank lines left out) and column, and nothing is guessed: a cell that
//! is empty or no number is an error, never a zero.

use std::path::Path;

use csv::StringRecord;
use ndarray::Array2;

/// Names of a first column that says when a bar was, and is no parameter set.
const TIMES: [&str; 5] = ["date", "time", "datetime", "timestamp", "bar"];

/// Returns with the names of their columns.
pub(crate) struct Matrix {
    pub(crate) names: Vec<String>,
    pub(crate) returns: Array2<f64>,
}

/// Reads the file. Its first line names the columns.
pub(crate) fn read(path: &Path) -> Result<Matrix, String> {
    let place = |problem: String| format!("{}: {problem}", path.display());
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let head = reader.headers().map_err(|error| place(error.to_string()))?.clone();
    let timed = head.iter().next().is_some_and(|name| TIMES.contains(&name.to_lowercase().as_str()));
    let names: Vec<String> = head.iter().skip(usize::from(timed)).map(str::to_owned).collect();
    if names.iter().any(|name| name.parse::<f64>().is_ok()) {
        return Err(place("the first line holds numbers; name the columns there".to_owned()));
    }
    let (mut cells, mut last_time) = (Vec::new(), None);
    for (row, record) in (1..).zip(reader.records()) {
        let record = record.map_err(|error| place(error.to_string()))?;
        if timed {
            let time = record.get(0).unwrap_or_default().to_owned();
            check_time(last_time.as_deref(), &time)
                .map_err(|problem| place(format!("row {row}: {problem}")))?;
            last_time = Some(time);
        }
        add_row(&record, usize::from(timed), &names, &mut cells)
            .map_err(|problem| place(format!("row {row}, {problem}")))?;
    }
    let shape = (cells.len() / names.len().max(1), names.len());
    let returns = Array2::from_shape_vec(shape, cells).map_err(|error| place(error.to_string()))?;
    Ok(Matrix { names, returns })
}

/// Times are compared as text, which sorts as time if they are written alike and the year stands first.
fn check_time(last: Option<&str>, time: &str) -> Result<(), String> {
    match last {
        Some(last) if time <= last => {
            Err(format!("`{time}` does not come after `{last}`; sort the rows from old to new, each once"))
        }
        _ => Ok(()),
    }
}

fn add_row(
    record: &StringRecord,
    skipped: usize,
    names: &[String],
    cells: &mut Vec<f64>,
) -> Result<(), String> {
    for (cell, name) in record.iter().skip(skipped).zip(names) {
        let problem = |what: &str| format!("column `{}`: {what}", name.escape_debug());
        let value: f64 = cell.parse().map_err(|_| {
            problem(&format!("`{}` is no number; write a return, 0.01 for one percent", cell.escape_debug()))
        })?;
        if !(value.is_finite() && value >= -1.0) {
            return Err(problem(&format!(
                "{value} is no return; it must be finite and at least -1, a total loss"
            )));
        }
        cells.push(value);
    }
    Ok(())
}
