//! The reviewed modules and the names that each of them exports to a program.

use super::{numeric, standard};

/// A module as a program may see it: its dotted name and every public name that may be taken from it.
///
/// A module that re-exports its own imports (`random._os`, `json.decoder.scanner`) shows nothing but this list.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) exports: &'static [&'static str],
}

/// Modules that reach the system, with the reason that a refusal tells.
const HARMFUL: &[(&str, &str)] = &[
    ("os", "it reaches files and processes"),
    ("sys", "it reaches the interpreter itself"),
    ("subprocess", "it starts processes"),
    ("socket", "it opens network connections"),
    ("shutil", "it reaches files"),
    ("ctypes", "it reaches raw memory"),
    ("importlib", "it loads any other module"),
    ("builtins", "it holds every denied builtin"),
    ("pickle", "unpickling runs code"),
    ("marshal", "it loads code"),
    ("inspect", "it reaches frames and code"),
    ("gc", "it reaches every object of the interpreter"),
    ("pathlib", "it reaches files"),
    ("tempfile", "it reaches files"),
    ("io", "it reaches files"),
    ("signal", "it changes how the program is stopped"),
    ("threading", "programs run on one thread"),
    ("multiprocessing", "it starts processes"),
    ("urllib", "it opens network connections"),
    ("http", "it opens network connections"),
    ("requests", "it opens network connections"),
    ("code", "it runs text"),
    ("codeop", "it runs text"),
    ("types", "it builds functions from code objects"),
    ("time", "programs see no clock: take the time from the data"),
];

/// Every reviewed module, in no particular order.
pub(crate) fn reviewed() -> impl Iterator<Item = &'static Module> {
    standard::MODULES.iter().chain(numeric::MODULES)
}

/// The reviewed module of this dotted name.
pub(crate) fn find(name: &str) -> Option<&'static Module> {
    reviewed().find(|module| module.name == name)
}

/// Why the module is harmful, where that is known.
pub(crate) fn harm(name: &str) -> Option<&'static str> {
    HARMFUL.iter().find(|(harmful, _)| *harmful == name).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_module_exports_an_underscored_or_repeated_name() {
        for module in reviewed() {
            for (at, name) in module.exports.iter().enumerate() {
                assert!(!name.starts_with('_'), "{}.{name}", module.name);
                assert!(!module.exports[..at].contains(name), "{}.{name} is listed twice", module.name);
            }
        }
    }

    #[test]
    fn no_module_exports_a_harmful_module() {
        for module in reviewed() {
            for (harmful, _) in HARMFUL {
                // A class of that name, and a reviewed module of that name.
                let harmless =
                    matches!((module.name, *harmful), ("datetime", "time") | ("pandas.api", "types"));
                assert!(harmless || !module.exports.contains(harmful), "{}.{harmful}", module.name);
            }
        }
    }

    #[test]
    fn every_submodule_has_a_reviewed_parent() {
        for module in reviewed() {
            if let Some((parent, _)) = module.name.rsplit_once('.') {
                assert!(find(parent).is_some(), "{} has no parent in the table", module.name);
            }
        }
    }
}
