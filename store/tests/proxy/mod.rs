//! What goes between a writer and a server, and breaks.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::DatabaseConnection;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::common::Place;

/// What becomes of the packet in which the word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The server never gets it.
    Request,
    /// The server gets it and does it; its answer never comes back.
    Answer,
}

/// Goes between the writer and the server, and breaks the connection once: when `word` first comes by.
pub async fn breaking(place: &Place, word: &'static str, loss: Loss) -> DatabaseConnection {
    breaking_once(place, word, loss, Arc::new(AtomicBool::new(false))).await
}

/// The same, only while it is not `broken` yet.
pub async fn breaking_once(
    place: &Place,
    word: &'static str,
    loss: Loss,
    broken: Arc<AtomicBool>,
) -> DatabaseConnection {
    let server = place.port();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            tokio::spawn(between(client, server, word, loss, Arc::clone(&broken)));
        }
    });
    place.connect_through(port).await
}

pub async fn between(
    mut client: TcpStream,
    mut server: TcpStream,
    word: &'static str,
    loss: Loss,
    broken: Arc<AtomicBool>,
) {
    let (mut asked, mut answered) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        tokio::select! {
            Ok(length) = client.read(&mut asked) => {
                let packet = &asked[..length];
                if length == 0 {
                    return;
                }
                let here = packet.windows(word.len()).any(|bytes| bytes == word.as_bytes());
                if here && !broken.swap(true, Ordering::SeqCst) {
                    if loss == Loss::Answer {
                        server.write_all(packet).await.unwrap();
                        // The answer means that it is done.
                        assert!(server.read(&mut answered).await.unwrap() > 0);
                    }
                    return;
                }
                server.write_all(packet).await.unwrap();
            }
            Ok(length) = server.read(&mut answered) => {
                if length == 0 || client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
