//! Networks as text and numbers: no more of them than decisions need.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::service::Family;

/// A network: an address without host bits, and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// The network of `prefix` bits that `address` is in; none if there are not so many bits.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let address = masked(address, prefix)?;
        Some(Self { address, prefix })
    }

    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        Family::of(address) == self.family() && masked(address, self.prefix) == Some(self.address)
    }

    /// Its family.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.address)
    }

    /// The length of its prefix.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }

    /// The fewest networks that together are this one without `excepts`, in their order.
    #[must_use]
    pub fn without(&self, excepts: &[Self]) -> Vec<Self> {
        let mut out = Vec::new();
        self.cut(excepts, &mut out);
        out
    }

    /// A half that no exception touches is whole; one that is in an exception is nothing; another is
    /// halved again. So no two of the networks are the halves of one.
    fn cut(&self, excepts: &[Self], out: &mut Vec<Self>) {
        if excepts.iter().any(|e| e.covers(self)) {
            return;
        }
        let inside: Vec<Self> = excepts.iter().filter(|e| self.covers(e)).copied().collect();
        match self.halves() {
            Some(halves) if !inside.is_empty() => {
                halves.iter().for_each(|half| half.cut(&inside, out));
            }
            _ => out.push(*self),
        }
    }

    fn halves(&self) -> Option<[Self; 2]> {
        let prefix = self.prefix.checked_add(1)?;
        let low = Self::new(self.address, prefix)?;
        let high = match self.address {
            IpAddr::V4(a) => Ipv4Addr::from(u32::from(a) | 1 << (32 - prefix)).into(),
            IpAddr::V6(a) => Ipv6Addr::from(u128::from(a) | 1 << (128 - prefix)).into(),
        };
        Some([low, Self::new(high, prefix)?])
    }
}

fn masked(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(a) => {
            let rest = 32_u32.checked_sub(u32::from(prefix))?;
            let mask = u32::MAX.checked_shl(rest).unwrap_or(0);
            Some(Ipv4Addr::from(u32::from(a) & mask).into())
        }
        IpAddr::V6(a) => {
            let rest = 128_u32.checked_sub(u32::from(prefix))?;
            let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
            Some(Ipv6Addr::from(u128::from(a) & mask).into())
        }
    }
}

impl FromStr for Cidr {
    type Err = String;

    /// `10.0.0.0/8`; an address alone is a network of one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || format!("{text:?} is no network such as 10.0.0.0/8");
        let (address, prefix) = text.trim().split_once('/').unwrap_or((text.trim(), ""));
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            "" if !text.contains('/') => whole,
            text => text.parse().map_err(|_| bad())?,
        };
        Self::new(address, prefix).ok_or_else(bad)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_do_not_count() {
        let c: Cidr = "10.1.2.3/8".parse().unwrap();
        assert_eq!(c.to_string(), "10.0.0.0/8");
        assert!(c.contains("10.255.0.1".parse().unwrap()));
        assert!(!c.contains("11.0.0.1".parse().unwrap()));
        assert!(!c.contains("::".parse().unwrap()));
    }

    #[test]
    fn all_and_one() {
        for (text, shown) in [
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("1.2.3.4", "1.2.3.4/32"),
            ("fd00::1", "fd00::1/128"),
        ] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), shown);
        }
    }

    fn without(whole: &str, excepts: &[&str]) -> Vec<String> {
        let excepts: Vec<Cidr> = excepts.iter().map(|e| e.parse().unwrap()).collect();
        let whole: Cidr = whole.parse().unwrap();
        whole
            .without(&excepts)
            .iter()
            .map(Cidr::to_string)
            .collect()
    }

    #[test]
    fn a_network_without_one_in_it() {
        assert_eq!(without("10.0.0.0/30", &[]), ["10.0.0.0/30"]);
        assert_eq!(
            without("10.0.0.0/30", &["10.0.0.1/32"]),
            ["10.0.0.0/32", "10.0.0.2/31"]
        );
        assert_eq!(without("fd00::/127", &["fd00::/128"]), ["fd00::1/128"]);
        assert_eq!(without("0.0.0.0/0", &["10.0.0.0/8"]).len(), 8);
        assert_eq!(without("::/0", &["::1"]).len(), 128);
    }

    #[test]
    fn several_do_not_open_each_other() {
        assert_eq!(
            without("10.0.0.0/30", &["10.0.0.0/32", "10.0.0.3/32"]),
            ["10.0.0.1/32", "10.0.0.2/32"]
        );
        // One in the other, all of it, and none of it.
        assert_eq!(
            without("10.0.0.0/30", &["10.0.0.0/31", "10.0.0.1/32"]),
            ["10.0.0.2/31"]
        );
        assert!(without("10.0.0.0/30", &["10.0.0.0/31", "10.0.0.2/31"]).is_empty());
        assert!(without("10.0.0.0/30", &["0.0.0.0/0"]).is_empty());
        assert_eq!(without("10.0.0.0/30", &["fd00::/8"]), ["10.0.0.0/30"]);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "x/8",
            "1.1.1.1/-1",
        ] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
