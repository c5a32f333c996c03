//! The command `cofferdam-chaos`, which is also the program of every process that a run starts.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cofferdam_chaos::{Result, process};

#[derive(Parser)]
#[command(
    name = "cofferdam-chaos",
    about = "Faults against the queue, and a checker of what became of every task."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Becomes another program that ends when the one who started it ends.
    #[command(hide = true)]
    Leash {
        /// The program.
        program: PathBuf,
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", error.in_full());
            ExitCode::from(2)
        }
    }
}

/// Whether the run was judged good.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Leash { program, arguments } => Err(process::become_leashed(&program, &arguments)),
    }
}
