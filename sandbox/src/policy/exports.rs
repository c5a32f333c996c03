//! What a program may take from an allowed module.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::rules::modules;

/// Which names of an allowed module a program may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Exports {
    /// The names that this crate's own table lists for the module, with its reviewed submodules. A stored policy
    /// follows the table of the crate that reads it, so a name found harmful later is refused without a change.
    Reviewed,
    /// Exactly these names.
    Names(BTreeSet<String>),
    /// Every name that does not begin with an underscore, in the module and all its submodules. A module shows
    /// its own imports under such names too, so this trusts the module's authors.
    Public,
}

/// What the dotted path means under one module's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Export {
    /// A value, class or function that a program may use.
    Value,
    /// A submodule that a program may reach further into.
    Module,
    /// Not for programs.
    Hidden,
}

impl Exports {
    /// Whether `import module` may name this dotted path, of which the rule's module is the first part.
    pub(super) fn importable(&self, path: &str) -> bool {
        match self {
            Self::Reviewed => modules::find(path).is_some(),
            Self::Names(_) => !path.contains('.'),
            Self::Public => !path.split('.').any(|part| part.starts_with('_')),
        }
    }

    /// What `path.name` is.
    pub(super) fn export(&self, path: &str, name: &str) -> Export {
        match self {
            Self::Reviewed => {
                if modules::find(&format!("{path}.{name}")).is_some() {
                    Export::Module
                } else if modules::find(path).is_some_and(|module| module.exports.contains(&name)) {
                    Export::Value
                } else {
                    Export::Hidden
                }
            }
            Self::Names(names) if names.contains(name) => Export::Value,
            Self::Public if !name.starts_with('_') => Export::Value,
            Self::Names(_) | Self::Public => Export::Hidden,
        }
    }
}
