//! Cron expressions on the clocks of the world.
//!
//! The only place that knows how an expression is read and a time zone is found. Seconds are the resolution.

use std::str::FromStr;
use std::time::SystemTime;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::Error;

/// The longest expression: all fields with a few values each. It bounds what a look at a schedule costs.
const MAX_EXPRESSION_BYTES: usize = 256;

/// An expression and the zone on whose clocks it is read.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    cron: Cron,
    zone: TimeZone,
}

impl Calendar {
    /// Reads both; `None` is UTC.
    pub(super) fn new(expression: &str, zone: Option<&str>) -> Result<Self, Error> {
        let refuse = |problem: String| Error::InvalidSchedule { expression: shown(expression), problem };
        if expression.len() > MAX_EXPRESSION_BYTES {
            return Err(refuse(format!(
                "it has {} bytes, the limit is {MAX_EXPRESSION_BYTES}",
                expression.len()
            )));
        }
        let cron = Cron::from_str(expression).map_err(|error| {
            let problem = error.to_string();
            let problem = problem.trim_end_matches('.');
            refuse(format!(
                "{problem}; write minute, hour, day, month, weekday, with seconds in front if you like"
            ))
        })?;
        let zone = match zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| {
                refuse(format!(
                    "this system knows no time zone {name:?}; write one as Europe/Berlin, or install tzdata"
                ))
            })?,
        };
        Ok(Self { cron, zone })
    }

    /// The first time after this moment; `None` if there is none any more.
    pub(super) fn next(&self, after: SystemTime) -> Option<SystemTime> {
        let found = self.cron.find_next_occurrence(&self.zoned(after)?, false).ok()?;
        Some(found.timestamp().into())
    }

    /// The times up to and with this moment, the latest first. It is only asked for where there is one.
    pub(super) fn back_from(&self, moment: SystemTime) -> impl Iterator<Item = SystemTime> + '_ {
        let mut from = self.zoned(moment).map(|zoned| (zoned, true));
        std::iter::from_fn(move || {
            let (start, inclusive) = from.take()?;
            let found = self.cron.find_previous_occurrence(&start, inclusive).ok()?;
            let moment = found.timestamp().into();
            from = Some((found, false));
            Some(moment)
        })
    }

    /// On the clocks of the zone, cut to the second.
    fn zoned(&self, moment: SystemTime) -> Option<Zoned> {
        let timestamp = Timestamp::try_from(moment).ok()?;
        let whole = timestamp.as_nanosecond().div_euclid(1_000_000_000);
        let whole = Timestamp::from_second(i64::try_from(whole).ok()?).ok()?;
        Some(whole.to_zoned(self.zone.clone()))
    }
}

/// A moment as RFC 3339 in UTC, which names the task that fires then.
pub(super) fn rfc3339(moment: SystemTime) -> Option<String> {
    Some(Timestamp::try_from(moment).ok()?.to_string())
}

fn shown(expression: &str) -> String {
    expression.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn at(text: &str) -> SystemTime {
        text.parse::<Timestamp>().unwrap().into()
    }

    fn forward(calendar: &Calendar, from: &str, count: usize) -> Vec<String> {
        let mut moment = at(from);
        (0..count)
            .map(|_| {
                moment = calendar.next(moment).unwrap();
                rfc3339(moment).unwrap()
            })
            .collect()
    }

    #[test]
    fn an_expression_is_read_in_utc() {
        let calendar = Calendar::new("0 9 * * MON-FRI", None).unwrap();
        assert_eq!(
            forward(&calendar, "2026-11-26T09:00:00Z", 3),
            ["2026-11-27T09:00:00Z", "2026-11-30T09:00:00Z", "2026-12-01T09:00:00Z"]
        );
        let seconds = Calendar::new("*/20 * * * * *", None).unwrap();
        assert_eq!(
            forward(&seconds, "2026-11-26T08:59:59.5Z", 2),
            ["2026-11-26T09:00:00Z", "2026-11-26T09:00:20Z"]
        );
    }

    /// In Berlin the clocks of 2026 go forward on 29 March, at two, and back on 25 October, at three.
    #[test]
    fn a_zone_keeps_its_hour_over_the_change_of_clocks() {
        let daily = Calendar::new("30 2 * * *", Some("Europe/Berlin")).unwrap();
        // Half past two does not exist on the 29th: it fires as soon as the clocks are past it.
        assert_eq!(
            forward(&daily, "2026-03-28T00:00:00Z", 3),
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
        // Half past two exists twice on the 25th, and fires once.
        assert_eq!(
            forward(&daily, "2026-10-24T00:00:00Z", 3),
            ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
    }

    /// What is counted forward and what is counted backward must be the same times, or a missed one fires twice.
    #[test]
    fn forward_and_backward_agree_over_both_changes_of_clocks() {
        for expression in ["30 2 * * *", "*/20 * * * *", "0 * * * *", "15 1-3 * * *", "0 0 3 * * SUN"] {
            for zone in [None, Some("Europe/Berlin"), Some("America/New_York")] {
                let calendar = Calendar::new(expression, zone).unwrap();
                for (from, to) in [
                    ("2026-03-06T00:00:00Z", "2026-04-02T00:00:00Z"),
                    ("2026-10-22T00:00:00Z", "2026-11-04T00:00:00Z"),
                ] {
                    let mut forward = Vec::new();
                    let mut moment = at(from);
                    while let Some(next) = calendar.next(moment).filter(|next| *next <= at(to)) {
                        forward.push(next);
                        moment = next;
                    }
                    let mut backward: Vec<_> =
                        calendar.back_from(at(to)).take_while(|found| *found > at(from)).collect();
                    backward.reverse();
                    assert_eq!(forward, backward, "{expression} in {zone:?}");
                }
            }
        }
    }

    #[test]
    fn what_never_comes_is_soon_known() {
        let start = Instant::now();
        for expression in ["0 0 30 2 *", "0 0 0 1 1 * 2020"] {
            let calendar = Calendar::new(expression, None).unwrap();
            assert_eq!(calendar.next(at("2026-11-26T00:00:00Z")), None);
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }

    #[test]
    fn nonsense_is_refused_with_a_remedy() {
        let long = "1,".repeat(200);
        for (expression, zone) in [
            ("", None),
            ("* * *", None),
            ("61 * * * *", None),
            ("every day", None),
            ("@fortnightly", None),
            ("1-0 * * * *", None),
            ("*/0 * * * *", None),
            ("\u{1f4a5} * * * *", None),
            (long.as_str(), None),
            ("* * * * *", Some("Europe/Atlantis")),
        ] {
            let error = Calendar::new(expression, zone).unwrap_err();
            assert!(matches!(error, Error::InvalidSchedule { .. }), "{expression}: {error}");
        }
    }
}
