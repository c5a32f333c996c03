//! What a backend is, what it enforces, and what it cannot.

use std::borrow::Cow;

/// What a backend is and does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// The backend's name, for example `wasm`.
    pub backend: &'static str,
    /// The version of Python that programs run in.
    pub python: Cow<'static, str>,
    /// The modules that a program can import, submodules with their full name.
    pub modules: Vec<Cow<'static, str>>,
    /// Which of the [`Limits`](crate::Limits) are enforced.
    pub enforced: Enforced,
    /// Whether a program's clock stands at [`Input::now`](crate::Input::now) and its random numbers come from
    /// [`Input::seed`](crate::Input::seed) alone, so that equal input gives an equal result.
    pub deterministic: bool,
    /// How many interpreters may exist at once; further sessions wait for a place.
    pub slots: usize,
}

impl Profile {
    /// Whether a program may import `module`.
    #[must_use]
    pub fn has_module(&self, module: &str) -> bool {
        self.modules.iter().any(|offered| offered == module)
    }
}

/// Which limits a backend enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enforced {
    /// Wall time.
    pub wall: bool,
    /// Processor share.
    pub cpu: bool,
    /// Memory.
    pub memory: bool,
    /// Output.
    pub output: bool,
    /// Processes and threads.
    pub pids: bool,
    /// Fuel.
    pub fuel: bool,
}
