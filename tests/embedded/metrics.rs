//! What an operator sees.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cofferdam::Job;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{closes, open, work};

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

/// The metrics, as soon as they hold this line, or what they were after long enough.
async fn with(address: SocketAddr, line: &str) -> String {
    for _ in 0..300 {
        let metrics = get(address, "/metrics").await;
        if metrics.contains(line) {
            return metrics;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    get(address, "/metrics").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_did_stands_in_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    // A sandbox of its own, whose events reach the metrics.
    let cofferdam = cofferdam::Cofferdam::embedded(folder.path()).open().await.unwrap();
    let server = cofferdam.serve_metrics(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let worker = work(&cofferdam);
    let program = cofferdam.check("result = 1 / params['x']").unwrap();
    let job = Job::new(program, closes(vec![1.0])).call([("x", 1.into())]).call([("x", 0.into())]);
    let id = cofferdam.submit(&job).await.unwrap();
    cofferdam.outcome(&id).await.unwrap();

    let metrics = get(server.local_addr(), "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    // The queue tells its observer once a call has ended, so whoever waits for the outcome may be first.
    let metrics =
        with(server.local_addr(), "cofferdam_queue_acked_total{queue=\"jobs\",priority=\"normal\"} 1").await;
    for line in [
        "cofferdam_sandbox_executions_total{backend=\"wasm\"} 2",
        "cofferdam_sandbox_execution_failures_total{backend=\"wasm\",reason=\"exception\",fault=\"user\"} 1",
        "cofferdam_queue_enqueued_total{queue=\"jobs\",priority=\"normal\"} 1",
        "cofferdam_queue_acked_total{queue=\"jobs\",priority=\"normal\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(get(server.local_addr(), "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(get(server.local_addr(), "/readyz").await.starts_with("HTTP/1.1 200"));
    worker.abort();
    server.shutdown().await;
}

#[tokio::test]
async fn the_same_folder_opens_again_after_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).await);
    drop(open(folder.path()).await);
}
