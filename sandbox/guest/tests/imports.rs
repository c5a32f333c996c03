//! What the component can reach, read off the component itself.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use cofferdam_python::COMPONENT;
use wasmparser::{ComponentExternalKind, Parser, Payload};

/// The names that the component itself imports and exports, leaving out what its parts are given by each other.
fn interface() -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0_usize);
    for payload in Parser::new(0).parse_all(COMPONENT) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                let functions = section.into_iter().map(Result::unwrap);
                exports.extend(
                    functions
                        .filter(|export| export.kind == ComponentExternalKind::Func)
                        .map(|export| export.name.name.to_owned()),
                );
            }
            _ => {}
        }
    }
    (imports, exports)
}

#[test]
fn the_component_imports_our_interfaces_and_nothing_of_wasi() {
    let (mut imports, mut exports) = interface();
    imports.sort_unstable();
    exports.sort_unstable();
    assert_eq!(imports, ["cofferdam:python/host@0.1.0", "cofferdam:python/pages@0.1.0"]);
    assert_eq!(exports, ["call", "load", "survey", "touch"]);
}

#[test]
fn cpython_its_library_and_the_runtime_are_one_module() {
    let mut sizes = Vec::new();
    for payload in Parser::new(0).parse_all(COMPONENT) {
        if let Payload::ModuleSection { unchecked_range, .. } = payload.unwrap() {
            sizes.push(unchecked_range.len());
        }
    }
    // Beside it stand the shim that lets it import before it exports, and what fills the shim.
    assert_eq!(sizes.len(), 3, "{sizes:?}");
    assert!(sizes[1..].iter().all(|size| *size < 4096), "{sizes:?}");
}
