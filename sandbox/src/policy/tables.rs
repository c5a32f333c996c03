//! The rules that belong to the crate, as data.

use serde_json::{Value, json};

use super::bounds::{Bounds, CEILING_SOURCE};
use super::rules::{attributes, calls, guarded, modules, names};
use super::settings::Policy;
use super::text;

impl Policy {
    /// The tables of this crate, which hold under every policy: reviewed modules with their names, denied builtins,
    /// attributes, methods and keywords.
    ///
    /// For review, and for the check that Python itself repeats over its own syntax tree: that one reads a stored copy
    /// of this value. Fields may be added in any release.
    #[must_use]
    pub fn tables() -> Value {
        let exports = |module: &modules::Module| {
            let mut names = module.exports.to_vec();
            names.sort_unstable();
            (module.name.to_owned(), Value::from(names))
        };
        let guards = guarded::guarded().map(|(name, guard)| (name.to_owned(), Value::from(guard.as_str())));
        let bounds = Bounds::default();
        json!({
            "modules": modules::reviewed().map(exports).collect::<serde_json::Map<_, _>>(),
            "guarded": guards.collect::<serde_json::Map<_, _>>(),
            "denied_names": words(names::DENIED),
            "loadable": names::LOADABLE,
            "assignable": names::ASSIGNABLE,
            "keywords": names::KEYWORDS,
            "type_sinks": names::TYPE_SINKS,
            "plain_types": names::PLAIN_TYPES,
            "special": attributes::SPECIAL,
            "special_readable": attributes::READABLE,
            "special_writable": attributes::WRITABLE,
            "special_definable": attributes::DEFINABLE,
            "class_names": attributes::NAMES,
            "frames": attributes::FRAMES,
            "introspection": attributes::INTROSPECTION,
            "claiming": attributes::CLAIMING,
            "documented": attributes::DOCUMENTED,
            "files": calls::FILES,
            "writers": calls::WRITERS,
            "targets": calls::TARGETS,
            "evaluators": calls::EVALUATORS,
            "dispatchers": calls::DISPATCHERS,
            "denied_keywords": words(calls::KEYWORDS),
            "utf8": text::UTF8,
            "bidi": text::BIDI.iter().map(|(first, last)| [u32::from(*first), u32::from(*last)]).collect::<Vec<_>>(),
            "bounds": {
                "source_bytes": bounds.source_bytes,
                "ceiling_source_bytes": CEILING_SOURCE,
                "violations": bounds.violations,
            },
        })
    }
}

/// The words of a table that says for each what to write instead.
fn words(table: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    table.iter().map(|(word, _)| *word).collect()
}
