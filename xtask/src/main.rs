//! The project's own commands, run as `cargo xtask …`.
//!
//! - `test` runs every gate that a change must pass, in order, and ends with a table.
//! - `image` makes the image that the Docker backend runs programs in.
//! - `chaos` builds and runs the chaos suite.
//! - `services` brings up the databases and daemons that tests talk to, and takes down exactly what it started.
//!
//! It depends on no crate of the family, so that a broken family can still be tested.

#![forbid(unsafe_code)]

mod chaos;
mod error;
mod image;
mod services;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use workspace::Workspace;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gates that a change must pass.
    Test(test::Arguments),
    /// Make the image that the Docker backend runs programs in, without a registry.
    Image(image::Arguments),
    /// Bring faults about on a Redis Cluster and judge what became of every task.
    Chaos(chaos::Arguments),
    /// Start, stop and list the services that tests talk to.
    Services(services::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = Workspace::find().and_then(|workspace| match arguments.command {
        Command::Test(arguments) => test::run(&workspace, &arguments),
        Command::Image(arguments) => image::run(&workspace, &arguments),
        Command::Chaos(arguments) => chaos::run(&workspace, &arguments),
        Command::Services(arguments) => services::run(&workspace, &arguments),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
