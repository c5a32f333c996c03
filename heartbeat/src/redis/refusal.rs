//! Why a node did not do what it was asked.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerError};

use super::address::Address;

/// A refusal, as a sentence. It holds what a node said and never what it was told, so no password can stand in it.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{node} did not answer within {after:?}")]
    Silent { node: Address, after: Duration },

    #[error("{node} cannot be reached: {reason}")]
    Unreachable { node: Address, reason: String },

    #[cfg(feature = "redis-tls")]
    #[error(
        "{node} shows a certificate that is not trusted ({reason}): name its authority to the builder, and the server \
             in the URL as the certificate does"
    )]
    Certificate { node: Address, reason: String },

    #[error("{node} refused the user or the password: {LOGIN_REMEDY}")]
    Login { node: Address },

    #[error("{node} let nobody in: {reason}: a cluster has database 0 alone, so check the number in the URL")]
    Entrance { node: Address, reason: String },

    #[error("{node} answered {code} {detail}: {}", remedy(code))]
    Answer { node: Address, code: String, detail: String },

    #[error("{node} is a read-only replica: name its master in the URL")]
    Replica { node: Address },

    #[error(
        "{node} answered what no Redis answers: check that the URL names a Redis or Valkey of version 7 or later"
    )]
    Garbled { node: Address },

    #[error(
        "the cluster serves {} of its 16384 slots: start its missing masters, or mend it with \
         `redis-cli --cluster fix`",
        16_384 - missing
    )]
    Uncovered { missing: usize },

    #[error("the index holds what no heartbeat store wrote: choose another prefix")]
    Index,

    #[error("there is no tokio runtime here: call the store from one, with I/O and time enabled")]
    NoRuntime,
}

const LOGIN_REMEDY: &str = "check both in the URL; a server without passwords refuses any";

/// What to do after a refusal.
pub(super) enum Next {
    /// Nothing that helps: tell the caller.
    GiveUp,
    /// It passes by itself.
    Again,
    /// Another node has the key: for good, or, if it must be told `ASKING`, while the key moves.
    Elsewhere { node: Address, asking: bool },
}

impl Refusal {
    /// What the client library says when it cannot connect, log in, or exchange.
    pub(super) fn from_client(node: &Address, error: &RedisError) -> Self {
        let node = node.clone();
        #[cfg(feature = "redis-tls")]
        if let Some(reason) = distrust(error) {
            return Self::Certificate { node, reason };
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Login { node },
            ErrorKind::Io => Self::Unreachable { node, reason: error.to_string() },
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Garbled { node },
            _ => Self::Entrance { node, reason: error.to_string() },
        }
    }

    /// An error among a node's answers.
    pub(super) fn from_server(node: &Address, error: &ServerError) -> Self {
        match error.code() {
            "NOAUTH" | "WRONGPASS" => Self::Login { node: node.clone() },
            code => Self::Answer {
                node: node.clone(),
                code: code.to_owned(),
                detail: error.details().unwrap_or_default().to_owned(),
            },
        }
    }

    /// What to do now.
    pub(super) fn next(&self) -> Next {
        match self {
            Self::Silent { .. } | Self::Unreachable { .. } | Self::Uncovered { .. } => Next::Again,
            Self::Answer { node, code, detail } => match code.as_str() {
                "MOVED" | "ASK" => {
                    let elsewhere =
                        detail.split_ascii_whitespace().nth(1).and_then(|text| Address::parse(text, node));
                    elsewhere
                        .map_or(Next::Again, |node| Next::Elsewhere { node, asking: code.as_str() == "ASK" })
                }
                "TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY" | "BUSY" => Next::Again,
                _ => Next::GiveUp,
            },
            #[cfg(feature = "redis-tls")]
            Self::Certificate { .. } => Next::GiveUp,
            Self::Login { .. }
            | Self::Entrance { .. }
            | Self::Replica { .. }
            | Self::Garbled { .. }
            | Self::Index
            | Self::NoRuntime => Next::GiveUp,
        }
    }

    /// Whether setting it up otherwise is the only thing that helps.
    pub(super) fn is_permanent(&self) -> bool {
        match self {
            #[cfg(feature = "redis-tls")]
            Self::Certificate { .. } => true,
            Self::Login { .. }
            | Self::Entrance { .. }
            | Self::Replica { .. }
            | Self::Garbled { .. }
            | Self::Index => true,
            Self::Answer { code, .. } => matches!(code.as_str(), "NOPERM" | "WRONGTYPE"),
            Self::Silent { .. } | Self::Unreachable { .. } | Self::Uncovered { .. } | Self::NoRuntime => {
                false
            }
        }
    }

    /// Whether the node has the key and would take no write to it now, so that a worker's silence says nothing.
    pub(super) fn refuses_writes(&self) -> bool {
        matches!(self, Self::Answer { code, .. }
            if matches!(code.as_str(), "NOREPLICAS" | "OOM" | "MISCONF" | "READONLY" | "MASTERDOWN"))
    }
}

/// What is wrong with the server's certificate, if that is what the error is about.
#[cfg(feature = "redis-tls")]
fn distrust(error: &RedisError) -> Option<String> {
    type Shared = std::sync::Arc<dyn std::error::Error + Send + Sync>;
    let shared = std::error::Error::source(error)?.downcast_ref::<Shared>()?;
    let inner = shared.downcast_ref::<std::io::Error>()?.get_ref()?;
    match inner.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(reason) => Some(reason.to_string()),
        _ => None,
    }
}

fn remedy(code: &str) -> &'static str {
    match code {
        "NOPERM" => "give the user the commands and keys that the README of cofferdam-heartbeat lists",
        "WRONGTYPE" => "something else uses this key, so choose another prefix",
        "NOREPLICAS" => "bring a replica back, or lower min-replicas-to-write",
        "OOM" => "free memory, or raise maxmemory",
        "MISCONF" => "make room on its disk; its log says what failed",
        "READONLY" => "it is a replica, so name its master",
        "CLUSTERDOWN" => "start its missing masters, or mend it with `redis-cli --cluster fix`",
        "LOADING" => "wait until it has read its data",
        _ => "its log may say more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: &str, detail: &str) -> Refusal {
        let node = Address::new("h", 7000);
        Refusal::Answer { node, code: code.to_owned(), detail: detail.to_owned() }
    }

    #[test]
    fn a_redirection_names_the_node_and_whether_it_must_be_asked() {
        for (code, detail, to, asked) in
            [("MOVED", "1 10.0.0.2:7001", "10.0.0.2:7001", false), ("ASK", "1 :7002", "h:7002", true)]
        {
            let Next::Elsewhere { node, asking } = answer(code, detail).next() else { panic!("{code}") };
            assert_eq!((node.to_string().as_str(), asking), (to, asked));
        }
        assert!(matches!(answer("MOVED", "nonsense").next(), Next::Again));
    }

    #[test]
    fn only_what_passes_is_tried_again_and_every_sentence_has_a_remedy() {
        for code in ["TRYAGAIN", "CLUSTERDOWN", "LOADING", "READONLY"] {
            assert!(matches!(answer(code, "").next(), Next::Again), "{code}");
        }
        for code in ["NOPERM", "OOM", "NOREPLICAS", "ERR"] {
            assert!(matches!(answer(code, "").next(), Next::GiveUp), "{code}");
        }
        let text = answer("NOREPLICAS", "Not enough good replicas to write.").to_string();
        assert!(text.ends_with("bring a replica back, or lower min-replicas-to-write"), "{text}");
        let text = Refusal::Uncovered { missing: 5461 }.to_string();
        assert!(text.starts_with("the cluster serves 10923 of its 16384 slots: start"), "{text}");
    }
}
