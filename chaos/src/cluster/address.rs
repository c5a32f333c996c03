//! Free ports for the nodes.
//!
//! They lie below the range from which the kernel serves outgoing connections (32768 and up on Linux): a node that is down
//! for a while must find its ports free when it comes back.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Error, Result};

/// The nodes talk to each other on a port this far above the one for clients. The distance by default, 10,000, leads into
/// the kernel's range.
pub(super) const BUS: u16 = 100;

/// How many ports are looked at: as many as there are before the first port for the bus.
const ATTEMPTS: usize = 100;

/// The first ports from this one upwards, not necessarily in a row, that are free together with those of the bus.
pub(super) fn free_ports(first: u16, count: usize) -> Result<Vec<u16>> {
    let is_free = |port: &u16| {
        let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        free(*port) && port.checked_add(BUS).is_some_and(free)
    };
    let ports: Vec<u16> = (first..=u16::MAX).take(ATTEMPTS).filter(is_free).take(count).collect();
    if ports.len() < count {
        return Err(Error::Refused(format!(
            "fewer than {count} ports from {first} upwards are free: choose another with --port"
        )));
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_ports_are_passed_over_and_the_end_of_the_ports_is_an_error() {
        let first = 20_000 + u16::try_from(std::process::id() % 5_000).unwrap();
        let found = free_ports(first, 1).unwrap();
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, found[0])).unwrap();
        let again = free_ports(found[0], 3).unwrap();
        assert!(again.len() == 3 && !again.contains(&found[0]));
        assert!(free_ports(u16::MAX - 3, 6).unwrap_err().to_string().contains("--port"));
    }
}
