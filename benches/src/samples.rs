//! Times of one thing, measured many times.

use std::time::{Duration, Instant};

/// Times of one thing, measured many times.
#[derive(Debug, Default, Clone)]
pub struct Samples {
    times: Vec<Duration>,
}

impl Samples {
    /// No times yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one time, for what is timed elsewhere.
    pub fn add(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// Adds the time since `start` and returns now, where the next part starts.
    pub fn add_since(&mut self, start: Instant) -> Instant {
        let now = Instant::now();
        self.add(now - start);
        now
    }

    /// How many times were measured.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The time that `percent` of the samples do not exceed, by the nearest rank; zero when nothing was measured.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use cofferdam_benches::Samples;
    ///
    /// let samples: Samples = (1..=200).map(Duration::from_millis).collect();
    /// assert_eq!(samples.percentile(50), Duration::from_millis(100));
    /// assert_eq!(samples.percentile(99), Duration::from_millis(198));
    /// ```
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The percentile in microseconds.
    #[must_use]
    pub fn micros(&self, percent: usize) -> f64 {
        self.percentile(percent).as_secs_f64() * 1e6
    }
}

impl FromIterator<Duration> for Samples {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        Self { times: times.into_iter().collect() }
    }
}
