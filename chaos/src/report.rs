//! What is told of a run in the end: a table for people, and one line for programs.

use serde_json::{Map, Value, json};

use crate::checker::{Judgement, table};
use crate::error::{Context, Result};
use crate::mode::Mode;

/// The table, and as the last line one JSON object with the figures of every mode.
///
/// # Errors
/// None in practice: there is nothing in a judgement that JSON cannot hold.
pub fn report(seed: u64, judgements: &[(Mode, Judgement)]) -> Result<String> {
    let named: Vec<(&str, &Judgement)> = judgements.iter().map(|(mode, one)| (mode.name(), one)).collect();
    let valid = judgements.iter().all(|(_, judgement)| judgement.valid);
    let mut modes = Map::new();
    for (name, judgement) in &named {
        let mut figures =
            serde_json::to_value(&judgement.figures).context(|| "write the figures".to_owned())?;
        if let Value::Object(figures) = &mut figures {
            figures.insert("valid".into(), judgement.valid.into());
            let serious = judgement.findings.iter().filter(|finding| !finding.excused).count();
            figures.insert("findings".into(), serious.into());
        }
        modes.insert((*name).to_owned(), figures);
    }
    let line = json!({ "seed": seed, "valid": valid, "modes": modes });
    Ok(format!("{}{line}", table(&named)))
}
