//! The cache of compiled code.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use cofferdam_sandbox::{Error, Input, Program, Sandbox, WasmSandbox, WasmSandboxBuilder};

use super::limits;

fn builder() -> WasmSandboxBuilder {
    WasmSandbox::builder().allow_unchecked(true).fuel(true)
}

async fn works(sandbox: &WasmSandbox) {
    let outcome = sandbox.run(&Program::unchecked("result = 1"), &Input::new(), &limits()).await.unwrap();
    assert_eq!(outcome.result.unwrap(), 1);
}

#[tokio::test]
async fn code_is_kept_privately_and_a_damaged_file_is_replaced() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("cache");
    works(&builder().cache(&directory).build().unwrap()).await;
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let files: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let whole = std::fs::read(file).unwrap();

    // Cut off, as by a machine that lost power.
    std::fs::write(file, &whole[..whole.len() / 2]).unwrap();
    works(&builder().cache(&directory).build().unwrap()).await;
    assert_eq!(file.metadata().unwrap().len() as usize, whole.len());

    // One bit, in code that would have run.
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    std::fs::write(file, &changed).unwrap();
    works(&builder().cache(&directory).build().unwrap()).await;
    assert!(std::fs::read(file).unwrap() == whole);

    // Open to others: not read, since anybody may have written it.
    let before = file.metadata().unwrap().modified().unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o666)).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    works(&builder().cache(&directory).build().unwrap()).await;
    assert!(file.metadata().unwrap().modified().unwrap() > before);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_directory_that_others_can_enter_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("open");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    match builder().cache(&directory).build().unwrap_err() {
        Error::Backend { source, .. } => {
            assert!(source.to_string().contains("open to other users"), "{source}")
        }
        other => panic!("{other}"),
    }
    assert_eq!(directory.read_dir().unwrap().count(), 0);
}
