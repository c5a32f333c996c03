//! Says how likely it is that the best of many strategies is the best by luck.
//!
//! ```text
//! cargo run --release --example is_it_luck -- --matrix examples/data/pbo_skill_960x40.csv
//! cargo run --release --example is_it_luck -- --matrix returns.csv --blocks 16 --trials 5000 --json
//! ```

#[path = "support/answers.rs"]
mod answers;
#[path = "support/matrix.rs"]
mod matrix;

use std::path::PathBuf;
use std::process::ExitCode;

use answers::{Problem, answer, arguments, end};
use clap::Parser;
use cofferdam::optimize::{
    Error, Overfitting, OverfittingReport, ReturnMatrix, SharpeEstimate, Superiority, SuperiorityReport,
    expected_maximum_sharpe,
};
use serde::Serialize;

/// Says how likely it is that the best of many strategies is the best by luck.
///
/// FILE is a CSV file of simple returns (0.01 is one percent): a line of names, then a line for each bar, oldest first, and a
/// column for each strategy or parameter set that was tried. A first column named date, time, datetime, timestamp or bar
/// is no strategy; its values must rise.
#[derive(Parser)]
#[command(
    after_help = "Exit codes: 0 there is an answer, whatever it says, 1 the input or the arguments make no sense."
)]
struct Arguments {
    /// The returns.
    #[arg(long, value_name = "FILE")]
    matrix: PathBuf,
    /// Blocks of the history for the probability of backtest overfitting: even, from 2 to 20.
    #[arg(long, default_value_t = 16)]
    blocks: usize,
    /// How many strategies were tried in all; by default those in FILE.
    #[arg(long)]
    trials: Option<usize>,
    /// Bootstraps for the tests of superiority.
    #[arg(long, default_value_t = 2_000)]
    replicates: usize,
    /// Histories without skill beside the probability of backtest overfitting; 0 for none.
    #[arg(long, value_name = "HISTORIES", default_value_t = 100)]
    null: usize,
    /// Bars in a year, for annualised ratios.
    #[arg(long, default_value_t = 252.0)]
    bars_per_year: f64,
    /// The seed of all draws.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// All that is said.
#[derive(Serialize)]
struct Answer {
    bars: usize,
    columns: usize,
    trials: usize,
    best: Best,
    overfitting: OverfittingReport,
    superiority: SuperiorityReport,
}

/// The column with the highest Sharpe ratio.
#[derive(Serialize)]
struct Best {
    column: String,
    /// Annualised, as is the next.
    sharpe: f64,
    /// What the best of so many is expected to show by luck.
    luckiest_sharpe: f64,
    probabilistic_sharpe: Option<f64>,
    deflated_sharpe: Option<f64>,
    /// Bars that it takes to say with 95 percent confidence that the true ratio is positive.
    minimum_track_record: Option<f64>,
}

fn main() -> ExitCode {
    match arguments::<Arguments>() {
        Ok(arguments) => end(say(&arguments)),
        Err(code) => code,
    }
}

fn say(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let read = matrix::read(&arguments.matrix)?;
    let found = judge(arguments, &read.names, &read.returns).map_err(|error| error.to_string())?;
    if arguments.json {
        answer(&serde_json::to_string(&found).map_err(|error| error.to_string())?)?;
    } else {
        answer(&table(&found, &read.names))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn judge(arguments: &Arguments, names: &[String], returns: &ndarray::Array2<f64>) -> Result<Answer, Error> {
    // Settings first: a mistake there needs no wait.
    let overfitting = Overfitting::of_blocks(arguments.blocks)
        .null_replicates(arguments.null)
        .seed(arguments.seed)
        .build()?;
    let superiority = Superiority::new().replicates(arguments.replicates).seed(arguments.seed).build()?;
    let matrix = ReturnMatrix::new(returns.view(), 0)?;
    let overfitting = overfitting.run(&matrix)?;
    let trials = arguments.trials.unwrap_or(names.len()).max(names.len());
    Ok(Answer {
        bars: returns.nrows(),
        columns: names.len(),
        trials,
        best: best(names, returns, trials, arguments.bars_per_year.sqrt())?,
        overfitting,
        superiority: superiority.run(&matrix)?,
    })
}

fn best(names: &[String], returns: &ndarray::Array2<f64>, trials: usize, year: f64) -> Result<Best, Error> {
    let mut estimates = Vec::new();
    for (column, name) in returns.columns().into_iter().zip(names) {
        if let Some(estimate) = SharpeEstimate::of(&column.to_vec())? {
            estimates.push((estimate, name));
        }
    }
    let ratios: Vec<f64> = estimates.iter().map(|(estimate, _)| estimate.sharpe).collect();
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    let squares: f64 = ratios.iter().map(|ratio| (ratio - mean) * (ratio - mean)).sum();
    let variance = squares / (ratios.len() as f64 - 1.0).max(1.0);
    let first_best = estimates.iter().rev().max_by(|left, right| left.0.sharpe.total_cmp(&right.0.sharpe));
    // Overfitting has refused a matrix in which nothing varies.
    let (estimate, name) = *first_best.ok_or_else(|| Error::objective("no column varies"))?;
    Ok(Best {
        column: name.clone(),
        sharpe: estimate.sharpe * year,
        luckiest_sharpe: expected_maximum_sharpe(trials, variance) * year,
        probabilistic_sharpe: estimate.probabilistic(0.0),
        deflated_sharpe: estimate.deflated(trials, variance),
        minimum_track_record: estimate.minimum_track_record(0.0, 0.95),
    })
}

fn table(found: &Answer, names: &[String]) -> String {
    let best = &found.best;
    let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let record = best.minimum_track_record.map_or_else(|| "-".to_owned(), |bars| format!("{bars:.0}"));
    let lines = [
        ("highest Sharpe ratio, a year".to_owned(), format!("{:.3} ({})", best.sharpe, best.column)),
        (format!("what {} tries show by luck", found.trials), format!("{:.3}", best.luckiest_sharpe)),
        ("probability that the true one is positive (PSR)".to_owned(), share(best.probabilistic_sharpe)),
        ("the same with all tries in mind (DSR)".to_owned(), share(best.deflated_sharpe)),
        ("bars to know it is positive (MinTRL, 95 %)".to_owned(), record),
    ];
    let lines: Vec<String> = lines.iter().map(|(name, value)| format!("{name:<50} {value:>16}")).collect();
    let name = |column: usize| names.get(column).map_or("-", String::as_str);
    format!(
        "{}\n\n{} ({})\n\n{} ({})",
        lines.join("\n"),
        found.overfitting,
        name(found.overfitting.most_chosen),
        found.superiority,
        found.superiority.better(0.05).map(|set| name(set.parameter_set)).collect::<Vec<_>>().join(", ")
    )
}
