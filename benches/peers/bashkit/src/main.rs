//! bashkit's CPython, one turn for every line of stdin: it runs a trivial program in a fresh interpreter and answers with
//! the microseconds that this took, by the clock of this process.
//!
//! What is timed is the call alone. The shell around it is made before, and CPython's module is loaded when the process
//! starts, so that the peer pays for nothing that it could have done ahead.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use bashkit::Bash;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    bashkit::warm_up().map_err(|problem| format!("load CPython: {problem}"))?;
    let mut answers = std::io::stdout().lock();
    for turn in std::io::stdin().lock().lines() {
        turn?;
        let mut shell = Bash::builder().cpython().build();
        let start = Instant::now();
        let outcome = shell.exec("python3 -c 'print(1)'").await?;
        let took = start.elapsed();
        if outcome.exit_code != 0 || outcome.stdout != "1\n" {
            return Err(format!("python3 ended with {}", outcome.exit_code).into());
        }
        writeln!(answers, "{:.3}", took.as_secs_f64() * 1e6)?;
        answers.flush()?;
    }
    Ok(())
}
