//! Engines and images that are not there, or not what they should be.

use std::error::Error as _;
use std::os::unix::net::UnixListener;

use cofferdam_sandbox::{DockerSandbox, DockerSandboxBuilder, Error, Fault};

use super::support::{builder, docker, nothing_is_left};

/// What the builder says and, beneath it, why.
async fn refusal(builder: DockerSandboxBuilder) -> String {
    let error = builder.build().await.map(drop).unwrap_err();
    assert_eq!(error.fault(), Fault::Platform);
    assert!(matches!(error, Error::Backend { backend: "docker", .. }), "{error}");
    format!("{error}: {}", error.source().unwrap())
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let said = refusal(DockerSandbox::builder().engine(&socket)).await;
    assert!(said.contains("failed to reach the engine") && said.contains("start Docker"), "{said}");
    // A socket that nobody listens on any more, as a killed engine leaves it.
    drop(UnixListener::bind(&socket).unwrap());
    let said = refusal(DockerSandbox::builder().engine(&socket)).await;
    assert!(said.contains("nobody listens"), "{said}");
    // Somebody who is no engine.
    std::fs::remove_file(&socket).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = std::io::Write::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n");
        }
    });
    let said = refusal(DockerSandbox::builder().engine(&socket)).await;
    assert!(said.contains("failed to reach the engine"), "{said}");
    server.join().unwrap();
}

#[tokio::test]
async fn an_image_that_is_not_there_or_not_ours_is_named_with_the_remedy() {
    let said = refusal(builder().image("cofferdam-no-such-image:1")).await;
    assert!(
        said.contains("has no image `cofferdam-no-such-image:1`") && said.contains("cargo xtask image"),
        "{said}"
    );

    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("empty.tar");
    std::fs::write(&archive, [0; 10240]).unwrap();
    let archive = archive.to_str().unwrap();
    let ours = "cofferdam.modules=numpy";
    for (tag, labels, expected) in [
        ("cofferdam-test-empty:1", &[][..], "holds no runner"),
        ("cofferdam-test-later:1", &["cofferdam.protocol=2"], "speaks protocol 2"),
        ("cofferdam-test-silent:1", &["cofferdam.protocol=1"], "does not say which Python"),
        (
            "cofferdam-test-odd:1",
            &["cofferdam.protocol=1", "cofferdam.python=3;rm", ours],
            "does not say which",
        ),
    ] {
        let changes: Vec<_> = labels.iter().map(|label| format!("LABEL {label}")).collect();
        let changes: Vec<_> = changes.iter().flat_map(|change| ["--change", change]).collect();
        docker(&[&["import"], &changes[..], &[archive, tag]].concat());
        let said = refusal(builder().image(tag)).await;
        docker(&["rmi", tag]);
        assert!(said.contains(expected) && said.contains("docker build"), "{said}");
    }
    nothing_is_left();
}

#[tokio::test]
async fn an_image_with_our_labels_and_no_runner_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("empty.tar");
    std::fs::write(&archive, [0; 10240]).unwrap();
    let tag = "cofferdam-test-hollow:1";
    let mut arguments = vec!["import"];
    for change in [
        "LABEL cofferdam.protocol=1",
        "LABEL cofferdam.python=3.11",
        "LABEL cofferdam.modules=math",
        "ENTRYPOINT [\"/usr/bin/python3\"]",
    ] {
        arguments.extend(["--change", change]);
    }
    docker(&[&arguments[..], &[archive.to_str().unwrap(), tag]].concat());
    let sandbox = builder().image(tag).build().await.unwrap();
    let program = cofferdam_sandbox::Program::unchecked("result = 1");
    let error = cofferdam_sandbox::Sandbox::open(&sandbox, &program, &Default::default())
        .await
        .map(drop)
        .unwrap_err();
    sandbox.close().await;
    docker(&["rmi", tag]);
    assert!(error.to_string().contains("failed to start a container"), "{error}");
    nothing_is_left();
}

#[tokio::test]
async fn a_runtime_that_the_engine_does_not_have_is_named() {
    let said = refusal(builder().runtime("no-such-runtime")).await;
    assert!(said.contains("no-such-runtime") && said.contains("daemon.json"), "{said}");
}
