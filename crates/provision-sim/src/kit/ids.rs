//! Ids and addresses: never used twice, and the same in each run with the same seed.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A counter and what can be made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    seed: u64,
    /// The last number that was given out; stored with the state.
    pub(crate) last: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64, last: u64) -> Self {
        Self { seed, last }
    }

    /// The next number, from 1.
    pub(crate) fn next(&mut self) -> u64 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// A UUID with the marks of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let mut random = self.random();
        uuid_from(&mut random)
    }

    /// That many hexadecimal digits, lower case.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut random = self.random();
        (0..digits).map(|_| random.digit(16)).collect()
    }

    fn random(&mut self) -> fastrand::Rng {
        let number = self.next();
        fastrand::Rng::with_seed(self.seed.rotate_left(32) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// A UUID with the marks of version 4.
pub(crate) fn uuid_from(random: &mut fastrand::Rng) -> String {
    let value = (random.u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{value:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

/// The public address with that number: hosts 1 to 254 of 203.0.113.0/24, 198.51.100.0/24 and 192.0.2.0/24, then
/// 100.64.0.0/10 (over four million, then from its start again).
pub(crate) fn ipv4(number: u32) -> Ipv4Addr {
    const BLOCKS: [[u8; 3]; 3] = [[203, 0, 113], [198, 51, 100], [192, 0, 2]];
    let host = u8::try_from(number % 254).unwrap_or(0) + 1;
    match BLOCKS.get(usize::try_from(number / 254).unwrap_or(usize::MAX)) {
        Some([a, b, c]) => Ipv4Addr::new(*a, *b, *c, host),
        None => {
            let rest = (number - 3 * 254) % ((1 << 22) - 2) + 1;
            Ipv4Addr::from_bits(Ipv4Addr::new(100, 64, 0, 0).to_bits() | rest)
        }
    }
}

/// The public network with that number: a /64 of 2001:db8::/32.
pub(crate) fn ipv6_net(number: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number) << 64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn addresses_start_in_the_documentation_ranges_and_never_repeat() {
        assert_eq!(ipv4(0).to_string(), "203.0.113.1");
        assert_eq!(ipv4(253).to_string(), "203.0.113.254");
        assert_eq!(ipv4(254).to_string(), "198.51.100.1");
        assert_eq!(ipv4(761).to_string(), "192.0.2.254");
        assert_eq!(ipv4(762).to_string(), "100.64.0.1");
        let all: HashSet<_> = (0..20_000).map(ipv4).collect();
        assert_eq!(all.len(), 20_000);
        assert_eq!(ipv6_net(0x1_0002).to_string(), "2001:db8:1:2::");
    }

    #[test]
    fn ids_differ_and_repeat_with_the_seed() {
        let mut ids = Ids::new(1, 0);
        let (first, second) = (ids.uuid(), ids.uuid());
        assert_ne!(first, second);
        assert_eq!(Ids::new(1, 0).uuid(), first);
        assert_ne!(Ids::new(2, 0).uuid(), first);
        assert_eq!((first.len(), first.as_bytes()[14], ids.next()), (36, b'4', 3));
        assert!(matches!(first.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{first}");
        assert_eq!(ids.hex(24).len(), 24);
    }
}
