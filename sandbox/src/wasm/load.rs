//! The component as machine code: from the cache, or compiled and put there.

#![allow(unsafe_code)]

use std::hash::{DefaultHasher, Hash, Hasher};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::BACKEND;
use super::cache::Cache;
use crate::Error;

/// The component, and whether it had to be compiled.
pub(super) fn load(engine: &Engine, cache: Option<&Cache>) -> Result<(Component, bool), Error> {
    let name = name(engine);
    if let Some(path) = cache.and_then(|cache| cache.find(&name)) {
        // SAFETY: `deserialize_file` runs whatever machine code the file holds, so the file must be one that this
        // crate wrote and nobody changed. `Cache::find` answers only with a file that belongs to this process's user
        // and that nobody else can write to, in a directory of which the same holds; `Cache::store` puts only whole
        // results of `precompile_component` there, by renaming. Its name holds the hash of the component, of wasmtime's
        // version and settings, and of the content, which `Cache::find` compares; and wasmtime itself refuses code for
        // another version or processor.
        match unsafe { Component::deserialize_file(engine, &path) } {
            Ok(component) => return Ok((component, false)),
            Err(error) => {
                tracing::warn!(%error, "the cached code of CPython is not usable and is compiled anew")
            }
        }
    }
    tracing::info!("compiling CPython for this processor; the result is cached where a cache is configured");
    let component = Component::from_binary(engine, cofferdam_python::COMPONENT)
        .map_err(|error| Error::backend(BACKEND, "compile CPython", error))?;
    if let Some(cache) = cache {
        // A full disk must not keep anybody from running programs.
        let stored = component.serialize().map_err(|error| error.to_string());
        if let Err(error) =
            stored.and_then(|code| cache.store(&name, &code).map_err(|error| error.to_string()))
        {
            tracing::warn!(%error, "the compiled code of CPython could not be cached");
        }
    }
    Ok((component, true))
}

/// A name that changes with all that the code depends on.
fn name(engine: &Engine) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let component = cofferdam_python::HASH.get(..32).unwrap_or(cofferdam_python::HASH);
    format!("python-{component}-{:016x}", hasher.finish())
}
