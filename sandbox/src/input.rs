//! What a program is given.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::Listener;

/// What a program is given in one call: `params`, named series of numbers, a seed and a point in time.
///
/// The same input gives the same result where the backend's [`Profile`](crate::Profile) says so: the program's clock then
/// stands still at [`Input::now`], and its random numbers come from [`Input::seed`]. Cloning is cheap for the series, which are shared.
///
/// ```
/// use cofferdam_sandbox::Input;
///
/// let input = Input::new().param("window", 20).series("close", vec![10.0, 10.5, 10.25]).seed(7);
/// assert_eq!(input.params()["window"], 20);
/// ```
#[derive(Clone)]
pub struct Input {
    params: Map<String, Value>,
    series: Vec<(String, Arc<[f64]>)>,
    seed: u64,
    now: SystemTime,
    listener: Option<Arc<dyn Listener>>,
}

impl Default for Input {
    fn default() -> Self {
        Self { params: Map::new(), series: Vec::new(), seed: 0, now: SystemTime::UNIX_EPOCH, listener: None }
    }
}

impl Input {
    /// No parameters, no series, seed 0 and the clock at 1970-01-01.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one entry of the program's dictionary `params`.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }

    /// Replaces the program's dictionary `params`.
    #[must_use]
    pub fn with_params(mut self, params: Map<String, Value>) -> Self {
        self.params = params;
        self
    }

    /// Adds `values` to the program's dictionary `data`, where it finds them as an `array('d')`. A second series of
    /// the same name replaces the first. The values may be NaN or infinite.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, values: impl Into<Arc<[f64]>>) -> Self {
        let name = name.into();
        self.series.retain(|(other, _)| *other != name);
        self.series.push((name, values.into()));
        self
    }

    /// Seeds the program's random numbers.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the time that the program's clock shows throughout the call, in a deterministic backend; the Docker backend's
    /// programs see the machine's clock. Times before 1970 count as 1970.
    #[must_use]
    pub fn now(mut self, now: SystemTime) -> Self {
        self.now = now;
        self
    }

    /// Has the listener told what the program says while it runs. What it is told has passed the session's
    /// [`OutputPolicy`](crate::OutputPolicy).
    #[must_use]
    pub fn listener(mut self, listener: Arc<dyn Listener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// The dictionary `params`.
    #[must_use]
    pub fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    /// Who is told what the program says, if anybody is.
    #[must_use]
    pub fn told(&self) -> Option<&Arc<dyn Listener>> {
        self.listener.as_ref()
    }

    #[cfg(any(feature = "docker", feature = "wasm"))]
    pub(crate) fn all_series(&self) -> &[(String, Arc<[f64]>)] {
        &self.series
    }

    #[cfg(any(feature = "docker", feature = "wasm"))]
    pub(crate) fn random_seed(&self) -> u64 {
        self.seed
    }

    #[cfg(feature = "wasm")]
    pub(crate) fn since_epoch(&self) -> std::time::Duration {
        self.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("params", &self.params)
            .field("series", &self.series)
            .field("seed", &self.seed)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
