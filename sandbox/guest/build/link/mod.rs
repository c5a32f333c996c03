//! Links the component that componentize-py makes into one core module.
//!
//! componentize-py keeps CPython, the C library and the runtime apart as a dozen core modules that are joined when the
//! component is instantiated: each call from one to another goes through a table of pointers, each function whose
//! address is taken is entered into a shared table again for every instance, and the whole of WASI is imported although
//! a guest of ours is given next to none of it. After the interpreter was frozen nothing of that is open any more. So
//! the modules become one, at build time:
//!
//! - what one module takes from another is a plain call, and tables and globals are constants, which costs nothing
//!   when an instance is made;
//! - a function of WASI that an honest program reaches is answered inside the module or by our own interface; every
//!   other one becomes an instruction that ends the instance.
//!
//! The component that comes out imports `cofferdam:python/host`, and `cofferdam:python/pages` by which the host looks at
//! the memory, and nothing else, which a test checks.

mod image;
mod merge;
mod pages;
mod parts;

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::Outcome;

/// Links `component`, which implements the world `guest` of the WIT folder.
pub(super) fn link(component: &[u8], wit: &Path) -> Outcome<Vec<u8>> {
    let parts = parts::Parts::read(component)?;
    let mut module = merge::merge(&parts)?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some("linked"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(ComponentEncoder::default().module(&module)?.validate(true).encode()?)
}
