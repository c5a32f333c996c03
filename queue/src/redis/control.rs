//! What people do to a queue: cancel, replay, delete, and its settings.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

use super::script::{Function, LIBRARY, Request};
use super::shard::{Shard, Shards};
use super::values::{array, bytes, odd, text};
use super::view::sought;
use super::{Args, Inner};
use crate::settings::{DEFAULT_QUARANTINE_AFTER, DEFAULT_WEIGHT};
use crate::{Cancelled, Error, Label, Limit, Mode, QueueSettings, Rate, Section, Setting, TaskId};

/// The fields of the settings; part of the format, and known to the functions.
const MODE: &str = "mode";
const QUARANTINE_AFTER: &str = "quarantine-after";
const NEVER: &str = "never";
const LIMIT: &str = "L:";
const WEIGHT: &str = "W:";
const QUARANTINED: &str = "Q:";
const CRASHES: &str = "c:";
const SCHEDULE: &str = "S:";

impl Inner {
    pub(super) async fn cancel(&self, shards: &Shards, tasks: &[TaskId]) -> Result<Vec<Cancelled>, Error> {
        let letters = self.letters(&LIBRARY.cancel, shards, tasks, b'u').await?;
        let answer = |letter| match letter {
            b'w' => Cancelled::Waiting,
            b'r' => Cancelled::Running,
            b'f' => Cancelled::Finished,
            _ => Cancelled::Unknown,
        };
        Ok(letters.into_iter().map(answer).collect())
    }

    pub(super) async fn replay(&self, shards: &Shards, tasks: &[TaskId]) -> Result<Vec<bool>, Error> {
        let letters = self.letters(&LIBRARY.replay, shards, tasks, b'0').await?;
        Ok(letters.into_iter().map(|letter| letter == b'1').collect())
    }

    /// What a function says of each task, in a letter: first where their ids lead, then elsewhere for those of which
    /// nothing was known there.
    async fn letters(
        &self,
        function: &'static Function,
        shards: &Shards,
        tasks: &[TaskId],
        unknown: u8,
    ) -> Result<Vec<u8>, Error> {
        let mut letters = vec![unknown; tasks.len()];
        for home in [true, false] {
            let places = sought(shards, tasks, home, |place| letters.get(place) == Some(&unknown));
            let requests = self.requests_by_shard(function, shards, &places, tasks);
            let replies = self.call_all(&self.data, requests).await;
            for (places, reply) in places.into_iter().filter(|places| !places.is_empty()).zip(replies) {
                for (place, letter) in places.into_iter().zip(bytes(&reply?)?) {
                    // Elsewhere, all shards but one know nothing of it.
                    if let Some(there) = letters.get_mut(place).filter(|_| *letter != unknown) {
                        *there = *letter;
                    }
                }
            }
        }
        Ok(letters)
    }

    pub(super) async fn purge(&self, shards: &Shards, section: Section, max: usize) -> Result<u64, Error> {
        if section == Section::Leased {
            let problem = "running tasks cannot be deleted: cancel them first";
            return Err(Error::InvalidSetting {
                setting: "section",
                value: section.as_str().to_owned(),
                problem,
            });
        }
        self.in_turn(shards, &LIBRARY.sections, max, |args, most| {
            args.text("purge").text(section.as_str()).number(most)
        })
        .await
    }

    pub(super) async fn set(&self, shards: &Shards, setting: Setting) -> Result<(), Error> {
        match setting {
            Setting::Mode(mode) => {
                let value = (mode != Mode::default()).then(|| mode.as_str().to_owned());
                self.write(shards, MODE, value).await
            }
            Setting::Limit(name, limit) => {
                self.write(shards, &format!("{LIMIT}{name}"), limit.map(|limit| limit_text(&limit))).await
            }
            Setting::Weight(tenant, weight) => {
                let value = (weight.get() != DEFAULT_WEIGHT).then(|| weight.to_string());
                self.write(shards, &format!("{WEIGHT}{tenant}"), value).await
            }
            Setting::QuarantineAfter(crashes) => {
                let text = crashes.map_or_else(|| NEVER.to_owned(), |crashes| crashes.to_string());
                let value = (crashes != Some(DEFAULT_QUARANTINE_AFTER)).then_some(text);
                self.write(shards, QUARANTINE_AFTER, value).await
            }
            Setting::Quarantine(code) => self.quarantine(shards, &code).await,
            Setting::Release(code) => {
                self.write(shards, &format!("{QUARANTINED}{code}"), None).await?;
                let home = shards.get(shards.of_name(code.as_str())).ok_or_else(odd)?;
                let field = format!("{CRASHES}{code}").into_bytes();
                let args = vec![home.facts().as_bytes().to_vec(), field];
                let request = Request::command("release code", "HDEL", home, args).by(shards.until());
                self.call(&self.data, request).await.map(drop)
            }
            Setting::Schedule(name, value) => {
                // No function reads it, so it lies where the settings are read from and nowhere else.
                let shard = shards.all().first().ok_or_else(odd)?;
                let request = written(shard, &format!("{SCHEDULE}{name}"), value.as_deref());
                self.call(&self.data, request).await.map(drop)
            }
        }
    }

    pub(super) async fn quarantine(&self, shards: &Shards, code: &Label) -> Result<(), Error> {
        self.write(shards, &format!("{QUARANTINED}{code}"), Some(String::new())).await
    }

    /// Writes a field of the settings, or deletes it, on all shards.
    async fn write(&self, shards: &Shards, field: &str, value: Option<String>) -> Result<(), Error> {
        let args = Args::default()
            .text(field)
            .text(if value.is_some() { "1" } else { "0" })
            .text(&value.unwrap_or_default());
        self.ask_all(&LIBRARY.set, shards, &args).await.into_iter().try_for_each(|answer| answer.map(drop))
    }

    pub(super) async fn settings(&self, shards: &Shards) -> Result<QueueSettings, Error> {
        let shard = shards.all().first().ok_or_else(odd)?;
        let args = vec![shard.settings().as_bytes().to_vec()];
        let request = Request::command("read the settings", "HGETALL", shard, args);
        let mut fields = array(self.call(&self.data, request).await?)?.into_iter();
        let mut settings =
            QueueSettings { quarantine_after: Some(DEFAULT_QUARANTINE_AFTER), ..QueueSettings::default() };
        while let (Some(field), Some(value)) = (fields.next(), fields.next()) {
            let field = text(&field)?;
            if let Some(name) = field.strip_prefix(SCHEDULE) {
                settings.schedules.insert(Label::new(name)?, bytes(&value)?.to_vec());
                continue;
            }
            read_setting(&mut settings, field, text(&value)?)?;
        }
        settings.quarantined.sort();
        Ok(settings)
    }
}

/// The request that writes a field of the settings of one shard, or deletes it.
fn written(shard: &Arc<Shard>, field: &str, value: Option<&[u8]>) -> Request {
    let mut args = vec![shard.settings().as_bytes().to_vec(), field.as_bytes().to_vec()];
    let command = if value.is_some() { "HSET" } else { "HDEL" };
    args.extend(value.map(<[u8]>::to_vec));
    Request::command("change a schedule", command, shard, args)
}

fn read_setting(settings: &mut QueueSettings, field: &str, value: &str) -> Result<(), Error> {
    let corrupt = || Error::Corrupt { what: "setting" };
    if field == MODE {
        let modes = [Mode::Running, Mode::Paused, Mode::Draining];
        settings.mode = modes.into_iter().find(|mode| mode.as_str() == value).ok_or_else(corrupt)?;
    } else if field == QUARANTINE_AFTER {
        let crashes = (value != NEVER).then(|| value.parse().map_err(|_| corrupt()));
        settings.quarantine_after = crashes.transpose()?;
    } else if let Some(name) = field.strip_prefix(LIMIT) {
        settings.limits.insert(Label::new(name)?, read_limit(value).ok_or_else(corrupt)?);
    } else if let Some(tenant) = field.strip_prefix(WEIGHT) {
        settings.weights.insert(Label::new(tenant)?, value.parse().map_err(|_| corrupt())?);
    } else if let Some(code) = field.strip_prefix(QUARANTINED) {
        settings.quarantined.push(Label::new(code)?);
    }
    Ok(())
}

/// Concurrency, starts, and milliseconds for so many starts; 0 for what is not bounded.
fn limit_text(limit: &Limit) -> String {
    let concurrency = limit.concurrency.map_or(0, NonZeroU32::get);
    let (starts, per) = limit.rate.map_or((0, 0), |rate| (rate.starts.get(), rate.per_millis.get()));
    format!("{concurrency},{starts},{per}")
}

fn read_limit(text: &str) -> Option<Limit> {
    let mut numbers = text.split(',').map(str::parse::<u64>);
    let (concurrency, starts, per) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    let count = |number: u64| u32::try_from(number).ok().map(NonZeroU32::new);
    let rate = match (count(starts)?, NonZeroU64::new(per)) {
        (Some(starts), Some(per_millis)) => Some(Rate { starts, per_millis }),
        _ => None,
    };
    Some(Limit { concurrency: count(concurrency)?, rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_survive_the_round_trip() {
        let (three, minute) = (NonZeroU32::new(3).unwrap(), NonZeroU64::new(60_000).unwrap());
        for limit in [
            Limit::concurrency(three),
            Limit::rate(three, minute),
            Limit::concurrency(three).and_rate(three, minute),
        ] {
            assert_eq!(read_limit(&limit_text(&limit)), Some(limit));
        }
        assert_eq!(read_limit("1,2"), None);
    }
}
