//! HumanEval: 164 small programs with tests of their own, written by people who did not think of this crate.

use serde::Deserialize;

/// One problem, solved, as a program that sets `result = True` when its own tests pass.
#[derive(Debug)]
pub(crate) struct Problem {
    /// As in `HumanEval/17`.
    pub(crate) id: String,
    pub(crate) program: String,
}

#[derive(Deserialize)]
struct Row {
    task_id: String,
    prompt: String,
    canonical_solution: String,
    test: String,
    entry_point: String,
}

/// All problems, in order.
pub(crate) fn problems() -> Vec<Problem> {
    include_str!("problems.jsonl").lines().map(problem).collect()
}

fn problem(line: &str) -> Problem {
    let Row { task_id, prompt, canonical_solution, test, entry_point } = serde_json::from_str(line).unwrap();
    let program = format!("{prompt}{canonical_solution}\n{test}\ncheck({entry_point})\nresult = True\n");
    Problem { id: task_id, program }
}
