//! TLS against a server whose certificate an authority of our own signed.

use std::time::Duration;

use cofferdam_heartbeat::{ErrorKind, RedisStore, Store};

use crate::common::document;
use crate::common::server::{Server, certificates};

#[tokio::test]
async fn a_certificate_of_an_own_authority_is_trusted_when_named_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, authority) = (path("server.crt"), path("server.key"), path("ca.crt"));
    let server = Server::start_with_tls(&[
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority,
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "over the wire",
    ]);
    let url = format!("rediss://:over%20the%20wire@{}/", server.address());
    let roots = std::fs::read(&authority).unwrap();
    let store = RedisStore::builder(url.as_str()).root_certificates(roots).connect().await.unwrap();
    store.put("w#1", document("w#1"), Duration::from_secs(30)).await.unwrap();
    assert_eq!(store.clone().list().await.unwrap().entries.len(), 1);

    let untrusted =
        RedisStore::builder(url.as_str()).timeout(Duration::from_secs(1)).connect().await.unwrap_err();
    assert_eq!(untrusted.kind(), ErrorKind::Config);
    let text = untrusted.to_string();
    assert!(text.contains("certificate") && text.contains("name its authority"), "{text}");
    assert!(!text.contains("over the wire") && !text.contains("over%20"), "{text}");

    let no_certificate =
        RedisStore::builder(url.as_str()).root_certificates("no PEM").connect().await.unwrap_err();
    assert_eq!(no_certificate.kind(), ErrorKind::Config, "{no_certificate}");

    let plain = format!("redis://:over%20the%20wire@{}/", server.address());
    RedisStore::builder(plain).timeout(Duration::from_secs(1)).connect().await.unwrap_err();
}
