//! The two directions of a container's standard streams, and how frames are read out of what comes.
//!
//! Whatever comes is a stranger's. A length is compared with a budget before a byte is kept, what is no frame ends the
//! session, and what arrives beside the frames is counted and dropped.

use std::collections::VecDeque;
use std::pin::Pin;

use bollard::container::{AttachContainerResults, LogOutput};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::frame::{HEAD, Kind, Nonce};

/// Why nothing more comes.
#[derive(Debug)]
pub(super) enum Broken {
    /// The container ended, or the engine went.
    Closed,
    /// What came is no frame.
    Garbage,
    /// More came beside the frames than the call may say.
    Noise,
}

/// From the container to the host.
pub(super) struct Answers {
    stream: Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>,
    nonce: Nonce,
    /// What came last, and how much of it is read.
    piece: Option<LogOutput>,
    read: usize,
    /// Bytes that may still come past the frames, or be said in them.
    pub(super) budget: u64,
    /// The end of what came past the frames, for whoever looks for the reason of a failed start.
    noise: VecDeque<u8>,
}

/// Bytes of noise that are kept: a traceback's worth.
const KEPT_NOISE: usize = 4 << 10;

/// From the host to the container.
pub(super) struct Requests(Pin<Box<dyn AsyncWrite + Send>>);

impl Requests {
    /// Writes a frame. An error means that nobody reads any more, and why shows on the other direction.
    pub(super) async fn send(&mut self, frame: &[u8]) -> std::io::Result<()> {
        self.0.write_all(frame).await?;
        self.0.flush().await
    }
}

pub(super) fn split(attached: AttachContainerResults, nonce: Nonce) -> (Requests, Answers) {
    let answers =
        Answers { stream: attached.output, nonce, piece: None, read: 0, budget: 0, noise: VecDeque::new() };
    (Requests(attached.input), answers)
}

impl Answers {
    /// Reads the head of the next frame: its kind and its length, which is so far no more than a claim.
    pub(super) async fn head(&mut self) -> Result<(Kind, u64), Broken> {
        let mut head = [0_u8; HEAD];
        self.fill(&mut head).await?;
        let (nonce, rest) = head.split_at(self.nonce.len());
        let (Some((&kind, length)), true) = (rest.split_first(), nonce == self.nonce) else {
            return Err(Broken::Garbage);
        };
        let kind = Kind::parse(kind).ok_or(Broken::Garbage)?;
        let length = length.try_into().map(u64::from_le_bytes).map_err(|_| Broken::Garbage)?;
        Ok((kind, length))
    }

    /// Reads a whole content of at most `most` bytes. The buffer grows with what comes, not with what was claimed.
    pub(super) async fn content(&mut self, length: u64, most: usize) -> Result<Vec<u8>, Broken> {
        let length = usize::try_from(length).ok().filter(|length| *length <= most).ok_or(Broken::Garbage)?;
        let mut content = Vec::new();
        while content.len() < length {
            let some = self.some((length - content.len()) as u64).await?;
            content.extend_from_slice(some);
        }
        Ok(content)
    }

    /// Reads some more of a content: at least one byte and at most `most`.
    pub(super) async fn some(&mut self, most: u64) -> Result<&[u8], Broken> {
        while self.left().is_empty() {
            self.next_piece().await?;
        }
        let taken = self.left().len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let start = self.read;
        self.read += taken;
        let piece = self.piece.as_ref().map(AsRef::as_ref).unwrap_or_default();
        Ok(piece.get(start..start + taken).unwrap_or_default())
    }

    /// The end of what the container said past the frames.
    pub(super) fn noise(&self) -> String {
        let bytes: Vec<u8> = self.noise.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    async fn fill(&mut self, mut room: &mut [u8]) -> Result<(), Broken> {
        while !room.is_empty() {
            let some = self.some(room.len() as u64).await?;
            let (filled, rest) = room.split_at_mut(some.len());
            filled.copy_from_slice(some);
            room = rest;
        }
        Ok(())
    }

    fn left(&self) -> &[u8] {
        let piece = self.piece.as_ref().map(AsRef::as_ref).unwrap_or_default();
        piece.get(self.read..).unwrap_or_default()
    }

    async fn next_piece(&mut self) -> Result<(), Broken> {
        match self.stream.next().await {
            Some(Ok(piece @ LogOutput::StdOut { .. })) => {
                self.piece = Some(piece);
                self.read = 0;
                Ok(())
            }
            Some(Ok(LogOutput::StdErr { message })) => {
                self.noise.extend(&message);
                let surplus = self.noise.len().saturating_sub(KEPT_NOISE);
                self.noise.drain(..surplus);
                self.budget = self.budget.checked_sub(message.len() as u64).ok_or(Broken::Noise)?;
                Ok(())
            }
            // Only a terminal's stream looks so, and the container has none.
            Some(Ok(_)) => Err(Broken::Garbage),
            Some(Err(_)) | None => Err(Broken::Closed),
        }
    }
}
