//! The shortest question that each protocol has, asked over a plain connection: a client library per service would
//! cost more to build than all the rest of this program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A service on this machine that takes longer is not up yet.
const TIMEOUT: Duration = Duration::from_secs(2);

/// No answer that is asked for here comes near this.
const ANSWER_LIMIT: u64 = 1 << 20;

fn connect(port: u16) -> Option<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(TIMEOUT)).ok()?;
    Some(stream)
}

/// What a Redis says to an inline command: the text of a simple or a bulk string. `None` for an error or silence.
pub(super) fn redis(port: u16, command: &str) -> Option<String> {
    let mut stream = connect(port)?;
    stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
    redis_reply(stream)
}

fn redis_reply(stream: impl Read) -> Option<String> {
    let mut reader = BufReader::new(stream.take(ANSWER_LIMIT));
    let mut head = String::new();
    reader.read_line(&mut head).ok()?;
    let head = head.trim_end();
    match head.split_at_checked(1)? {
        ("+", text) => Some(text.to_owned()),
        ("$", length) => {
            let mut text = String::new();
            let length: u64 = length.parse().ok()?;
            reader.take(length).read_to_string(&mut text).ok()?;
            (text.len() as u64 == length).then_some(text)
        }
        _ => None,
    }
}

/// Whether a GET of this path over TCP is answered with 200.
pub(super) fn http(port: u16, path: &str) -> bool {
    connect(port).is_some_and(|stream| http_ok(stream, path))
}

/// Whether a GET of this path over a Unix socket is answered with 200.
pub(super) fn http_unix(socket: &Path, path: &str) -> bool {
    let Ok(stream) = UnixStream::connect(socket) else { return false };
    stream.set_read_timeout(Some(TIMEOUT)).is_ok() && http_ok(stream, path)
}

fn http_ok(mut stream: impl Read + Write, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut status = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && BufReader::new(stream.take(ANSWER_LIMIT)).read_line(&mut status).is_ok()
        && status.split_ascii_whitespace().nth(1) == Some("200")
}

/// Whether a server of the MySQL family greets: three bytes of length, a sequence number, and protocol version 10.
/// It sends an error packet (0xff) instead while it refuses connections.
pub(super) fn mysql(port: u16) -> bool {
    let mut greeting = [0; 5];
    connect(port).is_some_and(|mut stream| stream.read_exact(&mut greeting).is_ok())
        && matches!(greeting, [.., 0, 10])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn serve(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer).unwrap();
            // Holds the connection open until the client goes, as a server does.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        port
    }

    #[test]
    fn redis_replies_are_read() {
        assert_eq!(redis_reply(&b"+PONG\r\n"[..]).as_deref(), Some("PONG"));
        assert_eq!(redis_reply(&b"$4\r\na:b\n\r\n"[..]).as_deref(), Some("a:b\n"));
        for broken in [&b""[..], b"-LOADING\r\n", b"$9\r\nshort", b"$-1\r\n", b"$x\r\n", b"\xff\r\n"] {
            assert_eq!(redis_reply(broken), None, "{broken:?}");
        }
        assert_eq!(redis(serve(b"+PONG\r\n"), "PING").as_deref(), Some("PONG"));
    }

    #[test]
    fn only_200_is_an_answer() {
        assert!(http(serve(b"HTTP/1.1 200 OK\r\n\r\n"), "/"));
        assert!(!http(serve(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), "/"));
        assert!(!http_unix(Path::new("/nowhere/docker.sock"), "/_ping"));
    }

    #[test]
    fn a_mysql_that_refuses_is_not_up() {
        assert!(mysql(serve(b"\x4a\0\0\0\x0a10.11")));
        assert!(!mysql(serve(b"\x4a\0\0\0\xff\x10\x04")));
    }
}
