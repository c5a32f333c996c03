//! The one clock of a run.
//!
//! `std::time::Instant` means something within its process alone. The kernel's monotonic clock behind it is the same for
//! every process of a machine, is never set back, and so puts the histories of all processes into one order.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment of a run, in microseconds of the machine's monotonic clock.
pub type Moment = u64;

/// Now.
#[must_use]
pub fn now() -> Moment {
    let time = clock_gettime(ClockId::Monotonic);
    // Neither part of a monotonic time is negative.
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1_000)
}

/// A duration as a distance between moments.
#[must_use]
pub fn span(duration: Duration) -> Moment {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A distance between moments as milliseconds, for people.
#[must_use]
pub const fn milliseconds(distance: Moment) -> u64 {
    distance / 1_000
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn another_process_reads_the_same_clock() {
        let before = now();
        let output = Command::new("cat").arg("/proc/uptime").output().unwrap();
        let after = now();
        let text = String::from_utf8(output.stdout).unwrap();
        let seconds: f64 = text.split_ascii_whitespace().next().unwrap().parse().unwrap();
        // The uptime has a resolution of 10 ms, and on a machine that slept it is ahead of this clock.
        assert!(before / 1_000_000 <= seconds as u64 + 1, "{before} {seconds}");
        assert!(before <= after && span(Duration::from_secs(1)) == 1_000_000);
    }
}
