//! Checks Python programs by a policy, without running them.
//!
//! ```text
//! cargo run --release --example check -- examples/strategies/crossover.py --human
//! cargo run --release --example check -- --jsonl programs.jsonl > verdicts.jsonl
//! cargo run --release --example check -- strategy.py --format sarif > strategy.sarif
//! ```

mod support;

use std::env;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use cofferdam::sandbox::{Policy, Program, Rejection};
use serde_json::{Value, json};
use support::{FAILED, Problem, Programs, answer, arguments, end, say};

/// Checks Python programs by a policy, without running them.
///
/// Writes one JSON line for each program:
/// {"id", "accepted", "violations": [{"code", "title", "line", "column", "end_line", "end_column", "message", "help",
/// "documentation"}], "omitted"}.
/// A line of input that is no program gives {"id", "accepted": false, "error"}, and the rest is checked.
#[derive(Parser)]
#[command(after_help = "Exit codes: 0 all programs were checked (and the one of FILE was accepted), \
                        1 the input or the arguments could not be read, 2 the program of FILE was refused.")]
struct Arguments {
    #[command(flatten)]
    programs: Programs,
    /// A policy as JSON, in place of the default one.
    #[arg(long, value_name = "FILE.json")]
    policy: Option<PathBuf>,
    /// What to write: a JSON line for each program, what a person reads (coloured on a terminal), or a SARIF 2.1.0
    /// log on one line for each refused program.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// The same as `--format human`.
    #[arg(long, conflicts_with = "format")]
    human: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    Sarif,
}

fn main() -> ExitCode {
    match arguments::<Arguments>() {
        Ok(arguments) => end(check(&arguments)),
        Err(code) => code,
    }
}

fn check(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let policy = match &arguments.policy {
        Some(path) => read_policy(path)?,
        None => Policy::default(),
    };
    let format = if arguments.human { Format::Human } else { arguments.format };
    let coloured = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let start = Instant::now();
    let (mut checked, mut accepted) = (0_u64, 0_u64);
    for row in arguments.programs.open()? {
        let row = row?;
        let verdict = row.code.as_ref().map(|code| policy.check(code));
        checked += 1;
        accepted += u64::from(matches!(verdict, Ok(Ok(_))));
        let line = match format {
            Format::Human => Some(text(&row.id, verdict, coloured)),
            Format::Json => Some(json(&row.id, verdict)),
            Format::Sarif => sarif(&row.id, verdict),
        };
        if let Some(line) = line {
            answer(&line)?;
        }
    }
    say(&format!(
        "{checked} checked, {accepted} accepted, {} refused, {} ms",
        checked - accepted,
        start.elapsed().as_millis()
    ));
    let refused = !arguments.programs.are_many() && accepted == 0;
    Ok(if refused { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// What the policy said, or why the row holds no program.
type Verdict<'a> = Result<Result<Program, Rejection>, &'a String>;

fn json(id: &Value, verdict: Verdict<'_>) -> String {
    let line = match verdict {
        Ok(Ok(_)) => json!({ "id": id, "accepted": true, "violations": [], "omitted": 0 }),
        Ok(Err(rejection)) => json!({
            "id": id,
            "accepted": false,
            "violations": rejection.violations(),
            "omitted": rejection.omitted(),
        }),
        Err(problem) => json!({ "id": id, "accepted": false, "error": problem }),
    };
    line.to_string()
}

/// An accepted program has no results; what could not be read is told on stderr.
fn sarif(id: &Value, verdict: Verdict<'_>) -> Option<String> {
    match verdict {
        Ok(Ok(_)) => None,
        Ok(Err(rejection)) => Some(rejection.sarif(&printable(id)).to_string()),
        Err(problem) => {
            say(&format!("{}: {problem}", printable(id)));
            None
        }
    }
}

fn text(id: &Value, verdict: Verdict<'_>, coloured: bool) -> String {
    match verdict {
        Ok(Ok(_)) => format!("{}: accepted", printable(id)),
        Ok(Err(rejection)) if coloured => rejection.render_coloured(&printable(id)),
        Ok(Err(rejection)) => rejection.render(&printable(id)),
        Err(problem) => format!("error: {problem}"),
    }
}

/// An id for people, in which nothing can rewrite a terminal.
fn printable(id: &Value) -> String {
    match id {
        Value::String(id) => id.escape_debug().to_string(),
        other => other.to_string(),
    }
}

fn read_policy(path: &Path) -> Result<Policy, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is no policy: {error}", path.display()))
}
