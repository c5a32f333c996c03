//! What `check` and `run` share: programs from a file or from JSON Lines, and answers as JSON Lines.
//!
//! A line of input is a stranger's: it may be broken, endless or hostile. It costs bounded memory and becomes an
//! answer of its own; it never ends the process.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

mod answers;

pub(crate) use answers::{Problem, answer, arguments, end, say};

/// Bytes of one line, and of a single file. The largest program that any policy allows has 1 MiB, and JSON writes a
/// byte as six at most; the rest is room for the other fields.
const MAX_BYTES: usize = 8 << 20;

/// Exit code when a single program was refused or failed. For JSON Lines that is no error of the process.
pub(crate) const FAILED: u8 = 2;

/// Which programs.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Programs {
    /// A Python file.
    file: Option<PathBuf>,
    /// A file of JSON Lines, each `{"id": …, "code": "…"}`; other fields are ignored.
    #[arg(long, value_name = "FILE")]
    jsonl: Option<PathBuf>,
}

impl Programs {
    /// Whether there may be more than one.
    pub(crate) fn are_many(&self) -> bool {
        self.jsonl.is_some()
    }

    /// Opens the file. The programs are read one by one, as they are asked for.
    pub(crate) fn open(&self) -> Result<Box<dyn Iterator<Item = Result<Row, String>>>, String> {
        if let Some(path) = &self.jsonl {
            let lines = Lines { input: BufReader::new(open(path)?), number: 0, path: path.clone() };
            return Ok(Box::new(lines));
        }
        let path = self.file.clone().unwrap_or_default();
        let file = open(&path)?;
        Ok(Box::new(std::iter::once_with(move || single(file, &path))))
    }
}

/// One program, or why there is none.
pub(crate) struct Row {
    /// The row's `id`, the file's name, or `line 7` where a row has none.
    pub(crate) id: Value,
    /// The program's text, or a sentence that starts with the place.
    pub(crate) code: Result<String, String>,
}

fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))
}

fn single(file: File, path: &Path) -> Result<Row, String> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let name = path.display().to_string();
    let code = if bytes.len() > MAX_BYTES {
        Err(format!("{name}: is longer than {MAX_BYTES} bytes; no policy allows such a program"))
    } else {
        String::from_utf8(bytes).map_err(|error| {
            format!("{name}: byte {} is not UTF-8; save it as UTF-8", error.utf8_error().valid_up_to())
        })
    };
    Ok(Row { id: name.into(), code })
}

/// The rows of a file, one for each line that is not blank.
struct Lines {
    input: BufReader<File>,
    number: u64,
    path: PathBuf,
}

impl Iterator for Lines {
    type Item = Result<Row, String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.number += 1;
            let (line, whole) = match bounded_line(&mut self.input) {
                Ok(Some(read)) => read,
                Ok(None) => return None,
                Err(error) => {
                    return Some(Err(format!("cannot read {}: {error}", self.path.display())));
                }
            };
            let mut line = line.as_slice();
            if self.number == 1 {
                line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
            }
            if whole && line.trim_ascii().is_empty() {
                continue;
            }
            return Some(Ok(row(line, whole, self.number)));
        }
    }
}

/// Reads to the end of the line, and keeps no more than [`MAX_BYTES`] of it. Says whether that was all; `None` at the
/// end of the file.
fn bounded_line(input: &mut impl BufRead) -> io::Result<Option<(Vec<u8>, bool)>> {
    let mut line = Vec::new();
    if input.by_ref().take(MAX_BYTES as u64).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let ended = line.ends_with(b"\n") || input.fill_buf()?.is_empty();
    if !ended {
        input.skip_until(b'\n')?;
    }
    Ok(Some((line, ended)))
}

fn row(line: &[u8], whole: bool, number: u64) -> Row {
    let place = format!("line {number}");
    if !whole {
        let code = Err(format!("{place}: is longer than {MAX_BYTES} bytes; shorten or split it"));
        return Row { id: place.into(), code };
    }
    let mut fields = match serde_json::from_slice(line) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => {
            let code = Err(format!("{place}: is JSON but no object; write {{\"id\": …, \"code\": \"…\"}}"));
            return Row { id: place.into(), code };
        }
        Err(error) => {
            let text = error.to_string();
            // serde_json counts lines too, and here every text has one.
            let what = text.split(" at line ").next().unwrap_or_default();
            let code = Err(format!("{place}: no JSON: {what} at column {}", error.column()));
            return Row { id: place.into(), code };
        }
    };
    let code = match fields.remove("code") {
        Some(Value::String(code)) => Ok(code),
        Some(_) => Err(format!("{place}: `code` is no string; write the program's text there")),
        None => Err(format!("{place}: has no `code`; write the program's text there")),
    };
    let id =
        fields.remove("id").filter(|id| id.is_string() || id.is_number()).unwrap_or_else(|| place.into());
    Row { id, code }
}
