//! A program that may be run.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Python source together with what the check learnt about it.
///
/// A program comes from [`Policy::check`](crate::Policy::check), or, where the check is skipped on purpose, from
/// [`Program::unchecked`]. It is immutable, and a clone costs one reference count.
///
/// A program reads the globals `data` and `params` and sets `result`; or it names an
/// [entry function](Self::with_entry), which is called as `entry(data, params)` and returns the result.
///
/// ```
/// use cofferdam_sandbox::{Policy, Program};
///
/// # fn main() -> Result<(), cofferdam_sandbox::Rejection> {
/// let program = Policy::default().check("import math\nresult = math.sqrt(sum(data['close']))")?;
/// assert!(program.is_checked());
/// assert!(program.modules().contains("math"));
/// assert!(program.series().contains("close"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Program {
    inner: Arc<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    source: String,
    entry: Option<String>,
    modules: BTreeSet<String>,
    required: BTreeSet<String>,
    series: BTreeSet<String>,
    /// What the policy that accepted the text said of itself.
    policy: Option<Arc<str>>,
    /// BLAKE3 of source and entry, in hexadecimal.
    hash: String,
}

impl Program {
    /// Takes a text as it is, without any check. Its [`modules`](Self::modules) and [`series`](Self::series) are
    /// unknown and therefore empty. Only the isolation of the sandbox then stands between the program and the
    /// host.
    #[must_use]
    pub fn unchecked(source: impl Into<String>) -> Self {
        let nothing = BTreeSet::new;
        Self::new(source.into(), None, nothing(), nothing(), nothing(), None)
    }

    pub(crate) fn checked(
        source: &str,
        modules: BTreeSet<String>,
        required: BTreeSet<String>,
        series: BTreeSet<String>,
        policy: Arc<str>,
    ) -> Self {
        Self::new(source.to_owned(), None, modules, required, series, Some(policy))
    }

    fn new(
        source: String,
        entry: Option<String>,
        modules: BTreeSet<String>,
        required: BTreeSet<String>,
        series: BTreeSet<String>,
        policy: Option<Arc<str>>,
    ) -> Self {
        let hash = hash(&source, entry.as_deref());
        Self { inner: Arc::new(Inner { source, entry, modules, required, series, policy, hash }) }
    }

    /// The same program with an entry function, which is called as `entry(data, params)` once the text has run.
    /// Whether the program defines it shows when it runs.
    #[must_use = "the program is returned, not changed in place"]
    pub fn with_entry(self, name: impl Into<String>) -> Self {
        let Inner { source, modules, required, series, policy, .. } = Arc::unwrap_or_clone(self.inner);
        Self::new(source, Some(name.into()), modules, required, series, policy)
    }

    /// The Python text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// The top-level modules that the text imports, such as `numpy` for `import numpy.linalg`.
    #[must_use]
    pub fn modules(&self) -> &BTreeSet<String> {
        &self.inner.modules
    }

    /// Those of [`modules`](Self::modules) without which the program cannot run: all but the ones that it imports only
    /// inside a `try` that catches ImportError.
    #[must_use]
    pub fn required_modules(&self) -> &BTreeSet<String> {
        &self.inner.required
    }

    /// The series that the text reads from `data` by a string constant: `data["close"]` or `data.get("close")`.
    /// A series that is chosen while the program runs is not among them.
    #[must_use]
    pub fn series(&self) -> &BTreeSet<String> {
        &self.inner.series
    }

    /// The entry function, where one was named.
    #[must_use]
    pub fn entry(&self) -> Option<&str> {
        self.inner.entry.as_deref()
    }

    /// Whether a policy accepted the text.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        self.inner.policy.is_some()
    }

    /// The policy that accepted the text, as JSON: `{}` for the default policy, `None` where none was asked. The check is
    /// repeated under it inside the guest, with Python's own parser.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.inner.policy.as_deref()
    }

    /// BLAKE3 of source and entry as 64 hexadecimal digits: equal for equal programs, on every machine.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.inner.hash
    }
}

/// The length goes first, so that no source can pass for another source with an entry.
fn hash(source: &str, entry: Option<&str>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(source.len() as u64).to_le_bytes());
    hasher.update(source.as_bytes());
    hasher.update(entry.unwrap_or("").as_bytes());
    hasher.finalize().to_hex().to_string()
}

impl fmt::Debug for Program {
    /// Leaves out the text, which may be long and may be a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Program")
            .field("hash", &self.inner.hash)
            .field("entry", &self.inner.entry)
            .field("modules", &self.inner.modules)
            .field("series", &self.inner.series)
            .field("checked", &self.is_checked())
            .finish_non_exhaustive()
    }
}
