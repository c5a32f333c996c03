//! Firing what is due.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::calendar::{Calendar, rfc3339};
use super::record::{Definition, Fired, fired_name, is_schedule};
use super::{MissedFire, last_fired};
use crate::random::random_u64;
use crate::{Clock, Error, Label, NewTask, Queue, QueueSettings, Setting, TaskId};

/// A time that lies further back was missed. A worker that is restarted is gone for less.
const ON_TIME: Duration = Duration::from_secs(60);

/// How often workers look for new schedules, and for a clock that was set.
const REFRESH: Duration = Duration::from_secs(2);

/// Within how long workers fire one after the other, so that most of them find it done.
const SPREAD_MILLIS: u64 = 100;

/// Fires schedules for ever.
pub(crate) async fn firing(queue: Queue, clock: Arc<dyn Clock>) {
    let mut complained = HashSet::new();
    loop {
        let pause = match queue.settings().await {
            Ok(settings) => round(&queue, &settings, clock.now(), &mut complained).await,
            Err(error) => {
                tracing::warn!(error = %error, "schedules were not looked for");
                REFRESH
            }
        };
        sleep(pause).await;
    }
}

/// Fires what is due, and answers when to look again.
async fn round(
    queue: &Queue,
    settings: &QueueSettings,
    now: SystemTime,
    complained: &mut HashSet<(Label, String)>,
) -> Duration {
    let mut pause = REFRESH;
    for (name, bytes) in settings.schedules.iter().filter(|(name, _)| is_schedule(name)) {
        match fire_one(queue, settings, name, bytes, now).await {
            Ok(due) => {
                if let Some(wait) = due.next.and_then(|next| next.duration_since(now).ok()) {
                    let spread = Duration::from_millis(random_u64() % SPREAD_MILLIS);
                    pause = pause.min(wait.saturating_add(spread));
                }
            }
            Err(error) => {
                // It will be tried again every few seconds, but is said once.
                if complained.insert((name.clone(), error.to_string())) {
                    tracing::error!(schedule = %name, error = %error, "a schedule did not fire");
                }
            }
        }
    }
    pause
}

/// What is due, and when there will be more.
struct Due {
    times: Vec<SystemTime>,
    next: Option<SystemTime>,
}

impl Queue {
    /// Fires all schedules for what is due by this moment, and answers the ids of the tasks, new to the queue or not.
    /// [`Worker`](crate::Worker)s do this on their own; it is for programs that have none, or a clock of their own.
    ///
    /// # Errors
    /// The first error of a schedule or of the store; what was fired before stays so. Repeating is safe.
    #[cfg_attr(docsrs, doc(cfg(feature = "cron")))]
    pub async fn fire_schedules(&self, now: SystemTime) -> Result<Vec<TaskId>, Error> {
        let settings = self.settings().await?;
        let mut fired = Vec::new();
        for (name, bytes) in settings.schedules.iter().filter(|(name, _)| is_schedule(name)) {
            let due = fire_one(self, &settings, name, bytes, now).await?;
            for time in due.times {
                fired.push(task_id(name, time)?);
            }
        }
        Ok(fired)
    }
}

async fn fire_one(
    queue: &Queue,
    settings: &QueueSettings,
    name: &Label,
    bytes: &[u8],
    now: SystemTime,
) -> Result<Due, Error> {
    let definition = Definition::from_bytes(bytes)?;
    let base = last_fired(settings, name, &definition)?.unwrap_or(definition.since).max(definition.since);
    let calendar = definition.calendar()?;
    let times = due(&calendar, base, now, definition.missed);
    if let Some(last) = times.last().copied() {
        let task = |time: &SystemTime| Ok(definition.template.clone().id(task_id(name, *time)?));
        let tasks = times.iter().map(task).collect::<Result<Vec<NewTask>, Error>>()?;
        queue.enqueue(tasks).await?;
        // Only now, since a time that is written down and not enqueued would be lost. Whoever stops in between leaves
        // it to be fired again, under the same id.
        let fired = Fired { since: definition.since, last };
        queue.set(Setting::Schedule(fired_name(name)?, Some(fired.to_bytes()))).await?;
        tracing::info!(schedule = %name, tasks = times.len(), "a schedule fired");
    }
    Ok(Due { next: calendar.next(times.last().copied().unwrap_or(base).max(now)), times })
}

/// The times after `base` up to `now` that are to be fired for, the earliest first.
fn due(calendar: &Calendar, base: SystemTime, now: SystemTime, missed: MissedFire) -> Vec<SystemTime> {
    if calendar.next(base).is_none_or(|first| first > now) {
        return Vec::new();
    }
    let back = || calendar.back_from(now).take_while(|time| *time > base);
    let is_on_time = |time: &SystemTime| now.duration_since(*time).is_ok_and(|age| age <= ON_TIME);
    let most = match missed {
        MissedFire::Skip => 0,
        MissedFire::Once => 1,
        MissedFire::Each { max } => usize::try_from(max).unwrap_or(usize::MAX),
    };
    let on_time = back().take_while(is_on_time);
    let mut times: Vec<SystemTime> = on_time.chain(back().skip_while(is_on_time).take(most)).collect();
    times.reverse();
    times
}

fn task_id(name: &Label, time: SystemTime) -> Result<TaskId, Error> {
    let moment = rfc3339(time).ok_or(Error::Corrupt { what: "time of a schedule" })?;
    TaskId::new(&format!("{name}@{moment}"))
}
