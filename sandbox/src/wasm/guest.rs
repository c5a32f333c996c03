//! One instance of CPython, driven from the thread it lives on: blank at first, then with a program in it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::Value;
use wasmtime::component::{ComponentNamedList, Instance, InstancePre, Lift, Lower, TypedFunc, WasmList};
use wasmtime::{Engine, Store, Trap};

use super::BACKEND;
use super::host::{Host, Stop, Survey, Terms};
use super::pages::Pages;
use crate::fault::{read_fault, read_result};
use crate::outcome::text;
use crate::{Error, Input, Limits, Outcome, Program, Usage};

type Bytes = WasmList<u8>;
type TypedLoad = TypedFunc<(String, Option<String>, Option<String>), (Result<(), Bytes>,)>;
type TypedCall = TypedFunc<(String, Vec<(String, Vec<u8>)>, u64), (Result<Bytes, Bytes>,)>;

/// An interpreter that has not seen any program yet.
pub(super) struct Blank {
    store: Store<Host>,
    instance: Instance,
    /// Bytes of memory that it began with.
    memory: u64,
    load: TypedLoad,
    call: TypedCall,
}

/// How long making a blank interpreter may take. It takes milliseconds; a machine that needs this long is stuck.
const BLANK_WALL: Duration = Duration::from_secs(60);

impl Blank {
    /// Instantiates CPython and lets it run an empty program.
    ///
    /// That first program pays for what every first program pays: pages that are written for the first time, caches
    /// that fill. It is always run, so that a program finds the same interpreter, to the byte, whether it was made in
    /// advance or not.
    pub(super) fn new(
        engine: &Engine,
        component: &InstancePre<Host>,
        max_memory: u64,
        pages: &Pages,
    ) -> Result<Self, Error> {
        let mut store = Store::new(engine, Host::new(max_memory));
        store.limiter(|host| host);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().tick()));
        store.data_mut().begin(Terms { wall: BLANK_WALL, ..Terms::default() });
        fill(&mut store, None)?;

        let instance = component.instantiate(&mut store).map_err(|error| {
            if store.data().memory_refused { too_little_memory(max_memory) } else { start_failed(error) }
        })?;
        let memory = store.data().memory;
        let touch: TypedFunc<(u32, u32), ()> =
            instance.get_typed_func(&mut store, "touch").map_err(start_failed)?;
        for run in pages.runs() {
            touch.call(&mut store, *run).map_err(start_failed)?;
        }
        let load: TypedLoad = instance.get_typed_func(&mut store, "load").map_err(start_failed)?;
        let call: TypedCall = instance.get_typed_func(&mut store, "call").map_err(start_failed)?;
        let (loaded,) =
            load.call(&mut store, ("result = None".to_owned(), None, None)).map_err(start_failed)?;
        let (called,) = call.call(&mut store, ("{}".to_owned(), Vec::new(), 0)).map_err(start_failed)?;
        match loaded.and(called) {
            Ok(_) => Ok(Self { store, instance, memory, load, call }),
            Err(_) => Err(Error::backend(BACKEND, "start an interpreter", "it failed at an empty program")),
        }
    }

    /// Says which pages this interpreter wrote to, for those that come after it.
    pub(super) fn survey(&mut self) -> Result<Pages, Error> {
        let written = self.written()?.unwrap_or_else(|| {
            tracing::debug!("the system does not say which pages were written to");
            Vec::new()
        });
        Ok(Pages::choose(&written, self.memory))
    }

    /// The numbers of those pages, where the system tells.
    fn written(&mut self) -> Result<Option<Vec<u32>>, Error> {
        let survey: TypedFunc<(), ()> =
            self.instance.get_typed_func(&mut self.store, "survey").map_err(start_failed)?;
        self.store.data_mut().survey = Survey::Asked;
        survey.call(&mut self.store, ()).map_err(start_failed)?;
        match mem::take(&mut self.store.data_mut().survey) {
            Survey::Done(written) => Ok(written.ok()),
            Survey::Asked | Survey::NotAsked => Ok(None),
        }
    }

    /// Loads the program that this interpreter is for. With a policy it checks the program first.
    pub(super) fn load(
        mut self,
        program: &Program,
        policy: Option<&str>,
        limits: &Limits,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Guest, Error> {
        let host = self.store.data_mut();
        if !host.assign(limits.memory, limits.cpu, cancelled) {
            return Err(too_little_memory(limits.memory));
        }
        host.begin(Terms { wall: limits.wall, output: limits.output, ..Terms::default() });
        // The time since this interpreter was made is not the program's.
        self.store.set_epoch_deadline(1);
        fill(&mut self.store, limits.fuel)?;

        let source =
            (program.source().to_owned(), program.entry().map(str::to_owned), policy.map(str::to_owned));
        let mut guest = Guest { store: self.store, call: self.call, limits: limits.clone(), alive: true };
        let (loaded,) = guest.enter(&self.load, source)?;
        match loaded {
            Ok(()) => Ok(guest),
            Err(fault) => Err(guest.fault(&fault, Some(program))),
        }
    }
}

fn too_little_memory(limit: u64) -> Error {
    Error::InvalidLimit {
        limit: "memory",
        message: format!("{limit} bytes are less than the interpreter itself needs; give at least 64 MiB"),
    }
}

/// An interpreter with a program in it.
pub(super) struct Guest {
    store: Store<Host>,
    call: TypedCall,
    limits: Limits,
    /// Whether the instance can be called again. It cannot after a trap: its memory is as the trap left it.
    alive: bool,
}

impl Guest {
    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// Runs the program once.
    pub(super) fn call(&mut self, input: &Input) -> Outcome {
        let result = self.try_call(input);
        // After a trap the counter holds what was left when the guest last came out, which says nothing.
        let left = self.store.get_fuel().ok().filter(|_| self.alive);
        let fuel = left.map(|left| self.limits.fuel.unwrap_or(u64::MAX).saturating_sub(left));
        let host = self.store.data_mut();
        Outcome {
            result,
            stdout: text(mem::take(&mut host.stdout)),
            stderr: text(mem::take(&mut host.stderr)),
            truncated: host.stop == Some(Stop::Output),
            usage: Usage {
                wall: host.wall_used(),
                cpu: host.cpu_used(),
                peak_memory: host.peak_memory,
                fuel,
            },
        }
    }

    fn try_call(&mut self, input: &Input) -> Result<Value, Error> {
        let params = serde_json::to_string(input.params())
            .map_err(|error| Error::InvalidInput { message: error.to_string() })?;
        let series = input
            .all_series()
            .iter()
            .map(|(name, values)| {
                (name.clone(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
            })
            .collect();
        self.store.data_mut().begin(Terms {
            wall: self.limits.wall,
            output: self.limits.output,
            clock: input.since_epoch(),
            seed: input.random_seed(),
            listener: input.told().cloned(),
        });
        fill(&mut self.store, self.limits.fuel)?;

        let call = self.call;
        let (result,) = self.enter(&call, (params, series, input.random_seed()))?;
        match result {
            Ok(json) => self.result(&json),
            Err(fault) => Err(self.fault(&fault, None)),
        }
    }

    /// Calls into the guest and says what stopped it, if something did.
    fn enter<P, R>(&mut self, function: &TypedFunc<P, R>, arguments: P) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift + 'static,
    {
        function.call(&mut self.store, arguments).map_err(|error| {
            self.alive = false;
            self.trapped(&error)
        })
    }

    fn trapped(&self, error: &wasmtime::Error) -> Error {
        let host = self.store.data();
        match host.stop {
            Some(Stop::Deadline) => return Error::Timeout { limit: self.limits.wall },
            Some(Stop::Cancelled) => return Error::Cancelled,
            Some(Stop::Output) => return Error::Output { limit: self.limits.output },
            None => {}
        }
        match (error.downcast_ref::<Trap>(), self.limits.fuel) {
            (Some(Trap::OutOfFuel), Some(limit)) => Error::Fuel { limit },
            // CPython aborts where it has no way to raise MemoryError.
            _ if host.memory_refused => Error::Memory { limit: self.limits.memory },
            (Some(Trap::StackOverflow), _) => Error::StackOverflow,
            (Some(trap), _) => Error::Crashed { message: format!("CPython aborted ({trap})") },
            (None, _) => Error::Crashed {
                message: format!("it called a function of the operating system, and here is none ({error})"),
            },
        }
    }

    /// Reads the result. Its length is the guest's choice, so it is looked at before anything is copied.
    fn result(&self, json: &Bytes) -> Result<Value, Error> {
        if json.len() as u64 > self.store.data().output_left {
            return Err(Error::Output { limit: self.limits.output });
        }
        read_result(json.as_le_slice(&self.store))
    }

    /// Reads the runner's account of what the program did wrong.
    fn fault(&self, json: &Bytes, loading: Option<&Program>) -> Error {
        read_fault(json.as_le_slice(&self.store), &self.limits, loading)
    }
}

/// Gives a call its fuel, if it is counted.
fn fill(store: &mut Store<Host>, fuel: Option<u64>) -> Result<(), Error> {
    if store.engine().get_consume_fuel() {
        store.set_fuel(fuel.unwrap_or(u64::MAX)).map_err(start_failed)?;
    }
    Ok(())
}

fn start_failed(error: wasmtime::Error) -> Error {
    Error::backend(BACKEND, "start an interpreter", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Policy, WasmSandbox};

    /// Loads a text that no host has checked, as if one had under this policy.
    fn load(sandbox: &WasmSandbox, source: &str, policy: &str) -> Result<(), Error> {
        let blank = sandbox.shared.blank().unwrap();
        let program = Program::unchecked(source);
        blank.load(&program, Some(policy), &Limits::default(), Arc::default()).map(drop)
    }

    /// The layout of the frozen memory is what makes interpreters cheap: it was 206 pages, all over the heap.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_small_program_writes_to_few_pages() {
        let sandbox = WasmSandbox::builder().spares(0).build().unwrap();
        let shared = &sandbox.shared;
        let blank = || Blank::new(&shared.engine, &shared.component, shared.max_memory, &Pages::default());
        let written = blank().unwrap().written().unwrap().expect("/proc/self/pagemap");
        assert!((20..110).contains(&written.len()), "{written:?}");
        // What another one writes to is the same, so what is made ready is what it needs.
        assert_eq!(blank().unwrap().written().unwrap().unwrap(), written);

        let pages = Pages::choose(&written, u64::MAX);
        let ready = |page| pages.runs().iter().any(|(first, count)| (*first..first + count).contains(&page));
        assert!(written.iter().all(|page| ready(*page)));
        assert!(pages.runs().len() <= 28, "{pages:?}");
        let total: u32 = pages.runs().iter().map(|(_, count)| count).sum();
        assert!(total < 400, "{pages:?}");
    }

    /// Each page that has to be faulted in again costs every processor of the process.
    #[cfg(target_os = "linux")]
    #[test]
    fn an_interpreter_in_a_used_slot_finds_its_pages_there() {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
        if (numbers.next(), numbers.next()) < (Some(6), Some(7)) {
            println!(
                "skipped: Linux {release} does not say which pages were written to, 6.7 is the first that does"
            );
            return;
        }
        let faults = || {
            let status = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            status.rsplit(')').next().unwrap().split_whitespace().nth(7).unwrap().parse::<u64>().unwrap()
        };
        let sandbox = WasmSandbox::builder().spares(0).build().unwrap();
        let program = Program::unchecked("result = sum(range(100))");
        let mut least = u64::MAX;
        for _ in 0..20 {
            let before = faults();
            let blank = sandbox.shared.blank().unwrap();
            let mut guest = blank.load(&program, None, &Limits::default(), Arc::default()).unwrap();
            assert_eq!(guest.call(&Input::new()).result.unwrap(), 4950);
            drop(guest);
            least = least.min(faults() - before);
        }
        // It was 278.
        assert!(least < 20, "{least} page faults");
    }

    #[test]
    fn the_guest_refuses_what_slipped_past_the_host() {
        let sandbox = WasmSandbox::builder().build().unwrap();
        for (source, code, line) in [
            ("x = 1\nimport os", Code::ModuleNotAllowed, 2),
            ("x = ().__class__", Code::SpecialAttribute, 1),
            // Grammar that the host's parser does not read.
            ("x = 1\ny = f\"{eval(\"x\")}\"", Code::DeniedName, 2),
            ("x = t'{open}'", Code::NewerGrammar, 1),
        ] {
            match load(&sandbox, source, "{}").unwrap_err() {
                Error::Rejected(rejection) => {
                    let first = &rejection.violations()[0];
                    assert_eq!((first.code, first.line), (code, line), "{source}");
                }
                other => panic!("{source}: {other}"),
            }
        }
        assert!(load(&sandbox, "import math", "{}").is_ok());
        let stored = serde_json::to_string(&Policy::default().deny_module("math")).unwrap();
        assert!(matches!(load(&sandbox, "import math", &stored), Err(Error::Rejected(_))));
        // A policy that cannot be read lets nothing pass.
        assert!(load(&sandbox, "x = 1", "no policy").is_err());
    }
}
