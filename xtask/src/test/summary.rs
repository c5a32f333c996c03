//! The table at the end of a run.

use std::fmt;
use std::time::Duration;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It ran and found nothing.
    Passed,
    /// It ran and found something, or could not run.
    Failed,
    /// The command line left it out.
    Skipped,
    /// The run had stopped before it.
    NotRun,
}

impl State {
    /// The word in the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
            Self::NotRun => "not run",
        }
    }
}

/// One line of the table.
pub(crate) struct Row {
    /// The step's name.
    pub(crate) name: &'static str,
    /// How it ended.
    pub(crate) state: State,
    /// Wall time.
    pub(crate) elapsed: Duration,
    /// What was left out and why.
    pub(crate) remarks: Vec<String>,
}

/// All lines.
pub(crate) struct Summary {
    /// In the order of the run.
    pub(crate) rows: Vec<Row>,
}

impl Summary {
    /// The names of the steps that failed.
    pub(crate) fn failed(&self) -> Vec<&'static str> {
        self.rows.iter().filter(|row| row.state == State::Failed).map(|row| row.name).collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let (name, word, seconds) = (row.name, row.state.word(), row.elapsed.as_secs_f64());
            write!(formatter, "{name:<12}{word:<9}{seconds:>8.1} s")?;
            if !row.remarks.is_empty() {
                write!(formatter, "  {}", row.remarks.join("; "))?;
            }
            writeln!(formatter)?;
        }
        let total: Duration = self.rows.iter().map(|row| row.elapsed).sum();
        let word = if self.failed().is_empty() { "ok" } else { "FAILED" };
        write!(formatter, "{:<12}{word:<9}{:>8.1} s", "total", total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_stands_in_the_table() {
        let summary = Summary {
            rows: vec![
                Row {
                    name: "fmt",
                    state: State::Passed,
                    elapsed: Duration::from_millis(1500),
                    remarks: vec![],
                },
                Row {
                    name: "deny",
                    state: State::Passed,
                    elapsed: Duration::from_secs(2),
                    remarks: vec!["skipped: advisories (database unreachable)".into()],
                },
                Row { name: "docs", state: State::Failed, elapsed: Duration::ZERO, remarks: vec![] },
            ],
        };
        let expected = [
            "fmt         ok            1.5 s",
            "deny        ok            2.0 s  skipped: advisories (database unreachable)",
            "docs        FAILED        0.0 s",
            "total       FAILED        3.5 s",
        ];
        assert_eq!(summary.to_string().lines().collect::<Vec<_>>(), expected);
        assert_eq!(summary.failed(), ["docs"]);
    }
}
