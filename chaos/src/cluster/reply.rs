//! What a Redis answers.

use std::io::{self, BufRead, ErrorKind, Read};

/// No answer that is asked for here comes near this.
const LIMIT: i64 = 64 << 20;

/// How deep arrays may lie in each other: far more than any command here answers.
const DEPTH: usize = 8;

/// One answer, in the second version of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A word, such as OK.
    Status(String),
    /// An error, with its code as the first word.
    Error(String),
    /// A number.
    Integer(i64),
    /// Bytes.
    Bulk(Vec<u8>),
    /// Nothing.
    Nil,
    /// Several answers.
    Array(Vec<Self>),
}

impl Reply {
    /// Reads one answer.
    pub(super) fn read(source: &mut impl BufRead) -> io::Result<Self> {
        Self::read_at(source, 0)
    }

    fn read_at(source: &mut impl BufRead, depth: usize) -> io::Result<Self> {
        let mut line = String::new();
        if source.by_ref().take(4 << 10).read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end_matches(['\r', '\n']);
        let broken =
            || io::Error::new(ErrorKind::InvalidData, format!("{line:?} begins no answer of a Redis"));
        let (kind, rest) = line.split_at_checked(1).ok_or_else(broken)?;
        let number = || rest.parse::<i64>().ok().filter(|number| *number <= LIMIT).ok_or_else(broken);
        match kind {
            "+" => Ok(Self::Status(rest.to_owned())),
            "-" => Ok(Self::Error(rest.to_owned())),
            ":" => rest.parse().map(Self::Integer).map_err(|_| broken()),
            "$" => match u64::try_from(number()?) {
                Ok(length) => bulk(source, length),
                Err(_) => Ok(Self::Nil),
            },
            "*" if depth < DEPTH => match u64::try_from(number()?) {
                Ok(length) => (0..length)
                    .map(|_| Self::read_at(source, depth + 1))
                    .collect::<io::Result<_>>()
                    .map(Self::Array),
                Err(_) => Ok(Self::Nil),
            },
            _ => Err(broken()),
        }
    }

    /// The answer as text, if it is a word or bytes that are text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Status(text) => Some(text),
            Self::Bulk(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The parts of an array; none of anything else.
    #[must_use]
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::Array(parts) => parts,
            _ => &[],
        }
    }
}

fn bulk(source: &mut impl BufRead, length: u64) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    source.by_ref().take(length).read_to_end(&mut bytes)?;
    let mut end = [0; 2];
    source.read_exact(&mut end)?;
    if bytes.len() as u64 != length || &end != b"\r\n" {
        return Err(io::Error::new(ErrorKind::InvalidData, "the bytes are not as long as was said"));
    }
    Ok(Reply::Bulk(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_answer_is_read() {
        let text = b"*6\r\n+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nb\xff\r\n$-1\r\n*0\r\n";
        let expected = vec![
            Reply::Status("OK".into()),
            Reply::Error("ERR no".into()),
            Reply::Integer(-7),
            Reply::Bulk(b"a\r\nb\xff".to_vec()),
            Reply::Nil,
            Reply::Array(Vec::new()),
        ];
        assert_eq!(Reply::read(&mut &text[..]).unwrap(), Reply::Array(expected));
    }

    #[test]
    fn a_broken_answer_is_an_error() {
        let deep = b"*1\r\n".repeat(100);
        for broken in [
            &b""[..],
            b"\r\n",
            b"?\r\n",
            b":x\r\n",
            b"$9\r\nshort\r\n",
            b"$3\r\nabcde",
            b"$99999999999\r\n",
            &deep,
        ] {
            assert!(Reply::read(&mut &*broken).is_err(), "{broken:?}");
        }
    }
}
