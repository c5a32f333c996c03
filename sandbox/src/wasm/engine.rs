//! The engine: how code is compiled and where instances get their memory.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use super::BACKEND;
use crate::Error;

/// How often a running guest is interrupted to look at its deadline. It bounds how late a timeout, a cancellation and
/// the processor share take effect; an interruption costs well under a microsecond.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Bytes of stack that a guest may use. With wasmtime's default of 512 KiB the instance traps before CPython counts to
/// its recursion limit and can raise RecursionError.
const WASM_STACK: usize = 4 << 20;

/// Bytes of stack of a session's thread: the guest's, and room for the host functions that it calls at its deepest.
pub(super) const THREAD_STACK: usize = WASM_STACK + (2 << 20);

/// Bytes of a used memory slot that keep their place in the system's memory and get back what stood in them, rather than
/// being given back and faulted in again. A short job writes to less than one MiB; see [`pages`](super::pages).
const KEEP_RESIDENT: usize = 4 << 20;

/// Likewise of the table of functions, which takes half a MiB and is filled as functions are called.
const KEEP_TABLE: usize = 1 << 20;

/// What CPython's component is made of, with room to spare: it has one memory, and its core modules are linked through
/// shared tables. More than this is not our component.
const CORE_INSTANCES: u32 = 128;
const MEMORIES: u32 = 4;
const TABLES: u32 = 32;
pub(super) const TABLE_ELEMENTS: usize = 200_000;
const INSTANCE_BYTES: usize = 8 << 20;

/// Makes an engine for `slots` instances of at most `max_memory` bytes each. Code that counts `fuel` is about a quarter
/// slower.
pub(super) fn engine(slots: usize, max_memory: u64, fuel: bool) -> Result<Engine, Error> {
    let count = u32::try_from(slots).map_err(|_| invalid_slots(slots))?;
    let memory = usize::try_from(max_memory).map_err(|_| Error::InvalidLimit {
        limit: "memory",
        message: format!("{max_memory} bytes do not fit the address space"),
    })?;

    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(count)
        .total_core_instances(count.saturating_mul(CORE_INSTANCES))
        .total_memories(count.saturating_mul(MEMORIES))
        .total_tables(count.saturating_mul(TABLES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_memory_size(memory)
        .max_unused_warm_slots(count)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_TABLE)
        .pagemap_scan(Enabled::Auto);

    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .max_wasm_stack(WASM_STACK)
        // Never used, but wasmtime wants it to be no smaller.
        .async_stack_size(THREAD_STACK)
        .epoch_interruption(true)
        .consume_fuel(fuel)
        .wasm_component_model(true)
        // Proposals that CPython does not use are attack surface and nothing else.
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        // Traps name functions of CPython, which says nothing to anybody who could act on it.
        .wasm_backtrace_max_frames(None);
    Engine::new(&config).map_err(|error| Error::backend(BACKEND, "set up wasmtime", error))
}

fn invalid_slots(slots: usize) -> Error {
    Error::InvalidLimit { limit: "slots", message: format!("{slots} interpreters at once are too many") }
}

/// Advances the engine's epoch for as long as anybody holds the guard.
pub(super) struct Ticker {
    _alive: Arc<()>,
}

impl Ticker {
    pub(super) fn start(engine: &Engine) -> Result<Self, Error> {
        let alive = Arc::new(());
        let watch: Weak<()> = Arc::downgrade(&alive);
        let engine = engine.weak();
        thread::Builder::new()
            .name("cofferdam-epoch".to_owned())
            .spawn(move || {
                while watch.strong_count() > 0
                    && let Some(engine) = engine.upgrade()
                {
                    engine.increment_epoch();
                    drop(engine);
                    thread::sleep(TICK);
                }
            })
            .map_err(|error| Error::backend(BACKEND, "start the clock thread", error))?;
        Ok(Self { _alive: alive })
    }
}
