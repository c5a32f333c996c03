//! How to get in: where to knock, and what every node asks for.

use std::fmt;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};

use super::address::Address;
use super::refusal::Refusal;
use crate::Error;

/// What a URL says. It holds a password, so it shows nothing but the addresses.
pub(super) struct Access {
    /// Where to ask first; one for a single server.
    pub(super) seeds: Vec<Address>,
    login: RedisConnectionInfo,
    tls: bool,
    /// The certificates that alone are trusted, as PEM; the machine's if there are none.
    #[cfg(feature = "redis-tls")]
    roots: Option<Vec<u8>>,
}

impl Access {
    /// Reads one URL or several with commas between. No error repeats the text, since it may hold a password.
    pub(super) fn parse(urls: &str) -> Result<Self, Error> {
        let urls: Vec<&str> = urls.split(',').map(str::trim).collect();
        let mut access: Option<Self> = None;
        for (index, url) in urls.iter().enumerate() {
            let which = match urls.len() {
                1 => "the URL".to_owned(),
                count => format!("URL {} of {count}", index + 1),
            };
            let one = Self::parse_one(url, &which)?;
            match &mut access {
                None => access = Some(one),
                Some(all) if all.enters_like(&one) => all.seeds.extend(one.seeds),
                Some(_) => {
                    return Err(Error::unusable(
                        format!("{which} has another user, password, database or scheme than the first"),
                        "give every node of the cluster the same ones",
                    ));
                }
            }
        }
        access.ok_or_else(|| not_a_url("the URL"))
    }

    fn parse_one(url: &str, which: &str) -> Result<Self, Error> {
        let parsed = redis::parse_redis_url(url).ok_or_else(|| not_a_url(which))?;
        let tls = match parsed.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(not_a_url(which)),
        };
        if tls && !cfg!(feature = "redis-tls") {
            let remedy = "enable the feature `redis-tls` of cofferdam-heartbeat";
            return Err(Error::unusable(format!("{which} asks for TLS, which is not compiled in"), remedy));
        }
        if parsed.fragment().is_some() {
            let remedy = "remove it, and write a `#` of the password as %23; to trust a certificate of your own, name \
                          it to the builder";
            return Err(Error::unusable(format!("{which} has a part after a `#`"), remedy));
        }
        let info = parsed.into_connection_info().map_err(|_| not_a_url(which))?;
        let seed = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Address::new(host, *port)
            }
            _ => return Err(not_a_url(which)),
        };
        // The default of the protocol would be the query's; heartbeats need nothing of the newer one.
        let login = info.redis_settings().clone().set_protocol(redis::ProtocolVersion::RESP2);
        Ok(Self {
            seeds: vec![seed],
            login: login.set_skip_set_lib_name(),
            tls,
            #[cfg(feature = "redis-tls")]
            roots: None,
        })
    }

    fn enters_like(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.login, &other.login);
        (ours.username(), ours.password(), ours.db(), self.tls)
            == (theirs.username(), theirs.password(), theirs.db(), other.tls)
    }

    /// Trusts these certificates alone, which are PEM.
    #[cfg(feature = "redis-tls")]
    pub(super) fn trust(&mut self, roots: &[u8]) -> Result<(), Error> {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let mut certificates = CertificateDer::pem_slice_iter(roots).peekable();
        if certificates.peek().is_none() || certificates.any(|certificate| certificate.is_err()) {
            let remedy = "give them as PEM, from -----BEGIN CERTIFICATE----- on";
            return Err(Error::unusable("the root certificates cannot be read", remedy));
        }
        self.roots = Some(roots.to_vec());
        Ok(())
    }

    /// Opens a connection and logs in. The caller bounds the time.
    pub(super) async fn open(&self, address: &Address) -> Result<MultiplexedConnection, Refusal> {
        let client = self.client(address).map_err(|error| Refusal::from_client(address, &error))?;
        // The library's own bounds are off: each exchange has one that covers the connecting too.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let opened = client.get_multiplexed_async_connection_with_config(&config).await;
        opened.map_err(|error| Refusal::from_client(address, &error))
    }

    fn client(&self, address: &Address) -> redis::RedisResult<Client> {
        let (host, port) = (address.host.to_string(), address.port);
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let info = address.into_connection_info()?.set_redis_settings(self.login.clone());
        let info = info.set_tcp_settings(redis::io::tcp::TcpSettings::default().set_nodelay(true));
        #[cfg(feature = "redis-tls")]
        if self.tls {
            provide_cryptography();
            if let Some(roots) = &self.roots {
                let certificates =
                    redis::TlsCertificates { client_tls: None, root_cert: Some(roots.clone()) };
                return Client::build_with_tls(info, certificates);
            }
        }
        Client::open(info)
    }
}

/// rustls panics where it cannot tell which cryptography to use: when none was chosen by the process, and more than one
/// is compiled in. A choice that was made stays.
#[cfg(feature = "redis-tls")]
fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may choose in between, and then there is a choice, which is all that is asked for.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

fn not_a_url(which: &str) -> Error {
    let remedy = "write redis://user:password@host:port/0 or rediss://…, with a comma between several nodes of a \
                  cluster and special characters of the password percent-encoded";
    Error::unusable(format!("{which} is not the address of a Redis"), remedy)
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.seeds.iter().map(ToString::to_string)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cr3t-p4ss";

    #[test]
    fn several_seeds_are_read_and_the_password_is_decoded_and_never_shown() {
        let access = Access::parse(
            "redis://beats:s3cr3t-p4ss%2C%40@a:7000/, redis://beats:s3cr3t-p4ss%2C%40@[::1]:7001/",
        )
        .unwrap();
        assert_eq!(access.seeds, [Address::new("a", 7000), Address::new("::1", 7001)]);
        assert_eq!(access.login.password(), Some("s3cr3t-p4ss,@"));
        assert_eq!(format!("{access:?}"), r#"["a:7000", "[::1]:7001"]"#);
        assert_eq!(Access::parse("valkey://h").unwrap().seeds, [Address::new("h", 6379)]);
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_remedy_and_without_the_password() {
        for bad in [
            "",
            "127.0.0.1:6379",
            "http://u:s3cr3t-p4ss@h/",
            "unix:///s3cr3t-p4ss",
            "redis://u:s3cr3t-p4ss@h:port/",
            "redis://u:s3cr3t-p4ss@h:1/db",
            "redis://u:s3cr3t-p4ss@h:1/#insecure",
            "redis://u:s3cr3t-p4ss,@h:1/",
            "redis://u:s3cr3t-p4ss@h:1/,",
            "redis://u:s3cr3t-p4ss@h:1/,redis://u:other@h:2/",
            "redis://u:s3cr3t-p4ss@h:1/,redis://u:s3cr3t-p4ss@h:2/1",
        ] {
            let error = Access::parse(bad).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Config, "{bad}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(SECRET) && !shown.contains("other@"), "{shown}");
            assert!(["write ", "give ", "remove "].iter().any(|remedy| shown.contains(remedy)), "{shown}");
        }
    }

    #[cfg(not(feature = "redis-tls"))]
    #[test]
    fn tls_that_is_not_compiled_in_is_named() {
        let error = Access::parse("rediss://h").unwrap_err().to_string();
        assert!(error.contains("enable the feature `redis-tls`"), "{error}");
    }
}
