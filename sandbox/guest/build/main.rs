//! Finds or builds the CPython component, in this order:
//!
//! 1. the file that `COFFERDAM_PYTHON_COMPONENT` names,
//! 2. `component/python.wasm` beside this file, as the published crate carries it,
//! 3. a build with Python 3 and pip: a virtual environment in the build folder, componentize-py pinned by hash in
//!    `requirements.txt`, our WIT world and our runner; what that makes is [linked](link) into one module.

mod link;

use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() {
    if let Err(error) = build() {
        for line in error.to_string().lines() {
            println!("cargo::error={line}");
        }
    }
}

fn build() -> Outcome<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let packed = root.join("component/python.wasm");
    for watched in ["build", "python", "requirements.txt", "wit"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    if packed.is_file() {
        // Cargo takes a path that does not exist for one that changed.
        println!("cargo::rerun-if-changed={}", packed.display());
    }
    println!("cargo::rerun-if-env-changed=COFFERDAM_PYTHON_COMPONENT");
    println!("cargo::rerun-if-env-changed=COFFERDAM_PYTHON");

    let modules = fs::read_to_string(root.join("python/modules.txt"))?;
    let modules: Vec<&str> = modules.lines().map(str::trim).filter(|line| !line.is_empty()).collect();

    let component = if let Some(path) = env::var_os("COFFERDAM_PYTHON_COMPONENT") {
        println!("cargo::rerun-if-changed={}", Path::new(&path).display());
        PathBuf::from(path)
    } else if packed.is_file() {
        packed
    } else {
        componentize(&root, &out, &modules)?
    };
    let bytes = fs::read(&component)
        .map_err(|error| format!("cannot read the Python component {}: {error}", component.display()))?;
    let remedy = "remove it or name another in COFFERDAM_PYTHON_COMPONENT; without either it is built anew";
    if !bytes.starts_with(b"\0asm\x0d\0\x01\0") {
        return Err(format!("{} is not a WebAssembly component; {remedy}", component.display()).into());
    }
    // Here, where somebody can mend it, and not where a sandbox is made.
    if let Err(error) = wasmparser::validate(&bytes) {
        return Err(format!("{} is damaged ({error}); {remedy}", component.display()).into());
    }
    fs::write(
        out.join("generated.rs"),
        format!(
            "/// The component's bytes.\npub const COMPONENT: &[u8] = include_bytes!({component:?});\n\
             /// BLAKE3 of [`COMPONENT`], in hexadecimal.\npub const HASH: &str = \"{}\";\n\
             /// The modules that a program may import, submodules with their full name.\n\
             pub const MODULES: &[&str] = &{modules:?};\n",
            blake3::hash(&bytes).to_hex(),
        ),
    )?;
    Ok(())
}

/// Runs componentize-py over the runner and returns the component's path.
fn componentize(root: &Path, out: &Path, modules: &[&str]) -> Outcome<PathBuf> {
    let tool = install(root, out)?;
    let staging = out.join("app");
    if staging.is_dir() {
        // A module that is gone from here could still be imported from there.
        fs::remove_dir_all(&staging)?;
    }
    copy(&root.join("python"), &staging)?;
    fs::write(staging.join("cofferdam_modules.py"), format!("MODULES = {modules:?}\n"))?;

    let component = out.join("python.wasm");
    let parts = out.join("parts.wasm");
    let mut command = Command::new(tool);
    // Without these, packages of whoever builds would be looked up and could end in the component.
    command.env_remove("VIRTUAL_ENV").env_remove("PYTHONPATH").env("PYTHONNOUSERSITE", "1");
    command.args([
        OsStr::new("--wit-path"),
        root.join("wit").as_os_str(),
        "--world".as_ref(),
        "guest".as_ref(),
    ]);
    command.args(["componentize".as_ref(), "--python-path".as_ref(), staging.as_os_str()]);
    command.args(["--output".as_ref(), parts.as_os_str(), "cofferdam_guest".as_ref()]);
    run(&mut command, "componentize-py could not build the component from sandbox/guest/python")?;
    let linked = link::link(&fs::read(&parts)?, &root.join("wit"))
        .map_err(|error| format!("the component of componentize-py could not be linked: {error}"))?;
    fs::write(&component, linked)?;
    // They have done their work, and are larger than everything else in the build folder.
    fs::remove_file(parts)?;
    fs::remove_dir_all(out.join("venv"))?;
    Ok(component)
}

/// Copies modules and their data, with the packages among them.
fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() && name != "__pycache__" {
            copy(&path, &to.join(name))?;
        } else if let Some("py" | "json") = path.extension().and_then(OsStr::to_str) {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// Makes the virtual environment, unless it is there, and returns the path of componentize-py in it.
fn install(root: &Path, out: &Path) -> Outcome<PathBuf> {
    let python = env::var("COFFERDAM_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let venv = out.join("venv");
    let bin = venv.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let fix = "cofferdam-python builds CPython as a WebAssembly component and needs Python 3.9 or newer with pip and venv.\n\
               Fix: install them (Debian and Ubuntu: apt-get install python3 python3-pip python3-venv),\n\
               or name another interpreter in COFFERDAM_PYTHON,\n\
               or name a component that is already built in COFFERDAM_PYTHON_COMPONENT.";
    let version =
        Command::new(&python).args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).output();
    match version {
        Err(error) => return Err(format!("cannot run `{python}`: {error}\n{fix}").into()),
        Ok(output) if !output.status.success() => {
            return Err(format!("`{python}` is older than Python 3.9\n{fix}").into());
        }
        Ok(_) => {}
    }
    run(
        Command::new(&python).args(["-m", "venv", "--clear"]).arg(&venv),
        &format!("cannot make a virtual environment\n{fix}"),
    )?;
    run(
        Command::new(bin.join("python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement"])
            .arg(root.join("requirements.txt")),
        &format!("pip cannot install the pinned componentize-py (is a package index reachable?)\n{fix}"),
    )?;
    Ok(bin.join("componentize-py"))
}

fn run(command: &mut Command, failure: &str) -> Outcome<()> {
    let output = command.output().map_err(|error| format!("{failure}\n{error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!("{failure}\n{}", String::from_utf8_lossy(&text)).into())
}
