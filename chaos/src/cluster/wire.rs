//! A connection to one node, for questions about the cluster.
//!
//! It is not the client under test, and shares no code with it: what disturbs the one must not blind the other.

use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::Reply;

/// A node on this machine that takes longer stands still or is gone.
const TIMEOUT: Duration = Duration::from_millis(1_000);

/// A connection. After an error it is of no use any more.
#[derive(Debug)]
pub struct Wire {
    reader: BufReader<TcpStream>,
}

impl Wire {
    /// Connects to the node on this port.
    ///
    /// # Errors
    /// When nobody answers there in time.
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Sends one command and waits for its answer, which may be an error of the node's.
    ///
    /// # Errors
    /// When the node does not answer in time, or not as a Redis.
    pub fn ask(&mut self, command: &[&[u8]]) -> io::Result<Reply> {
        self.reader.get_mut().write_all(&encode(command))?;
        Reply::read(&mut self.reader)
    }

    /// Sends several commands at once and waits for all answers.
    ///
    /// # Errors
    /// As for [`ask`](Self::ask).
    pub fn ask_all(&mut self, commands: &[Vec<Vec<u8>>]) -> io::Result<Vec<Reply>> {
        let mut replies = Vec::with_capacity(commands.len());
        // Few enough that neither side waits for the other to read first.
        for chunk in commands.chunks(256) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|command| encode(command)).collect();
            self.reader.get_mut().write_all(&bytes)?;
            for _ in chunk {
                replies.push(Reply::read(&mut self.reader)?);
            }
        }
        Ok(replies)
    }
}

fn encode(command: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for word in command {
        let word = word.as_ref();
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend(word);
        bytes.extend(b"\r\n");
    }
    bytes
}
