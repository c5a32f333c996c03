//! A component that somebody names and that is none.
//!
//! The build is asked as a user asks it, in a folder of its own, which keeps what the build script depends on.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use cofferdam_python::COMPONENT;

/// What a build says that is told to take this component.
fn refusal(component: &Path) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline", "--package", "cofferdam-python"])
        // The dependencies are compiled for this alone, and run for a moment.
        .args(["--config", "profile.dev.package.\"*\".opt-level=0"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("corrupt"))
        .env("COFFERDAM_PYTHON_COMPONENT", component)
        .output()
        .expect("cargo");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    said
}

#[test]
fn a_component_that_is_none_ends_the_build_with_its_name() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("python.wasm");
    let half = &COMPONENT[..COMPONENT.len() / 2];
    // Most of the component is data, of which every byte may be any; what frames it may not.
    let changed = [&COMPONENT[..8], b"\xff\xff\xff\xff", &COMPONENT[12..]].concat();
    for (content, expected) in [
        (&b""[..], "is not a WebAssembly component"),
        // A core module is no component.
        (b"\0asm\x01\0\0\0", "is not a WebAssembly component"),
        (half, "is damaged"),
        (&changed, "is damaged"),
    ] {
        std::fs::write(&path, content).unwrap();
        let said = refusal(&path);
        assert!(said.contains(expected) && said.contains("python.wasm"), "{said}");
        assert!(said.contains("COFFERDAM_PYTHON_COMPONENT"), "{said}");
    }
    std::fs::remove_file(&path).unwrap();
    let said = refusal(&path);
    assert!(said.contains("cannot read the Python component") && said.contains("python.wasm"), "{said}");
}
