//! How a Service is reached from outside.

use std::net::IpAddr;

use super::Draft;
use crate::service::allowed::asked;
use crate::service::annotations::FLOATING_NETWORK;
use crate::service::complaint::Reason;
use crate::service::model::{Id, Kind, Service};

/// How a Service is reached from outside, and what its status says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum External {
    /// Not at all.
    None,
    /// By another implementation (`loadBalancerClass`): its status is not ours.
    Others,
    Vips,
    /// By the load balancer of another Service.
    Shared,
    /// At a floating IP from this network, and from this subnet of it.
    Pool(Id, Option<Id>),
    /// At this floating IP, the user's own.
    Address(IpAddr),
}

impl Draft<'_> {
    pub(super) fn external(&mut self) -> External {
        let service = self.service;
        if service.kind != Kind::LoadBalancer {
            return External::None;
        }
        if service.class.is_some() && service.class != self.settings.class {
            return External::Others;
        }
        if service.annotations.shared.is_some() {
            return External::Shared;
        }
        if service.annotations.internal {
            return External::Vips;
        }
        if self.is_open_by_mistake() {
            return External::Vips;
        }
        self.asked_address()
            .map_or_else(|| self.pool_or_vips(), External::Address)
    }

    /// Whether clients are to be kept out, and a floating IP would let them in.
    fn is_open_by_mistake(&self) -> bool {
        !self.service.source_ranges.is_empty() && !self.traits.allowed_cidrs
    }

    /// The address that the Service asks for. Neutron has no floating IPs of IPv6.
    fn asked_address(&mut self) -> Option<IpAddr> {
        let own = &self.service.annotations.address;
        let text = own.as_ref().or(self.service.load_balancer_ip.as_ref())?;
        let address = asked_address(self.service);
        if address.is_none() {
            let message = format!("{text:?} is no IPv4 address; it is as if none were asked for");
            self.complain(Reason::InvalidValue, "loadBalancerIP", message);
        }
        address
    }

    fn pool_or_vips(&mut self) -> External {
        let ips = &self.service.cluster_ips;
        if !ips.iter().any(IpAddr::is_ipv4) {
            return External::Vips;
        }
        let own = &self.service.annotations;
        let by_setting = self.settings.external.as_ref();
        let network = own.floating_network.as_ref();
        let network = network.filter(|n| by_setting.is_none_or(|(by_setting, _)| by_setting != *n));
        let list = &self.settings.allowed.floating_networks;
        let network = match asked(FLOATING_NETWORK, network, list, "lb_floating_networks") {
            Ok(network) => network,
            Err(complaint) => {
                self.complaints.push(complaint);
                None
            }
        };
        let Some(network) = network.or(by_setting.map(|(n, _)| n)) else {
            self.complain(
                Reason::NoExternalNetwork,
                "",
                "no network is configured to take floating IPs from; the status has the cluster \
                 address",
            );
            return External::Vips;
        };
        // A subnet of another network would be refused.
        let subnet = by_setting
            .filter(|(n, _)| n == network)
            .and_then(|(_, s)| s.as_ref());
        // A subnet of a network that was not to be had is none of the other's.
        let own_subnet = own.floating_subnet.as_ref();
        let is_own = own.floating_network.as_ref().is_none_or(|n| n == network);
        let subnet = own_subnet.filter(|_| is_own).or(subnet);
        External::Pool(network.clone(), subnet.cloned())
    }
}

/// The floating IP that a Service asks for by its address, whether it may have it or not.
pub(crate) fn asked_address(service: &Service) -> Option<IpAddr> {
    let elsewhere = service.annotations.internal || service.annotations.shared.is_some();
    if service.kind != Kind::LoadBalancer || service.deleting || elsewhere {
        return None;
    }
    let own = service.annotations.address.as_ref();
    let text = own.or(service.load_balancer_ip.as_ref())?;
    text.parse().ok().filter(IpAddr::is_ipv4)
}
