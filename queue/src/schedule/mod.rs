//! Tasks that come again by the calendar.
//!
//! The queue keeps the schedules, and every worker fires them: it enqueues a task whose id is made of the schedule's
//! name and the time, so that of any number of workers that fire the same one, one has an effect. Nothing here may
//! enqueue a task of another id, or the same time would count twice.

mod calendar;
mod fire;
mod record;

pub(crate) use fire::firing;

use std::time::SystemTime;

use calendar::Calendar;
use record::{Definition, Fired, check_name, fired_name, is_schedule};

use crate::{Error, Label, NewTask, Queue, Setting};

/// A task that comes again by the calendar; see [`Queue::schedule`].
///
/// ```
/// use cofferdam_queue::{Label, Memory, MissedFire, NewTask, Queue, Schedule};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cofferdam_queue::Error> {
/// let queue = Queue::new(Memory::new(), "reports")?;
/// let report = NewTask::new("report").kind(Label::new("report")?);
/// let nightly = Schedule::new(Label::new("nightly")?, "30 2 * * MON-FRI", report)?
///     .in_zone("Europe/Berlin")?
///     .missed(MissedFire::Once);
/// queue.schedule(nightly).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a schedule does nothing until a queue has it"]
#[cfg_attr(docsrs, doc(cfg(feature = "cron")))]
pub struct Schedule {
    name: Label,
    definition: Definition,
}

/// What to do about times that passed while no worker fired. A time counts as missed when it lies more than a minute
/// back: a worker that was restarted meanwhile makes up for what is younger in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(docsrs, doc(cfg(feature = "cron")))]
pub enum MissedFire {
    /// Nothing; the next time comes.
    Skip,
    /// Fire once for all of them, under the latest of the missed times.
    #[default]
    Once,
    /// Fire for each of them.
    Each {
        /// But for so many at most, the latest ones; at most a thousand.
        max: u32,
    },
}

/// A schedule as the queue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(docsrs, doc(cfg(feature = "cron")))]
pub struct ScheduleView {
    /// Its name.
    pub name: Label,
    /// Its expression.
    pub expression: String,
    /// The zone on whose clocks it is read; `None` for UTC.
    pub zone: Option<String>,
    /// What is done about missed times.
    pub missed: MissedFire,
    /// From when on it fires.
    pub since: SystemTime,
    /// The time for which it fired last.
    pub last_fired: Option<SystemTime>,
    /// The first time after the last one, or after its beginning.
    pub next: Option<SystemTime>,
}

/// The most missed times that are made up for.
const MAX_EACH: u32 = 1_000;

impl Schedule {
    /// A schedule that fires when this expression matches the clocks of UTC: minute, hour, day of the month, month, day
    /// of the week, with seconds in front if you like. The template is the task that comes each time, but for its id.
    /// Give it a unique key to skip a time while the task of an earlier one has not ended.
    ///
    /// # Errors
    /// [`Error::InvalidName`] for a name over 58 bytes or with an `@`, [`Error::InvalidSchedule`] for an expression that
    /// cannot be read or never matches, [`Error::InvalidSetting`] for a template that waits for other tasks.
    pub fn new(name: Label, expression: &str, template: NewTask) -> Result<Self, Error> {
        check_name(&name)?;
        if !template.after.is_empty() || template.marker {
            return Err(Error::InvalidSetting {
                setting: "template",
                value: "a marker or a task that waits for others".to_owned(),
                problem: "a task that comes again stands alone",
            });
        }
        let definition = Definition {
            since: SystemTime::now(),
            expression: expression.to_owned(),
            zone: String::new(),
            missed: MissedFire::default(),
            // The id is made anew each time; one that never changes lets equal schedules be known as equal.
            template: template.id(crate::TaskId::new(name.as_str())?),
        };
        Self { name, definition }.checked()
    }

    /// Reads the expression on the clocks of this zone of the IANA database, as the system has it. A time that the
    /// clocks leave out in spring fires as soon as they are past it, one that they show twice in autumn fires once;
    /// intervals such as `*/20` go on evenly.
    ///
    /// # Errors
    /// [`Error::InvalidSchedule`] if this system does not know the zone. All workers must.
    pub fn in_zone(mut self, zone: &str) -> Result<Self, Error> {
        self.definition.zone = zone.to_owned();
        self.checked()
    }

    /// What to do about times that passed while no worker fired; fire once by default.
    pub const fn missed(mut self, missed: MissedFire) -> Self {
        self.definition.missed = match missed {
            MissedFire::Each { max } if max > MAX_EACH => MissedFire::Each { max: MAX_EACH },
            other => other,
        };
        self
    }

    /// Fires for times after this moment only; after the making of the schedule by default. A moment in the past
    /// makes times missed.
    pub const fn since(mut self, moment: SystemTime) -> Self {
        self.definition.since = moment;
        self
    }

    fn checked(self) -> Result<Self, Error> {
        let calendar: Calendar = self.definition.calendar()?;
        if calendar.next(self.definition.since).is_none() {
            let problem = "no time will ever match it; check the day, the month and the year".to_owned();
            return Err(Error::InvalidSchedule { expression: self.definition.expression, problem });
        }
        Ok(self)
    }
}

impl Queue {
    /// Keeps a schedule in the queue, in place of one of the same name. One that is there already and asks for the same
    /// is left as it is, with its memory of what it fired; so a program may do this at each of its starts. Workers
    /// notice within two seconds.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over [`MAX_SCHEDULE_BYTES`](crate::MAX_SCHEDULE_BYTES), and any error of the store.
    #[cfg_attr(docsrs, doc(cfg(feature = "cron")))]
    pub async fn schedule(&self, schedule: Schedule) -> Result<(), Error> {
        let Schedule { name, definition } = schedule;
        let settings = self.settings().await?;
        let present = settings.schedules.get(&name).map(|bytes| Definition::from_bytes(bytes));
        // One that cannot be read is replaced: whoever calls this knows what it should be.
        if present.and_then(Result::ok).is_some_and(|present| present.is_same(&definition)) {
            return Ok(());
        }
        self.set(Setting::Schedule(name, Some(definition.to_bytes()))).await
    }

    /// Deletes a schedule. Tasks that it has fired stay.
    ///
    /// # Errors
    /// When the store fails.
    #[cfg_attr(docsrs, doc(cfg(feature = "cron")))]
    pub async fn unschedule(&self, name: &Label) -> Result<(), Error> {
        self.set(Setting::Schedule(name.clone(), None)).await?;
        self.set(Setting::Schedule(fired_name(name)?, None)).await
    }

    /// Lists the schedules by name.
    ///
    /// # Errors
    /// [`Error::NewerRecord`] or [`Error::DamagedRecord`] if one cannot be read, and any error of the store.
    #[cfg_attr(docsrs, doc(cfg(feature = "cron")))]
    pub async fn schedules(&self) -> Result<Vec<ScheduleView>, Error> {
        let settings = self.settings().await?;
        let names = settings.schedules.iter().filter(|(name, _)| is_schedule(name));
        let view = |(name, bytes): (&Label, &Vec<u8>)| {
            let definition = Definition::from_bytes(bytes)?;
            let last_fired = last_fired(&settings, name, &definition)?;
            let next = definition.calendar()?.next(last_fired.unwrap_or(definition.since));
            Ok(ScheduleView {
                name: name.clone(),
                expression: definition.expression,
                zone: Some(definition.zone).filter(|zone| !zone.is_empty()),
                missed: definition.missed,
                since: definition.since,
                last_fired,
                next,
            })
        };
        names.map(view).collect()
    }
}

/// When a schedule last fired; what an earlier one of its name did does not count.
fn last_fired(
    settings: &crate::QueueSettings,
    name: &Label,
    definition: &Definition,
) -> Result<Option<SystemTime>, Error> {
    let Some(bytes) = settings.schedules.get(&fired_name(name)?) else { return Ok(None) };
    let fired = Fired::from_bytes(bytes)?;
    let stored = |moment| crate::clock::millis(moment);
    Ok((stored(fired.since) == stored(definition.since)).then_some(fired.last))
}
