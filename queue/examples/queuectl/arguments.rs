//! The command line.

use clap::{Parser, Subcommand, ValueEnum};
use cofferdam_queue::{DeathReason, Section};

/// Looks at the queues of a store and changes what people may change.
#[derive(Parser)]
#[command(
    name = "queuectl",
    after_help = "Exit codes: 0 done, 1 the arguments make no sense or the store cannot be reached, 2 what was asked \
                  for is not there or needs --yes."
)]
pub(crate) struct Arguments {
    /// Where the queues are: the path of an SQLite file, or the URLs of a Redis or of some nodes of a cluster,
    /// separated by commas (redis://[user:password@]host:port[/database]).
    #[arg(long)]
    pub(crate) url: String,
    /// Which queue; may be left out where there is but one.
    #[arg(long)]
    pub(crate) queue: Option<String>,
    /// Write JSON, one document on a line, in place of tables.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the queues and how full they are.
    Ls,
    /// Count a queue's tasks by priority, and show its settings.
    Stats,
    /// Show the tasks that come next.
    Peek {
        /// Which.
        #[arg(value_enum, default_value_t = Where::Ready)]
        section: Where,
        /// How many at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
        max: u16,
    },
    /// Show the dead letters, the latest first.
    Dead {
        /// How many at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
        max: u16,
    },
    /// List the workers that hold tasks.
    Workers,
    /// Hand out no more tasks; running ones may end.
    Pause,
    /// Take tasks and hand them out again.
    Resume,
    /// Take no more tasks, and hand out what is there.
    Drain {
        /// Return when nothing waits and nothing runs any more.
        #[arg(long)]
        wait: bool,
    },
    /// Make these dead tasks ready again.
    Retry {
        /// Their ids.
        #[arg(required = true)]
        tasks: Vec<String>,
    },
    /// Make all dead tasks ready again.
    Replay {
        /// Only those that died of this.
        #[arg(long, value_enum)]
        reason: Option<Reason>,
        /// Do it; without this the tasks are only counted.
        #[arg(long)]
        yes: bool,
    },
    /// Delete all tasks of a section, with their payloads.
    Purge {
        /// Which.
        #[arg(value_enum)]
        section: Where,
        /// Do it; without this the tasks are only counted.
        #[arg(long)]
        yes: bool,
    },
    /// Cancel tasks, waiting or running.
    Cancel {
        /// Their ids.
        #[arg(required = true)]
        tasks: Vec<String>,
    },
    /// Show the counts again and again.
    Watch {
        /// Seconds between two looks.
        #[arg(long, default_value_t = 1.0, value_parser = seconds)]
        every: f64,
        /// Stop after so many looks.
        #[arg(long)]
        times: Option<u64>,
    },
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.05..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("write seconds from 0.05 to 3600".to_owned()),
    }
}

/// [`Section`] on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Where {
    Ready,
    Delayed,
    Blocked,
    Leased,
    Dead,
}

impl From<Where> for Section {
    fn from(section: Where) -> Self {
        match section {
            Where::Ready => Self::Ready,
            Where::Delayed => Self::Delayed,
            Where::Blocked => Self::Blocked,
            Where::Leased => Self::Leased,
            Where::Dead => Self::Dead,
        }
    }
}

/// [`DeathReason`] on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Reason {
    Failures,
    Crashes,
    Rejected,
    Cancelled,
    Expired,
    Dependency,
    Quarantined,
    Unreadable,
}

impl From<Reason> for DeathReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Failures => Self::Failures,
            Reason::Crashes => Self::Crashes,
            Reason::Rejected => Self::Rejected,
            Reason::Cancelled => Self::Cancelled,
            Reason::Expired => Self::Expired,
            Reason::Dependency => Self::Dependency,
            Reason::Quarantined => Self::Quarantined,
            Reason::Unreadable => Self::Unreadable,
        }
    }
}
