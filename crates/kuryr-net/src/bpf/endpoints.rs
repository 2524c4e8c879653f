//! Whom frames may be switched to on the worker (`bpf/local.h`).

use std::net::{IpAddr, Ipv6Addr};

use aya::maps::MapError;

use super::object::{self, EndpointsMap};
use super::trunk::{mac_of, words};
use crate::{MacAddr, NetError};

/// An address within a group: what a frame is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) group: u16,
    pub(crate) address: IpAddr,
}

/// Who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Index of the node's end of the pod's veth.
    pub(crate) link: u32,
    pub(crate) mac: MacAddr,
}

/// The map of a trunk's programs.
pub(crate) struct Endpoints(pub(super) EndpointsMap);

impl Endpoints {
    pub(crate) fn all(&self) -> Result<Vec<(Place, Endpoint)>, NetError> {
        let entries = self.0.iter().map(|entry| {
            let (key, value) = entry.map_err(failed)?;
            Ok((place(key), endpoint(value)))
        });
        entries.collect()
    }

    pub(crate) fn insert(&mut self, at: Place, who: Endpoint) -> Result<(), NetError> {
        let [low, high] = words(Some(who.mac));
        let inserted = self.0.insert(key(at), [who.link, low, high], 0);
        inserted.map_err(failed)
    }

    pub(crate) fn remove(&mut self, at: Place) -> Result<(), NetError> {
        object::remove(&mut self.0, &key(at)).map_err(failed)
    }

    /// Removes whatever leads to a veth.
    pub(crate) fn remove_link(&mut self, link: u32) -> Result<(), NetError> {
        for (at, who) in self.all()? {
            if who.link == link {
                self.remove(at)?;
            }
        }
        Ok(())
    }
}

fn key(at: Place) -> [u32; 5] {
    let octets = match at.address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
    .octets();
    let mut key = [u32::from(at.group), 0, 0, 0, 0];
    for (word, bytes) in key[1..].iter_mut().zip(octets.as_chunks().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    key
}

fn place([group, words @ ..]: [u32; 5]) -> Place {
    let mut octets = [0; 16];
    for (bytes, word) in octets.as_chunks_mut().0.iter_mut().zip(words) {
        *bytes = word.to_ne_bytes();
    }
    Place {
        group: u16::try_from(group).unwrap_or(0),
        address: IpAddr::V6(Ipv6Addr::from(octets)).to_canonical(),
    }
}

fn endpoint([link, low, high]: [u32; 3]) -> Endpoint {
    Endpoint {
        link,
        mac: mac_of([low, high]),
    }
}

fn failed(reason: MapError) -> NetError {
    NetError::bpf("the map of who is switched to on the worker", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back() {
        for address in ["10.1.0.7", "fd00:1::7", "::"] {
            let at = Place {
                group: 65_535,
                address: address.parse().unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
            };
            assert_eq!(place(key(at)), at);
        }
    }
}
