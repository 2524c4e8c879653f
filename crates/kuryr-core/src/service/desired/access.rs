//! Who may connect: `loadBalancerSourceRanges`.

use super::Draft;
use crate::cidr::Cidr;
use crate::service::complaint::Reason;
use crate::service::model::{Family, Kind};

impl Draft<'_> {
    /// The access list of a listener, sorted; empty: all.
    ///
    /// The VIP is the cluster address too, so the cluster's own networks are on the list.
    pub(super) fn allowed(&mut self, families: &[Family]) -> Vec<Cidr> {
        if self.service.kind != Kind::LoadBalancer || self.service.source_ranges.is_empty() {
            return Vec::new();
        }
        let ranges = self.ranges();
        if !self.traits.allowed_cidrs {
            let how = match self.traits.keeps_client {
                true => "members see the client's address: let their security groups admit it",
                false => "all clients are admitted",
            };
            self.complain(
                Reason::SourceRangesNotEnforced,
                "",
                format!("the provider has no access lists for loadBalancerSourceRanges; {how}"),
            );
            return Vec::new();
        }
        let own = self.settings.cluster.iter().copied();
        let mut allowed: Vec<Cidr> = ranges
            .into_iter()
            .chain(own)
            .filter(|c| families.contains(&c.family()))
            .collect();
        // An empty list would let all in.
        if allowed.is_empty() {
            allowed = families.iter().filter_map(|f| nobody(*f)).collect();
        }
        allowed.sort();
        allowed.dedup();
        allowed
    }

    fn ranges(&mut self) -> Vec<Cidr> {
        let service = self.service;
        let mut ranges = Vec::new();
        for text in &service.source_ranges {
            match text.parse() {
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
fn nobody(family: Family) -> Option<Cidr> {
    let text = match family {
        Family::V4 => "255.255.255.255/32",
        Family::V6 => "100::/128",
    };
    text.parse().ok()
}
