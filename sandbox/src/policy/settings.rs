//! The policy as a service configures, stores and reviews it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::carried::Carried;
use super::exports::Exports;
use super::rejection::Rejection;
use super::rules::modules;
use super::{check, rules};
use crate::Program;

/// The rules by which a text becomes a [`Program`].
///
/// The default allows numpy, pandas, math, datetime, json and the harmless part of the standard library, each
/// with a list of names. A policy is plain data: what a service decides is stored with it, while the rules that
/// never change from service to service (denied builtins, special attributes, file methods) belong to the crate
/// and improve with it, also under a policy that was stored earlier.
///
/// ```
/// use cofferdam_sandbox::Policy;
///
/// let policy = Policy::default().allow_names("talib", ["SMA", "RSI"]).deny_module("asyncio");
/// assert!(policy.check("from talib import SMA\nresult = SMA(data['close'])").is_ok());
///
/// let rejection = policy.check("import os\nresult = os.getcwd()").unwrap_err();
/// assert_eq!(rejection.violations()[0].code.as_str(), "CD101");
/// ```
///
/// A clone costs one reference count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Settings", into = "Settings")]
pub struct Policy {
    settings: Arc<Settings>,
}

/// What a policy is made of, and what is stored of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    modules: BTreeMap<String, Exports>,
    denied_names: BTreeSet<String>,
    bounds: Bounds,
    #[serde(skip)]
    carried: Carried,
}

impl Default for Settings {
    fn default() -> Self {
        let modules = modules::reviewed()
            .filter(|module| !module.name.contains('.'))
            .map(|module| (module.name.to_owned(), Exports::Reviewed))
            .collect();
        Self {
            modules,
            denied_names: BTreeSet::new(),
            bounds: Bounds::default(),
            carried: Carried::default(),
        }
    }
}

impl From<Settings> for Policy {
    fn from(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

impl From<Policy> for Settings {
    fn from(policy: Policy) -> Self {
        Arc::unwrap_or_clone(policy.settings)
    }
}

impl Policy {
    /// Allows a top-level module: with the reviewed names where this crate has a table for it, else with every
    /// public name ([`Exports::Public`]). For a module without a table prefer [`allow_names`](Self::allow_names).
    /// Of a dotted name the first part counts, since Python imports the whole of a package's top.
    #[must_use = "the policy is returned, not changed in place"]
    pub fn allow_module(mut self, name: impl Into<String>) -> Self {
        let name = top(name.into());
        let exports = if modules::find(&name).is_some() { Exports::Reviewed } else { Exports::Public };
        self.change().modules.insert(name, exports);
        self
    }

    /// Allows a top-level module with exactly these names, in place of what was allowed of it before. Its
    /// submodules are not importable. Of a dotted name the first part counts.
    #[must_use = "the policy is returned, not changed in place"]
    pub fn allow_names<N: Into<String>>(
        mut self,
        module: impl Into<String>,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.change().modules.insert(top(module.into()), Exports::Names(names));
        self
    }

    /// Takes a module off the allow-list.
    #[must_use = "the policy is returned, not changed in place"]
    pub fn deny_module(mut self, name: &str) -> Self {
        self.change().modules.remove(name);
        self
    }

    /// Denies one more builtin name, such as `"print"`. The crate's own denied names cannot be allowed.
    #[must_use = "the policy is returned, not changed in place"]
    pub fn deny_name(mut self, name: impl Into<String>) -> Self {
        self.change().denied_names.insert(name.into());
        self
    }

    /// Sets the limits on size and depth.
    #[must_use = "the policy is returned, not changed in place"]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.change().bounds = bounds;
        self
    }

    /// The allowed top-level modules, each with the names that it shows.
    #[must_use]
    pub fn modules(&self) -> &BTreeMap<String, Exports> {
        &self.settings.modules
    }

    /// The limits on size and depth as they are enforced: no value is above its ceiling.
    #[must_use]
    pub fn limits(&self) -> Bounds {
        self.settings.bounds.capped()
    }

    /// Checks a text and makes it a program.
    ///
    /// One leading byte order mark is dropped; otherwise the program's source is the text. The call is
    /// synchronous, takes time in proportion to the text (about a millisecond for a strategy of two hundred lines, a
    /// fifth of a second for the worst text within the default limits) and does its deep work on a thread of the
    /// crate's own with a large stack, so it may be called from any thread. Such a thread serves later checks too and
    /// ends when there have been none for ten seconds; checks at the same time have one each. In async code call it
    /// where blocking is allowed.
    ///
    /// # Errors
    /// [`Rejection`] with every violation that was found, in the order of the text. A text that is too large, too
    /// deep or no Python is refused for that alone, since nothing can be said about the rest.
    pub fn check(&self, source: &str) -> Result<Program, Rejection> {
        check::run(self, source)
    }

    /// The policy as JSON, for the programs that it accepts.
    pub(super) fn carried(&self) -> Arc<str> {
        self.settings.carried.text(self)
    }

    /// The settings to write to; what was carried of them is forgotten.
    fn change(&mut self) -> &mut Settings {
        let settings = Arc::make_mut(&mut self.settings);
        settings.carried = Carried::default();
        settings
    }

    /// The rule for a top-level module, where it is allowed.
    pub(super) fn exports(&self, top: &str) -> Option<&Exports> {
        self.settings.modules.get(top)
    }

    /// What to write instead of this builtin, where it is denied.
    pub(super) fn denied(&self, name: &str) -> Option<&'static str> {
        rules::names::remedy(name).or_else(|| {
            self.settings
                .denied_names
                .contains(name)
                .then_some("this service does not offer it: remove the use")
        })
    }
}

/// The top-level module of a dotted name.
fn top(mut name: String) -> String {
    if let Some(dot) = name.find('.') {
        name.truncate(dot);
    }
    name
}
