//! The host's side of an instance: its limits, and the few functions that the guest can call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand_xoshiro::rand_core::{Rng, SeedableRng};
use wasmtime::component::{ComponentType, Lift, Linker, Lower, WasmList};
use wasmtime::{Engine, ResourceLimiter, StoreContextMut, UpdateDeadline};

use super::engine::{TABLE_ELEMENTS, TICK};
use super::indicator::Indicator;
use super::pages;
use crate::Listener;
use crate::listener::{MAX_MESSAGE_BYTES, Pace};

/// Where the guest's text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "the guest makes its values")]
enum Channel {
    #[component(name = "stdout")]
    Stdout,
    #[component(name = "stderr")]
    Stderr,
}

/// A point in time, since 1970.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// Why the host ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its time is over.
    Deadline,
    /// Nobody waits for it any more.
    Cancelled,
    /// It said too much.
    Output,
}

/// What one call is given.
#[derive(Default)]
pub(super) struct Terms {
    pub(super) wall: Duration,
    /// Bytes that the guest may say.
    pub(super) output: u64,
    /// What the clock shows, since 1970.
    pub(super) clock: Duration,
    pub(super) seed: u64,
    /// Who is told what the guest says.
    pub(super) listener: Option<Arc<dyn Listener>>,
}

/// The state that belongs to one instance.
pub(super) struct Host {
    /// Bytes of all linear memories together.
    pub(super) memory: u64,
    /// The most that `memory` was.
    pub(super) peak_memory: u64,
    /// What `memory` must not exceed.
    memory_limit: u64,
    /// Whether the guest was refused memory since the call began.
    pub(super) memory_refused: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Bytes that the guest may still say in this call.
    pub(super) output_left: u64,
    /// Set when the host ended the call.
    pub(super) stop: Option<Stop>,
    /// Set by whoever no longer waits for the call.
    cancelled: Arc<AtomicBool>,
    started: Instant,
    deadline: Option<Instant>,
    /// Share of a processor; one and more is no limit.
    cpu: f64,
    cpu_started: Option<Duration>,
    clock: Duration,
    random: rand_xoshiro::Xoshiro128PlusPlus,
    listener: Option<Arc<dyn Listener>>,
    pace: Pace,
    /// What the guest shows when it is asked to show its memory; nothing is looked at otherwise.
    pub(super) survey: Survey,
}

/// A look at the pages that the guest wrote to.
#[derive(Default)]
pub(super) enum Survey {
    #[default]
    NotAsked,
    Asked,
    Done(std::io::Result<Vec<u32>>),
}

impl Host {
    /// The state of an interpreter that nobody has taken yet.
    pub(super) fn new(memory_limit: u64) -> Self {
        Self {
            memory: 0,
            peak_memory: 0,
            memory_limit,
            memory_refused: false,
            stdout: Vec::new(),
            stderr: Vec::new(),
            output_left: 0,
            stop: None,
            cancelled: Arc::default(),
            started: Instant::now(),
            deadline: None,
            cpu: 1.0,
            cpu_started: None,
            clock: Duration::ZERO,
            random: SeedableRng::seed_from_u64(0),
            listener: None,
            pace: Pace::default(),
            survey: Survey::NotAsked,
        }
    }

    /// Hands the interpreter to a session, with its limits. Answers `false` when it holds more memory already.
    pub(super) fn assign(&mut self, memory_limit: u64, cpu: f64, cancelled: Arc<AtomicBool>) -> bool {
        self.memory_limit = memory_limit;
        self.peak_memory = self.memory;
        self.cpu = cpu;
        self.cancelled = cancelled;
        self.memory <= memory_limit
    }

    /// Makes ready for a call.
    pub(super) fn begin(&mut self, terms: Terms) {
        self.stdout.clear();
        self.stderr.clear();
        self.output_left = terms.output;
        self.memory_refused = false;
        self.stop = None;
        self.started = Instant::now();
        // A limit beyond the end of time is no limit.
        self.deadline = self.started.checked_add(terms.wall);
        self.cpu_started = thread_cpu();
        self.clock = terms.clock;
        self.random = SeedableRng::seed_from_u64(terms.seed);
        self.listener = terms.listener;
        self.pace = Pace::default();
    }

    pub(super) fn wall_used(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn cpu_used(&self) -> Option<Duration> {
        Some(thread_cpu()?.saturating_sub(self.cpu_started?))
    }

    /// Looks at the deadline, at the cancellation and at the processor share. Runs every [`TICK`] of a running guest,
    /// on its thread.
    pub(super) fn tick(&mut self) -> UpdateDeadline {
        loop {
            if self.cancelled.load(Ordering::Acquire) {
                self.stop = Some(Stop::Cancelled);
            } else if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.stop = Some(Stop::Deadline);
            }
            if self.stop.is_some() {
                return UpdateDeadline::Interrupt;
            }
            let debt = self.debt();
            if debt.is_zero() {
                return UpdateDeadline::Continue(1);
            }
            std::thread::sleep(debt.min(TICK));
        }
    }

    /// How long the guest must wait until its processor time is again within its share.
    fn debt(&self) -> Duration {
        if self.cpu >= 1.0 {
            return Duration::ZERO;
        }
        let used = self.cpu_used().unwrap_or_default();
        let earned = Duration::try_from_secs_f64(used.as_secs_f64() / self.cpu).unwrap_or(Duration::MAX);
        // A guest may be a little ahead, so that a short job is not slowed down at all.
        earned.saturating_sub(self.wall_used()).saturating_sub(TICK)
    }

    /// Takes text of the guest as far as it fits.
    fn write(&mut self, channel: Channel, text: &[u8]) -> wasmtime::Result<()> {
        let room = usize::try_from(self.output_left).unwrap_or(usize::MAX);
        let taken = text.get(..room).unwrap_or(text);
        match channel {
            Channel::Stdout => self.stdout.extend_from_slice(taken),
            Channel::Stderr => self.stderr.extend_from_slice(taken),
        }
        self.output_left = self.output_left.saturating_sub(taken.len() as u64);
        if let Some(listener) = &self.listener {
            let text = String::from_utf8_lossy(taken);
            match channel {
                Channel::Stdout => listener.stdout(&text),
                Channel::Stderr => listener.stderr(&text),
            }
        }
        if taken.len() < text.len() {
            self.stop = Some(Stop::Output);
            return Err(wasmtime::Error::msg("the output limit is reached"));
        }
        Ok(())
    }
}

impl Host {
    /// Passes progress on, unless it comes too soon after the last.
    fn progress(&mut self, fraction: f64, message: &[u8]) {
        let Some(listener) = &self.listener else { return };
        self.pace.pass(&**listener, fraction, message);
    }
}

impl ResourceLimiter for Host {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_sub(current as u64).saturating_add(desired as u64);
        let allowed = total <= self.memory_limit;
        if allowed {
            self.memory = total;
            self.peak_memory = self.peak_memory.max(total);
        } else {
            self.memory_refused = true;
        }
        // A refusal, not a trap: CPython raises MemoryError, which the program may handle.
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

/// Links what the guest may call. A component that wants more than this is not ours, and is not instantiated.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::<Host>::new(engine);
    let mut host = linker.instance("cofferdam:python/host@0.1.0")?;
    host.func_wrap(
        "write",
        |mut store: StoreContextMut<'_, Host>, (channel, text): (Channel, WasmList<u8>)| {
            // The guest chose the length; the copy is bounded by what it may still say.
            let room = usize::try_from(store.data().output_left).unwrap_or(usize::MAX).saturating_add(1);
            let bytes = text.as_le_slice(&store);
            let bytes = bytes.get(..room).unwrap_or(bytes).to_vec();
            store.data_mut().write(channel, &bytes)
        },
    )?;
    host.func_wrap(
        "progress",
        |mut store: StoreContextMut<'_, Host>, (fraction, message): (f64, WasmList<u8>)| {
            let bytes = message.as_le_slice(&store);
            let bytes = bytes.get(..MAX_MESSAGE_BYTES).unwrap_or(bytes).to_vec();
            store.data_mut().progress(fraction, &bytes);
            Ok(())
        },
    )?;
    host.func_wrap(
        "compute",
        |mut store: StoreContextMut<'_, Host>,
         (indicator, window, first, second): (Indicator, u32, WasmList<u8>, WasmList<u8>)| {
            // Compiled code does for one unit what CPython does for a few hundred; it is not free either.
            if let Ok(fuel) = store.get_fuel() {
                store.set_fuel(fuel.saturating_sub(first.len() as u64))?;
            }
            let answer = indicator.compute(window, first.as_le_slice(&store), second.as_le_slice(&store));
            answer.map(|bytes| (bytes,)).map_err(wasmtime::Error::msg)
        },
    )?;

    host.func_wrap("now", |store: StoreContextMut<'_, Host>, (): ()| {
        let clock = store.data().clock;
        Ok((Datetime { seconds: clock.as_secs(), nanoseconds: clock.subsec_nanos() },))
    })?;
    host.func_wrap("random", |mut store: StoreContextMut<'_, Host>, (count,): (u64,)| {
        if count > MAX_RANDOM_BYTES {
            return Err(wasmtime::Error::msg("asked for too many random bytes at once"));
        }
        let mut bytes = vec![0_u8; usize::try_from(count).unwrap_or_default()];
        store.data_mut().random.fill_bytes(&mut bytes);
        Ok((bytes,))
    })?;

    linker.instance("cofferdam:python/pages@0.1.0")?.func_wrap(
        "survey",
        |mut store: StoreContextMut<'_, Host>, (memory,): (WasmList<u8>,)| {
            if !matches!(store.data().survey, Survey::Asked) {
                return Err(wasmtime::Error::msg("showed its memory without being asked"));
            }
            let written = pages::written(memory.as_le_slice(&store));
            store.data_mut().survey = Survey::Done(written);
            Ok(())
        },
    )?;
    Ok(linker)
}

/// The guest chooses how many random bytes it wants, and the host allocates them. CPython asks for 2.5 KiB to seed a
/// generator and for 16 bytes otherwise.
const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// Processor time of this thread.
#[cfg(unix)]
fn thread_cpu() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

/// Processor time of this thread.
#[cfg(not(unix))]
fn thread_cpu() -> Option<Duration> {
    None
}
