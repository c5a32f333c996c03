//! The judgements of several modes, for people.

use std::fmt::Write;

use super::Judgement;

/// How many findings of a mode are told in full.
const TOLD: usize = 20;

/// One row for each figure and one column for each mode, then the findings that are not excused.
#[must_use]
pub fn table(judgements: &[(&str, &Judgement)]) -> String {
    let mut text = String::new();
    let head = judgements.iter().map(|(mode, _)| (*mode).to_owned());
    line(&mut text, "", head);
    for (name, figure) in ROWS {
        line(&mut text, name, judgements.iter().map(|(_, judgement)| figure(judgement)));
    }
    for (mode, judgement) in judgements {
        let serious = judgement.findings.iter().filter(|finding| !finding.excused);
        for finding in serious.clone().take(TOLD) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{mode}: {finding}");
        }
        let more = serious.count().saturating_sub(TOLD);
        if more > 0 {
            let _ = writeln!(text, "{mode}: and {more} more");
        }
    }
    text
}

type Figure = fn(&Judgement) -> String;

const ROWS: [(&str, Figure); 23] = [
    ("faults", |one| one.figures.faults.to_string()),
    ("masters lost", |one| one.figures.masters_lost.to_string()),
    ("calls", |one| one.figures.calls.to_string()),
    ("  failed without effect", |one| one.figures.failed_calls.to_string()),
    ("  of unknown effect", |one| one.figures.unknown_calls.to_string()),
    ("  longest, ms", |one| one.figures.longest_call_ms.to_string()),
    ("tasks acknowledged", |one| one.figures.acknowledged.to_string()),
    ("  lost", |one| one.figures.lost.to_string()),
    ("  lost, %", |one| format!("{:.3}", one.figures.lost_percent)),
    ("tasks recovered", |one| one.figures.recovered.to_string()),
    ("tasks done", |one| one.figures.done.to_string()),
    ("tasks given up", |one| one.figures.dead.to_string()),
    ("handed out", |one| one.figures.delivered.to_string()),
    ("  to more than one", |one| one.figures.duplicated.to_string()),
    ("  fenced off", |one| one.figures.fenced.to_string()),
    ("acknowledged ends undone", |one| one.figures.ends_undone.to_string()),
    ("  recorded twice", |one| one.figures.recorded_twice.to_string()),
    ("rescued from the killed", |one| one.figures.rescued.to_string()),
    ("  median, ms", |one| or_dash(one.figures.rescue_p50_ms)),
    ("  99th percentile, ms", |one| or_dash(one.figures.rescue_p99_ms)),
    ("slowest return, ms", |one| or_dash(one.figures.slowest_return_ms)),
    ("findings", |one| one.findings.iter().filter(|finding| !finding.excused).count().to_string()),
    ("verdict", |one| if one.valid { "valid" } else { "INVALID" }.to_owned()),
];

fn or_dash(figure: Option<u64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string())
}

fn line(text: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let _ = write!(text, "{name:<26}");
    for cell in cells {
        let _ = write!(text, "{cell:>20}");
    }
    text.push('\n');
}
