//! The addresses of servers, whose passwords must never be shown.

use std::fmt;

use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult};

use crate::Error;

/// One or several servers to begin with.
#[derive(Clone)]
pub(super) struct Addresses {
    seeds: Vec<ConnectionInfo>,
    /// The certificates that are trusted in place of the machine's, as PEM.
    #[cfg(feature = "redis-tls")]
    roots: Option<Vec<u8>>,
}

impl Addresses {
    /// Reads URLs that are separated by commas.
    pub(super) fn parse(urls: &str) -> Result<Self, Error> {
        let mut seeds = Vec::new();
        for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
            let refuse =
                |problem: &str| Error::InvalidUrl { url: without_password(url), problem: problem.to_owned() };
            if !["redis://", "rediss://", "valkey://", "valkeys://"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
            {
                return Err(refuse("write redis://[user:password@]host:port, or rediss:// for TLS"));
            }
            if url.contains('#') {
                return Err(refuse("it has a part after a `#`; write a `#` of the password as %23"));
            }
            let normal = url.replacen("valkey", "redis", 1);
            if normal.starts_with("rediss://") && !cfg!(feature = "redis-tls") {
                return Err(refuse("TLS needs the feature `redis-tls` of this crate"));
            }
            // The library's error may quote the URL, so it is not passed on.
            let info = normal.as_str().into_connection_info().map_err(|_| {
                refuse(
                    "it cannot be read; escape special characters of user and password as in %2F for a slash",
                )
            })?;
            seeds.push(info);
        }
        if seeds.is_empty() {
            let problem = "there is none; write redis://host:port".to_owned();
            return Err(Error::InvalidUrl { url: String::new(), problem });
        }
        Ok(Self {
            seeds,
            #[cfg(feature = "redis-tls")]
            roots: None,
        })
    }

    /// Trusts these certificates alone, which are PEM.
    #[cfg(feature = "redis-tls")]
    pub(super) fn trust(&mut self, roots: &[u8]) -> Result<(), Error> {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let mut certificates = CertificateDer::pem_slice_iter(roots).peekable();
        if certificates.peek().is_none() || certificates.any(|certificate| certificate.is_err()) {
            let value = format!("{} bytes", roots.len());
            let problem = "it is not PEM: give it from -----BEGIN CERTIFICATE----- on";
            return Err(Error::InvalidSetting { setting: "root_certificates", value, problem });
        }
        self.roots = Some(roots.to_vec());
        Ok(())
    }

    /// A client for one of these servers, or for a node that one of them told of.
    pub(super) fn client(&self, info: ConnectionInfo) -> RedisResult<Client> {
        // Small calls must not wait for each other's acknowledgements.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        #[cfg(feature = "redis-tls")]
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            provide_cryptography();
            if let Some(roots) = &self.roots {
                let certificates =
                    redis::TlsCertificates { client_tls: None, root_cert: Some(roots.clone()) };
                return Client::build_with_tls(info, certificates);
            }
        }
        Client::open(info)
    }

    pub(super) fn seeds(&self) -> &[ConnectionInfo] {
        &self.seeds
    }

    /// A node that a server told of, with the user, the password and the TLS of the first seed.
    pub(super) fn node(&self, host: &str, port: u16) -> Option<ConnectionInfo> {
        let seed = self.seeds.first()?;
        let addr = match seed.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host: host.to_owned(),
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host.to_owned(), port),
        };
        Some(seed.clone().set_addr(addr))
    }

    /// The servers without anything secret.
    pub(super) fn shown(&self) -> String {
        let shown: Vec<_> = self.seeds.iter().map(|seed| seed.addr().to_string()).collect();
        shown.join(", ")
    }
}

/// rustls panics where it cannot tell which cryptography to use: when none was chosen by the process, and more than one
/// is compiled in. A choice that was made stays.
#[cfg(feature = "redis-tls")]
fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may choose in between, and then there is a choice, which is all that is asked for.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// A URL with its password blotted out, whatever else is wrong with it.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // The last "@" ends the part with the password: one that was not escaped must not show either.
    let shown = match rest.rsplit_once('@') {
        Some((secret, place)) => {
            let user = secret.split_once(':').map_or("", |(user, _)| user);
            format!("{user}:***@{place}")
        }
        None => rest.to_owned(),
    };
    if scheme.is_empty() { shown } else { format!("{scheme}://{shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        for url in [
            "http://me:s3cret@host",
            "redis://me:s3cret@",
            "redis://:s3c@ret@host:x",
            "me:s3cret@host",
            "redis://u:s3cret@h:99999",
        ] {
            let error = Addresses::parse(url).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("s3c"), "{shown}");
        }
        let addresses = Addresses::parse("redis://me:s3cret@host:7000, redis://other:7001").unwrap();
        assert_eq!(format!("{addresses:?}"), "host:7000, other:7001");
    }

    #[test]
    fn a_node_inherits_user_and_password() {
        let addresses = Addresses::parse("redis://me:s3cret@host:7000").unwrap();
        let node = addresses.node("10.0.0.7", 7003).unwrap();
        assert_eq!(node.addr().to_string(), "10.0.0.7:7003");
        assert_eq!(node.redis_settings().password(), Some("s3cret"));
    }
}
