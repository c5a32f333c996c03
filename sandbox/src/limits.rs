//! How much a program may use.

use std::time::Duration;

/// How much a program may use in one call. What a backend cannot enforce, its [`Profile`](crate::Profile) says.
///
/// ```
/// use std::time::Duration;
/// use cofferdam_sandbox::Limits;
///
/// let limits = Limits::default().wall(Duration::from_secs(5)).memory(64 << 20);
/// assert_eq!(limits.output, 1 << 20);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Wall time of one call. 60 s by default. Loading the program has as much, for itself.
    pub wall: Duration,
    /// Processor share in cores, greater than 0; half a core by default. A program that used more than its share
    /// since the call began is made to wait. One core or more is no limit, since a program has one thread.
    pub cpu: f64,
    /// Bytes that the interpreter may hold, its own included (about 20 MiB in the WASM backend,
    /// and 65 MiB with numpy and pandas in the Docker backend); 256 MiB by default.
    pub memory: u64,
    /// Bytes that the program may print and return, together; 1 MiB by default.
    pub output: u64,
    /// Processes and threads of the program, its interpreter included; 32 by default. The WASM backend has neither, so
    /// it keeps every such limit.
    pub pids: u32,
    /// Instructions, in the backend's unit, or `None` for no such limit (the default). In the WASM backend one unit
    /// is about one WebAssembly instruction, the same call uses the same amount every time, and the sandbox must have
    /// been built to count it.
    pub fuel: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(60),
            cpu: 0.5,
            memory: 256 << 20,
            output: 1 << 20,
            pids: 32,
            fuel: None,
        }
    }
}

impl Limits {
    /// Sets the wall time of one call.
    #[must_use]
    pub fn wall(mut self, wall: Duration) -> Self {
        self.wall = wall;
        self
    }

    /// Sets the processor share, in cores.
    #[must_use]
    pub fn cpu(mut self, cores: f64) -> Self {
        self.cpu = cores;
        self
    }

    /// Sets the memory, in bytes.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets the output, in bytes.
    #[must_use]
    pub fn output(mut self, bytes: u64) -> Self {
        self.output = bytes;
        self
    }

    /// Sets the processes and threads.
    #[must_use]
    pub fn pids(mut self, count: u32) -> Self {
        self.pids = count;
        self
    }

    /// Sets the fuel, in the backend's unit.
    #[must_use]
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.fuel = Some(fuel);
        self
    }
}
