//! Networks as ranges of addresses.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::call::Unable;

/// The first and the last address of a network.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Range {
    is_v6: bool,
    first: u128,
    last: u128,
}

impl Range {
    /// Reads `10.0.0.0/8`.
    pub(super) fn of_network(text: &str) -> Result<Self, Unable> {
        Self::read(text).ok_or_else(|| Unable::Failed(format!("`{text}` is no network")))
    }

    /// Reads a network or a single address.
    pub(super) fn of_any(text: &str) -> Result<Self, Unable> {
        match text.parse::<IpAddr>() {
            Ok(address) => {
                let (is_v6, number) = number(address);
                Ok(Self { is_v6, first: number, last: number })
            }
            Err(_) => Self::of_network(text),
        }
    }

    /// Reads a network, or the one that an address lies in: itself, or where it is one of the old kind the network of its
    /// class, as OPA has it (`192.0.2.7` stands for `192.0.2.0/24`).
    pub(super) fn around(text: &str) -> Result<Self, Unable> {
        match text.parse::<Ipv4Addr>() {
            Ok(address) => Self::of_network(&match address.octets() {
                [..0x80, ..] => format!("{address}/8"),
                [..0xC0, ..] => format!("{address}/16"),
                _ => format!("{address}/24"),
            }),
            Err(_) => Self::of_any(text),
        }
    }

    /// Reads a network. One that holds just addresses of the old kind in the form of the new is one of the old kind.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (is_v6, address) = match address.parse().ok()? {
            IpAddr::V4(address) => (false, u128::from(u32::from(address))),
            IpAddr::V6(address) => (true, u128::from(address)),
        };
        let bits = bits(is_v6);
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= bits)?;
        let hosts = hosts(bits - prefix);
        let (first, last) = (address & !hosts, address | hosts);
        Some(match [first, last].map(|end| Ipv6Addr::from(end).to_ipv4_mapped()) {
            [Some(first), Some(last)] if is_v6 => {
                Self { is_v6: false, first: u32::from(first).into(), last: u32::from(last).into() }
            }
            _ => Self { is_v6, first, last },
        })
    }

    /// Every address, if they are no more than so many.
    pub(super) fn addresses(&self, most: u128) -> Option<impl Iterator<Item = String>> {
        let is_v6 = self.is_v6;
        (self.last - self.first < most)
            .then(|| (self.first..=self.last).map(move |one| address(is_v6, one).to_string()))
    }

    pub(super) const fn intersects(&self, other: &Self) -> bool {
        self.is_v6 == other.is_v6 && self.first <= other.last && other.first <= self.last
    }

    pub(super) const fn contains(&self, other: &Self) -> bool {
        self.is_v6 == other.is_v6 && self.first <= other.first && other.last <= self.last
    }
}

const fn bits(is_v6: bool) -> u32 {
    if is_v6 { 128 } else { 32 }
}

/// The mask of so many bits for hosts.
const fn hosts(bits: u32) -> u128 {
    match 1_u128.checked_shl(bits) {
        Some(size) => size - 1,
        None => u128::MAX,
    }
}

fn number(address: IpAddr) -> (bool, u128) {
    match address.to_canonical() {
        IpAddr::V4(address) => (false, u128::from(u32::from(address))),
        IpAddr::V6(address) => (true, u128::from(address)),
    }
}

fn address(is_v6: bool, number: u128) -> IpAddr {
    if is_v6 {
        Ipv6Addr::from(number).into()
    } else {
        // The bits above are zero.
        Ipv4Addr::from(u32::try_from(number).unwrap_or_default()).into()
    }
}

/// The fewest networks that hold the same addresses.
pub(super) fn merge(mut ranges: Vec<Range>) -> Vec<String> {
    ranges.sort_unstable();
    let mut joined: Vec<Range> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last)
                if last.is_v6 == range.is_v6 && range.first <= last.last.saturating_add(1) =>
            {
                last.last = last.last.max(range.last);
            }
            _ => joined.push(range),
        }
    }
    joined.into_iter().flat_map(networks).collect()
}

/// A range as networks, each as large as its first address and what is left allow.
fn networks(range: Range) -> Vec<String> {
    let bits = bits(range.is_v6);
    let mut found = Vec::new();
    let mut first = range.first;
    loop {
        let mut size = first.trailing_zeros().min(bits);
        while size > 0 && first | hosts(size) > range.last {
            size -= 1;
        }
        let last = first | hosts(size);
        found.push(format!("{}/{}", address(range.is_v6, first), bits - size));
        match last.checked_add(1) {
            Some(next) if last < range.last => first = next,
            _ => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> Vec<String> {
        merge(texts.iter().map(|text| Range::around(text).unwrap()).collect())
    }

    #[test]
    fn neighbours_are_merged() {
        assert_eq!(merged(&["192.0.128.0/24", "192.0.129.0/24"]), ["192.0.128.0/23"]);
        assert_eq!(
            merged(&["10.0.0.0/8", "10.1.0.0/16", "11.0.0.1/32"]),
            ["10.0.0.0/8", "11.0.0.1/32"]
        );
        assert_eq!(merged(&["0.0.0.0/0", "::/0"]), ["0.0.0.0/0", "::/0"]);
        assert_eq!(merged(&["192.0.2.1/32", "192.0.2.2/31"]), ["192.0.2.1/32", "192.0.2.2/31"]);
        assert_eq!(merged(&["2001:db8::/33", "2001:db8:8000::/33"]), ["2001:db8::/32"]);
    }

    #[test]
    fn addresses_stand_for_their_networks() {
        assert_eq!(merged(&["192.0.2.7", "192.0.3.0/24"]), ["192.0.2.0/23"]);
        let each = ["10.1.1.1", "172.16.9.9", "224.0.0.1", "2001:db8::1"];
        let networks = ["10.0.0.0/8", "172.16.0.0/16", "224.0.0.0/24", "2001:db8::1/128"];
        assert_eq!(merged(&each), networks);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["10.0.0.0/33", "10.0.0.0", "a/8", "::/129", "10.0.0.0/-1"] {
            assert!(Range::of_network(text).is_err(), "{text}");
        }
    }
}
