//! Which of a cluster's slots a key belongs to.

/// The number of slots of every cluster.
pub(super) const COUNT: u16 = 16_384;

/// The slot of a key: CRC16 of the key, or of what stands between its first `{` and the next `}` unless that is empty.
/// See "Redis cluster specification", key distribution model.
pub(super) fn of(key: &str) -> u16 {
    let hashed = match key.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
        Some((tag, _)) if !tag.is_empty() => tag,
        _ => key,
    };
    crc16(hashed.as_bytes()) % COUNT
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(of("foo"), 12_182);
        assert_eq!(of("{foo}bar"), 12_182);
        assert_eq!(of("a{foo}{bar}"), 12_182);
        assert_eq!(of("{}foo"), crc16(b"{}foo") % COUNT, "an empty tag is none");
        assert_eq!(of("a{foo"), crc16(b"a{foo") % COUNT);
    }
}
