//! The reference parser, `prometheus_client` from PyPI, in a virtual environment under the target folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

const PARSER: &str = "prometheus-client==0.22.1";

#[derive(Debug, Deserialize)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) r#type: String,
    pub(crate) unit: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Parses an exposition in `format` ("openmetrics" or "text"), or fails with what the parser says.
pub(crate) fn parse(exposition: &str, format: &str) -> Vec<Family> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exposition/parse_exposition.py");
    let mut parser = Command::new(python())
        .arg(script)
        .arg(format)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    parser.stdin.take().unwrap().write_all(exposition.as_bytes()).unwrap();
    let output = parser.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the reference parser refuses the exposition:\n{said}\n{exposition}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The environment is made once, by whichever test process comes first.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = File::create(folder.join("reference-parser.lock")).unwrap();
    lock.lock().unwrap();
    let environment = folder.join("reference-parser");
    let python = environment.join("bin/python3");
    let done = environment.join("done");
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        run(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PARSER,
        ]));
        File::create(done).unwrap();
    }
    python
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "this test needs Python 3 with venv and pip, to ask the reference parser; install them ({error})"
        )
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} failed; this test needs Python 3 with venv and pip:\n{said}"
    );
}
