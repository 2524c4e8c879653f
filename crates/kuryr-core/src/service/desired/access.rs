//! Who may connect: `loadBalancerSourceRanges`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Draft;
use crate::service::cidr::network;
use crate::service::complaint::Reason;
use crate::service::model::{Family, Kind};

impl Draft<'_> {
    /// The access list of a listener, sorted; empty: all.
    ///
    /// The VIP is the cluster address too, so the cluster's own networks are on the list.
    pub(super) fn allowed(&mut self, families: &[Family]) -> Vec<IpNet> {
        if self.service.kind != Kind::LoadBalancer || self.service.source_ranges.is_empty() {
            return Vec::new();
        }
        let ranges = self.ranges();
        if !self.traits.allowed_cidrs {
            let how = match self.traits.keeps_client {
                true => {
                    "inside, members see the client's address: let their security groups admit it"
                }
                false => "inside, all clients are admitted",
            };
            self.complain(
                Reason::SourceRangesNotEnforced,
                "",
                format!(
                    "the provider has no access lists for loadBalancerSourceRanges, so the Service gets no floating IP, by \
                     which all the world would reach it; {how}"
                ),
            );
            return Vec::new();
        }
        let own = self.settings.cluster.iter().copied();
        let mut allowed: Vec<IpNet> = ranges
            .into_iter()
            .chain(own)
            .filter(|c| families.contains(&Family::of(c.addr())))
            .collect();
        // An empty list would let all in.
        if allowed.is_empty() {
            allowed = families.iter().map(|f| nobody(*f)).collect();
        }
        allowed.sort();
        allowed.dedup();
        allowed
    }

    fn ranges(&mut self) -> Vec<IpNet> {
        let service = self.service;
        let mut ranges = Vec::new();
        for text in &service.source_ranges {
            match network(text) {
                Ok(range) => ranges.push(range),
                Err(why) => self.complain(
                    Reason::InvalidValue,
                    format!("loadBalancerSourceRanges {text}"),
                    format!("in loadBalancerSourceRanges {why}; it admits nobody"),
                ),
            }
        }
        ranges
    }
}

/// A network of one address that nobody has.
fn nobody(family: Family) -> IpNet {
    let address: IpAddr = match family {
        Family::V4 => Ipv4Addr::BROADCAST.into(),
        Family::V6 => Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0).into(),
    };
    address.into()
}
