//! What can be chosen, and how much that makes of everything.

use std::ops::RangeInclusive;

use clap::{Parser, ValueEnum as _};
use cofferdam_benches::{Problem, Report};

use super::parties::Name;
use super::tasks::{DIGITS, Load};

/// Measures the queue side by side with its peers, and with bare loops over Redis as the limits.
///
/// Servers are taken from --url and --cluster-urls, else from COFFERDAM_REDIS_URL and COFFERDAM_REDIS_CLUSTER_URLS, else
/// from what `cargo xtask services up redis redis-cluster` started. Only keys with "compare-queue" in their names are
/// touched. The last line is one JSON object with every figure.
#[derive(Parser)]
pub(super) struct Arguments {
    /// A Redis alone.
    #[arg(long)]
    pub(super) url: Option<String>,
    /// Some nodes of a cluster, with commas in between.
    #[arg(long)]
    pub(super) cluster_urls: Option<String>,
    /// Tasks of each round.
    #[arg(long, default_value_t = 20_000, value_parser = within(100..=10_000_000))]
    jobs: usize,
    /// Bytes of a payload.
    #[arg(long, default_value_t = 256, value_parser = within(DIGITS..=1 << 20))]
    bytes: usize,
    /// Tasks that share a trip, for ours and for the bare loops. Peers choose what is best for them.
    #[arg(long, default_value_t = 100, value_parser = within(1..=500))]
    batch: usize,
    /// Callers at a time, likewise.
    #[arg(long, default_value_t = 4, value_parser = within(1..=64))]
    hands: usize,
    /// Rounds; their medians are told.
    #[arg(long, default_value_t = 3, value_parser = within(1..=1000))]
    rounds: usize,
    /// Workers that are killed to see how soon their tasks run again.
    #[arg(long, default_value_t = 50, value_parser = within(1..=10_000))]
    kills: usize,
    /// Tasks that wait while a turn is timed, beside the same with few.
    #[arg(long, default_value_t = 1_000_000, value_parser = within(1000..=100_000_000))]
    waiting: usize,
    /// A tenth of everything, to see that it works; its figures say little.
    #[arg(long)]
    quick: bool,
    /// The peers to measure, with commas in between: apalis-redis, apalis-sqlite, bullmq or none. All of them by default.
    /// Each is built once, in up to some minutes, from a registry.
    #[arg(long, value_delimiter = ',')]
    peers: Option<Vec<String>>,
    /// For the program itself: be a worker that is going to be killed, or the one that takes over.
    #[arg(long, hide = true, num_args = 3)]
    pub(super) worker: Option<Vec<String>>,
}

/// How much of everything is measured.
pub(super) struct Effort {
    pub(super) load: Load,
    pub(super) rounds: usize,
    pub(super) kills: usize,
    pub(super) waiting: usize,
}

impl Arguments {
    /// The peers that were chosen.
    pub(super) fn peers(&self) -> Result<Vec<Name>, Problem> {
        let Some(names) = &self.peers else { return Ok(Name::value_variants().to_vec()) };
        let names = names.iter().filter(|name| !matches!(name.as_str(), "" | "none"));
        let read = |name: &String| {
            let known = "there are apalis-redis, apalis-sqlite and bullmq";
            Name::from_str(name, false).map_err(|_| format!("there is no peer {name:?}: {known}"))
        };
        Ok(names.map(read).collect::<Result<_, _>>()?)
    }
}

impl Effort {
    pub(super) fn new(arguments: &Arguments) -> Self {
        let &Arguments { jobs, bytes, batch, hands, rounds, kills, waiting, quick, .. } = arguments;
        let part = if quick { 10 } else { 1 };
        Self {
            load: Load { tasks: jobs.div_ceil(part), bytes, batch, hands },
            rounds: if quick { 1 } else { rounds },
            kills: kills.div_ceil(part),
            waiting: waiting.div_ceil(part),
        }
    }

    /// Says it, since figures mean nothing without.
    pub(super) fn tell(&self, report: &mut Report) {
        let Self { load: Load { tasks, bytes, batch, hands }, rounds, kills, waiting } = *self;
        for (field, value) in [
            ("jobs", tasks),
            ("payload_bytes", bytes),
            ("batch", batch),
            ("hands", hands),
            ("rounds", rounds),
            ("kills", kills),
            ("waiting", waiting),
        ] {
            report.setting(field, value);
        }
        report.say(&format!(
            "{tasks} tasks of {bytes} bytes, {hands} callers with {batch} tasks a trip, {rounds} rounds"
        ));
    }
}

fn within(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        let number = text.parse().map_err(|_| "it is no whole number".to_owned())?;
        if range.contains(&number) {
            Ok(number)
        } else {
            Err(format!("it goes from {} to {}", range.start(), range.end()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(arguments: &[&str]) -> Result<Vec<Name>, Problem> {
        Arguments::try_parse_from([&["compare-queue"], arguments].concat())?.peers()
    }

    #[test]
    fn peers_are_all_or_those_that_are_named() {
        assert_eq!(peers(&[]).unwrap(), Name::value_variants());
        assert_eq!(peers(&["--peers=none"]).unwrap(), []);
        assert_eq!(peers(&["--peers", "bullmq,apalis-redis"]).unwrap(), [Name::Bullmq, Name::ApalisRedis]);
        assert!(peers(&["--peers", "celery"]).is_err());
    }

    #[test]
    fn quick_is_a_tenth() {
        let arguments = Arguments::try_parse_from(["compare-queue", "--quick"]).unwrap();
        let effort = Effort::new(&arguments);
        assert_eq!((effort.load.tasks, effort.rounds, effort.kills), (2000, 1, 5));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [["--batch", "0"], ["--batch", "501"], ["--bytes", "3"], ["--rounds", "many"]] {
            assert!(
                Arguments::try_parse_from([&["compare-queue"][..], &words].concat()).is_err(),
                "{words:?}"
            );
        }
    }
}
