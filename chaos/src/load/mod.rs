//! What the processes of a run do: put tasks in, run them, and read in the end what became of them.
//!
//! Whatever they ask of the queue goes through [`Recording`], and only what it writes is judged.

mod auditor;
mod behaviour;
mod producer;
mod recording;
mod words;
mod worker;

pub use auditor::Auditor;
pub use behaviour::Behaviour;
pub use producer::produce;
pub use recording::Recording;
pub use worker::work;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use cofferdam_queue::Queue;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Context, Result};
use crate::history::Recorder;
use crate::mode::Mode;
use crate::open::open;

/// The queue's name.
const QUEUE: &str = "chaos";

/// How long a process tries to reach the queue at its start: it may come up in the middle of a fault.
const OPENING: Duration = Duration::from_secs(30);

/// What every process of a run is told.
#[derive(Debug, Clone, Args)]
pub struct Setup {
    /// Its name in the history.
    #[arg(long)]
    pub name: String,
    /// What is tested.
    #[arg(long, value_enum)]
    pub mode: Mode,
    /// Where the queue is.
    #[arg(long)]
    pub place: String,
    /// The folder of the history.
    #[arg(long)]
    pub history: PathBuf,
}

impl Setup {
    /// The arguments by which another process is told the same.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let history = self.history.display().to_string();
        let words =
            ["--name", &self.name, "--mode", self.mode.name(), "--place", &self.place, "--history", &history];
        words.map(str::to_owned).to_vec()
    }

    fn recorder(&self) -> Result<Recorder> {
        Recorder::open(&self.history, &self.name)
    }

    /// The queue, with everything that is asked of it written down.
    async fn queue(&self, recorder: &Recorder) -> Result<Queue> {
        let began = Instant::now();
        let broker = loop {
            match open(self.mode, &self.place).await {
                Err(error) if error.is_transient() && began.elapsed() < OPENING => {
                    note(&format!("the queue cannot be opened yet: {error}"));
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                opened => break opened.context(|| format!("open the queue at {}", self.place))?,
            }
        };
        Queue::new(Recording::new(broker, recorder.clone()), QUEUE).context(|| "name the queue".to_owned())
    }
}

/// A line in the log of the process.
fn note(text: &str) {
    eprintln!("{} {text}", crate::clock::now());
}

/// Completes when the process is asked to end.
async fn asked_to_end() -> Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate()).context(|| "listen for SIGTERM".to_owned())?;
    Ok(async move {
        terminate.recv().await;
    })
}
