//! The run: which steps, in which order, and when it stops.

use std::time::Instant;

use clap::Args;

use super::step::Step;
use super::summary::{Row, State, Summary};
use crate::error::Result;
use crate::workspace::Workspace;

/// What `cargo xtask test` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Run this step alone; may be repeated.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEP")]
    only: Vec<Step>,
    /// Leave this step out; may be repeated.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEP")]
    skip: Vec<Step>,
    /// Run the later steps although one failed.
    #[arg(long)]
    keep_going: bool,
}

impl Arguments {
    /// Why the step does not run, if it does not.
    fn excludes(&self, step: Step) -> Option<&'static str> {
        if self.skip.contains(&step) {
            Some("--skip")
        } else if !self.only.is_empty() && !self.only.contains(&step) {
            Some("--only")
        } else {
            None
        }
    }
}

/// Runs the steps, prints the table and fails if a step failed.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    let summary = gather(arguments, |step| {
        println!("\n=== {}", step.name());
        step.run(workspace)
    });
    println!("\n{summary}");
    match summary.failed().as_slice() {
        [] => Ok(()),
        failed => Err(format!("failed: {}", failed.join(", ")).into()),
    }
}

fn gather(arguments: &Arguments, mut execute: impl FnMut(Step) -> Result<Vec<String>>) -> Summary {
    let mut rows = Vec::new();
    let mut stopped = false;
    for &step in Step::all() {
        let began = Instant::now();
        let (state, remarks) = if let Some(option) = arguments.excludes(step) {
            (State::Skipped, vec![format!("by {option}")])
        } else if stopped {
            (State::NotRun, vec!["a step before it failed".into()])
        } else {
            match execute(step) {
                Ok(remarks) => (State::Passed, remarks),
                Err(error) => {
                    eprintln!("{} failed: {error}", step.name());
                    stopped = !arguments.keep_going;
                    (State::Failed, Vec::new())
                }
            }
        };
        if matches!(state, State::Passed | State::Failed) {
            println!("--- {} {} in {:.1} s", step.name(), state.word(), began.elapsed().as_secs_f64());
        }
        rows.push(Row { name: step.name(), state, elapsed: began.elapsed(), remarks });
    }
    Summary { rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(arguments: &Arguments, failing: Step) -> Vec<(Step, State)> {
        let summary = gather(arguments, |step| match step {
            step if step == failing => Err("no".into()),
            _ => Ok(Vec::new()),
        });
        let states: Vec<_> = summary.rows.iter().map(|row| row.state).collect();
        Step::all().iter().copied().zip(states).collect()
    }

    fn arguments() -> Arguments {
        Arguments { only: Vec::new(), skip: Vec::new(), keep_going: false }
    }

    #[test]
    fn nothing_runs_after_a_failure() {
        for (step, state) in states(&arguments(), Step::Docs) {
            let expected = match step {
                Step::Fmt | Step::Clippy => State::Passed,
                Step::Docs => State::Failed,
                _ => State::NotRun,
            };
            assert_eq!(state, expected, "{step:?}");
        }
    }

    #[test]
    fn everything_runs_after_a_failure_when_told_to_keep_going() {
        for (step, state) in states(&Arguments { keep_going: true, ..arguments() }, Step::Docs) {
            assert_eq!(state, if step == Step::Docs { State::Failed } else { State::Passed }, "{step:?}");
        }
    }

    #[test]
    fn a_skipped_step_cannot_fail_the_run() {
        let skipping = Arguments { skip: vec![Step::Docs], ..arguments() };
        for (step, state) in states(&skipping, Step::Docs) {
            assert_eq!(state, if step == Step::Docs { State::Skipped } else { State::Passed }, "{step:?}");
        }
    }

    #[test]
    fn only_the_named_step_runs() {
        let alone = Arguments { only: vec![Step::Deny], ..arguments() };
        for (step, state) in states(&alone, Step::Fmt) {
            assert_eq!(state, if step == Step::Deny { State::Passed } else { State::Skipped }, "{step:?}");
        }
    }
}
