//! The endpoint over real TCP, with polite clients and with the other sort.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cofferdam_telemetry::{ErrorKind, Server, Telemetry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start() -> Server {
    Server::builder(Telemetry::new()).start().await.unwrap()
}

/// Sends these bytes and reads until the server closes; an error of the connection counts as its end.
async fn send(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(request).await.unwrap();
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(answer).unwrap()
}

async fn get(server: &Server, path: &str, header: &str) -> (u16, String, String) {
    let answer = send(server, format!("GET {path} HTTP/1.1\r\nhost: x\r\n{header}\r\n").as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn metrics_come_as_open_metrics_unless_only_plain_text_is_named() {
    let server = start().await;
    assert!(server.local_addr().ip().is_loopback());
    let prometheus =
        "accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3\r\n";
    for accept in ["", "accept: */*\r\n", prometheus] {
        let (status, head, body) = get(&server, "/metrics", accept).await;
        assert_eq!(status, 200);
        assert!(
            head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
            "{head}"
        );
        assert!(body.ends_with("# EOF\n"), "{body}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    }
    let (status, head, body) = get(&server, "/metrics?x=y", "accept: text/plain\r\n").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(!body.contains("# EOF") && body.contains("# TYPE process_cpu_seconds_total counter"), "{body}");
    server.shutdown().await;
}

#[tokio::test]
async fn head_has_no_body_and_other_methods_and_paths_are_refused() {
    let server = start().await;
    let answer = send(&server, b"HEAD /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let answer = send(&server, format!("{method} /metrics HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 405") && answer.contains("allow: GET, HEAD"), "{answer}");
    }
    for path in ["/", "/metrics/", "/metrics/../healthz", "//metrics", "/debug/pprof", "/%2e%2e/etc/passwd"] {
        assert_eq!(get(&server, path, "").await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn readiness_names_each_check_and_what_it_says() {
    let ready = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ready);
    let server = Server::builder(Telemetry::new())
        .check("queue", || async { Ok(()) })
        .check("database", move || {
            let ready = seen.load(Ordering::SeqCst);
            async move { if ready { Ok(()) } else { Err("connection \"refused\"".to_owned()) } }
        })
        .start()
        .await
        .unwrap();
    assert_eq!(get(&server, "/healthz", "").await.0, 200, "alive, although not ready");
    let (status, head, body) = get(&server, "/readyz", "").await;
    assert_eq!(status, 503);
    assert!(head.contains("content-type: application/json"), "{head}");
    let expected = r#"{"ready":false,"checks":[{"name":"database","ready":false,"reason":"connection \"refused\""},{"name":"queue","ready":true}]}"#;
    assert_eq!(body, expected);

    ready.store(true, Ordering::SeqCst);
    let (status, _, body) = get(&server, "/readyz", "").await;
    assert_eq!(status, 200);
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json["ready"], true);
}

#[tokio::test]
async fn a_check_that_hangs_or_panics_is_an_answer() {
    let server = Server::builder(Telemetry::new())
        .check("hangs", std::future::pending::<Result<(), String>>)
        .check("panics", || async { panic!("this panic belongs to the test") })
        .start()
        .await
        .unwrap();
    let (status, _, body) = get(&server, "/readyz", "").await;
    assert_eq!(status, 503);
    assert!(body.contains("no answer within 2s") && body.contains("the check panicked"), "{body}");
    assert_eq!(get(&server, "/healthz", "").await.0, 200);
}

#[tokio::test]
async fn two_checks_of_one_name_and_a_taken_port_are_refused() {
    let twice =
        Server::builder(Telemetry::new()).check("a", || async { Ok(()) }).check("a", || async { Ok(()) });
    let error = twice.start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("give each its own name"), "{error}");

    let server = start().await;
    let error = Server::builder(Telemetry::new()).bind(server.local_addr()).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bind);
    assert!(error.to_string().contains("choose a free port"), "{error}");
}

#[tokio::test]
async fn garbage_is_answered_or_cut_off_and_the_server_lives_on() {
    let server = start().await;
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    let long_header = format!("GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(100_000));
    let many_headers = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200));
    let requests: [&[u8]; 9] = [
        b"\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        long_path.as_bytes(),
        long_header.as_bytes(),
        many_headers.as_bytes(),
    ];
    for request in requests {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        // The server may close while this is still being written.
        let _ = stream.write_all(request).await;
        let _ = stream.shutdown().await;
        let answer = read_all(&mut stream).await;
        let head = &request[..request.len().min(20)];
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{head:?}: {answer}");
    }
    assert_eq!(get(&server, "/metrics", "").await.0, 200);
}

#[tokio::test]
async fn a_body_is_never_waited_for() {
    let server = start().await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\nabc";
    let answer = send(&server, request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn the_slow_are_cut_off_and_do_not_keep_others_out() {
    let server = start().await;
    // Twice as many as there are places: without a time limit nobody would ever get in again.
    let begin = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..128 {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nx-slow: ").await.unwrap();
        slow.push(stream);
    }
    assert_eq!(get(&server, "/healthz", "").await.0, 200);
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    // A byte a second does not prolong a place either.
    let mut dripping = TcpStream::connect(server.local_addr()).await.unwrap();
    dripping.write_all(b"GET /metrics HTTP/1.1\r\nx-slow: ").await.unwrap();
    let mut byte = [0];
    let cut_off = async {
        loop {
            if dripping.write_all(b"a").await.is_err() {
                return;
            }
            match tokio::time::timeout(Duration::from_secs(1), dripping.read(&mut byte)).await {
                Ok(Ok(1)) | Err(_) => {}
                Ok(_) => return,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), cut_off)
        .await
        .expect("the dripping client was never cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_all_get_a_whole_answer() {
    let server = Arc::new(start().await);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let server = Arc::clone(&server);
        clients.spawn(async move { get(&server, "/metrics", "").await });
    }
    let mut answers = 0;
    while let Some(answer) = clients.join_next().await {
        let (status, _, body) = answer.unwrap();
        assert_eq!(status, 200);
        assert!(body.ends_with("# EOF\n"));
        answers += 1;
    }
    assert_eq!(answers, 500);
}

#[tokio::test]
async fn a_shutdown_lets_the_answer_under_way_end_and_closes_the_port() {
    let asked = Arc::new(tokio::sync::Notify::new());
    let seen = Arc::clone(&asked);
    let server = Server::builder(Telemetry::new())
        .check("slow", move || {
            seen.notify_one();
            async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(())
            }
        })
        .start()
        .await
        .unwrap();
    let address = server.local_addr();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    asked.notified().await;
    server.shutdown().await;
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""ready":true"#), "{answer}");
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_dropped_server_closes_its_port() {
    let server = start().await;
    let address = server.local_addr();
    drop(server);
    for _ in 0..5_000 {
        if TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the port is still open");
}
