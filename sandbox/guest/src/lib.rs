//! CPython 3.14 as a WebAssembly component: the guest in which `cofferdam-sandbox` runs untrusted programs.
//!
//! This crate holds data, not logic: the component's bytes, and what a host must know of them. The component is an
//! interpreter that was frozen after it imported every module of [`MODULES`] and our runner, so an instance is ready
//! at once. It exports and imports what [`WIT`] says, and nothing else: the build links CPython, its C library and the
//! runtime into one core module, in which the functions of WASI that an honest program reaches are answered and every
//! other one ends the instance.
//!
//! It is not a sandbox. Alone it has no memory limit, no time limit and no output limit: those are the host's.
//!
//! # Where the component comes from
//!
//! The build script takes, in this order: the file that the environment variable `COFFERDAM_PYTHON_COMPONENT` names;
//! the component that the published crate carries; or it builds one with Python 3 (`COFFERDAM_PYTHON`, by default
//! `python3`) and pip, which fetch a componentize-py that is pinned by hash.
//!
//! # Example
//!
//! ```
//! assert!(cofferdam_python::COMPONENT.starts_with(b"\0asm"));
//! assert!(cofferdam_python::MODULES.contains(&"statistics"));
//! assert!(!cofferdam_python::MODULES.contains(&"os"));
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

include!(concat!(env!("OUT_DIR"), "/generated.rs"));

/// The version of the interpreter.
pub const PYTHON_VERSION: &str = "3.14";

/// The world that the component implements, in the WIT language.
pub const WIT: &str = include_str!("../wit/world.wit");

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
