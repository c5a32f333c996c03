//! Ports for the services.
//!
//! They are fixed where possible, so that a person finds a service again, and looked for upwards where somebody else
//! listens. They lie below the range from which the kernel serves outgoing connections (32768 and up on Linux): a
//! port from there may be taken between the look and the start of the service.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::Result;

/// How many ports are tried.
const ATTEMPTS: u16 = 200;

/// The first free port from the preferred one upwards.
pub(super) fn free(preferred: u16) -> Result<u16> {
    search(preferred, is_free)
}

/// The first `count` consecutive ports from `preferred` upwards that are free, and free again `distance` above: the
/// nodes of a Redis Cluster talk to each other on a second port.
pub(super) fn free_range(preferred: u16, count: u16, distance: u16) -> Result<Vec<u16>> {
    let range_is_free = |start: u16| {
        (0..count).all(|offset| {
            let port = start.checked_add(offset);
            let second = port.and_then(|port| port.checked_add(distance));
            port.is_some_and(is_free) && second.is_some_and(is_free)
        })
    };
    let start = search(preferred, range_is_free)?;
    Ok((start..start + count).collect())
}

fn search(preferred: u16, fits: impl Fn(u16) -> bool) -> Result<u16> {
    let last = preferred.saturating_add(ATTEMPTS - 1);
    (preferred..=last).find(|&port| fits(port)).ok_or_else(|| {
        format!("no free port from {preferred} to {last}: end what listens there and try again").into()
    })
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Listens on some port with enough room above it.
    fn taken() -> (TcpListener, u16) {
        let preferred = 20_000 + u16::try_from(std::process::id() % 5_000).unwrap();
        let port = free(preferred).unwrap();
        (TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap(), port)
    }

    #[test]
    fn a_taken_port_is_passed_over() {
        let (_listener, port) = taken();
        assert!(free(port).unwrap() > port);
    }

    #[test]
    fn a_range_avoids_what_is_taken_in_it_and_above_it() {
        let (_listener, port) = taken();
        let range = free_range(port - 2, 4, 1_000).unwrap();
        assert_eq!(range.len(), 4);
        assert!(!range.contains(&port), "{range:?} has {port}");
        let range = free_range(port - 1_000 - 2, 4, 1_000).unwrap();
        assert!(!range.contains(&(port - 1_000)), "{range:?} needs {port}");
    }

    #[test]
    fn the_end_of_the_ports_is_an_error_that_says_what_to_do() {
        let error = search(u16::MAX, |_| false).unwrap_err().to_string();
        assert_eq!(error, "no free port from 65535 to 65535: end what listens there and try again");
        assert!(free_range(u16::MAX - 3, 6, 10_000).is_err());
    }
}
