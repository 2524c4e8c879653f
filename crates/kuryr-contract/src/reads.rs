//! Which fields of an answer the product reads. Of the OpenStack services the answer is asked of the types that
//! `kuryr-openstack` reads into, so that a field added there is compared from then on.

mod fields;
mod kubernetes;

use std::collections::BTreeMap;

use kuryr_openstack::model::{
    AdditionalVip, AllocationPool, AllowedAddressPair, ApiVersion, Described, Extension, FixedIp,
    FloatingIp, HealthMonitor, HostRoute, IdRef, IpAvailability, LbFlavor, Listener,
    ListenerStatus, LoadBalancer, LoadBalancerQuota, Member, MemberStatus, MonitorStatus, Network,
    Pool, PoolStatus, Port, Router, RouterInterface, SecurityGroup, SecurityGroupRule,
    SessionPersistence, StatusTree, SubPort, Subnet, SubnetPool, SubnetUse, Trunk, TrunkDetails,
    VifDetails,
};
use serde::de::DeserializeOwned;

pub use kubernetes::of_kubernetes;

/// What is read of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// Everything below.
    All,
    /// Nothing: it may be there or not.
    Nothing,
    /// These fields of an object, or of each object of a list.
    Fields(BTreeMap<String, Reads>),
}

impl Reads {
    /// What is read of a field.
    pub fn field(&self, name: &str) -> &Self {
        match self {
            Self::All => &Self::All,
            Self::Nothing => &Self::Nothing,
            Self::Fields(fields) => fields.get(name).unwrap_or(&Self::Nothing),
        }
    }

    /// Named fields, each wholly.
    pub fn only(names: &[&str]) -> Self {
        Self::Fields(
            names
                .iter()
                .map(|name| ((*name).to_owned(), Self::All))
                .collect(),
        )
    }

    /// A path such as `metadata.name`, wholly, besides what is read already.
    fn and_path(mut self, path: &str) -> Self {
        let Self::Fields(fields) = &mut self else {
            return self;
        };
        match path.split_once('.') {
            None => {
                fields.insert(path.to_owned(), Self::All);
            }
            Some((head, rest)) => {
                let inner = fields.remove(head).unwrap_or(Self::only(&[]));
                fields.insert(head.to_owned(), inner.and_path(rest));
            }
        }
        self
    }

    /// Paths such as `metadata.name`, each wholly.
    pub fn paths(paths: &[&str]) -> Self {
        paths
            .iter()
            .fold(Self::only(&[]), |reads, path| reads.and_path(path))
    }

    fn with(mut self, name: &str, inner: Self) -> Self {
        if let Self::Fields(fields) = &mut self {
            fields.insert(name.to_owned(), inner);
        }
        self
    }

    fn of<T: DeserializeOwned>() -> Self {
        Self::only(&fields::of::<T>())
    }
}

/// What is read of the body that an operation of `kuryr-openstack` is answered with.
pub fn of_openstack(call: Option<&str>) -> Reads {
    match call {
        Some("add_subports" | "remove_subports") => trunk(),
        Some("add_router_interface") => Reads::of::<RouterInterface>(),
        Some("load_balancer_quota") => {
            octavias(Reads::only(&[])).with("quota", Reads::of::<LoadBalancerQuota>())
        }
        Some("remove_router_interface" | "remove_tag" | "add_tag") => Reads::Nothing,
        _ => keyed(),
    }
}

/// The usual form: each resource below its key.
fn keyed() -> Reads {
    let mut all = Reads::only(&["tags", "quota"]);
    let resources = [
        ("network", Reads::of::<Network>()),
        ("subnet", subnet()),
        ("subnetpool", Reads::of::<SubnetPool>()),
        ("port", port()),
        ("trunk", trunk()),
        ("router", Reads::of::<Router>()),
        ("security_group", security_group()),
        ("security_group_rule", Reads::of::<SecurityGroupRule>()),
        ("extension", Reads::of::<Extension>()),
        ("floatingip", Reads::of::<FloatingIp>()),
    ];
    for (name, reads) in resources {
        all = all
            .with(name, reads.clone())
            .with(&format!("{name}s"), reads)
            .with(&format!("{name}s_links"), Reads::All);
    }
    octavias(all)
        .with("quota", quota())
        .with("network_ip_availability", availability())
        .with("NeutronError", Reads::only(&["type", "message"]))
        .with("error", Reads::only(&["code", "title", "message"]))
        .with("token", token())
}

/// What is read of Octavia's answers.
fn octavias(mut all: Reads) -> Reads {
    let balancer = Reads::of::<LoadBalancer>()
        .with("listeners", Reads::of::<IdRef>())
        .with("pools", Reads::of::<IdRef>())
        .with("additional_vips", Reads::of::<AdditionalVip>());
    let pool = Reads::of::<Pool>().with("session_persistence", Reads::of::<SessionPersistence>());
    let resources = [
        ("loadbalancer", balancer),
        ("listener", Reads::of::<Listener>()),
        ("pool", pool),
        ("member", Reads::of::<Member>()),
        ("healthmonitor", Reads::of::<HealthMonitor>()),
        ("flavor", Reads::of::<LbFlavor>()),
        ("provider", Reads::of::<Described>()),
        ("version", Reads::of::<ApiVersion>()),
    ];
    for (name, reads) in resources {
        all = all
            .with(name, reads.clone())
            .with(&format!("{name}s"), reads)
            .with(&format!("{name}s_links"), Reads::All);
    }
    let pool = Reads::of::<PoolStatus>()
        .with("members", Reads::of::<MemberStatus>())
        .with("health_monitor", Reads::of::<MonitorStatus>());
    let listener = Reads::of::<ListenerStatus>().with("pools", pool);
    let tree = Reads::of::<StatusTree>().with("listeners", listener);
    all.with("statuses", Reads::only(&[]).with("loadbalancer", tree))
        .with("flavor_capabilities", Reads::of::<Described>())
        .with("faultstring", Reads::All)
        .with("description", Reads::All)
}

fn port() -> Reads {
    Reads::of::<Port>()
        .with("fixed_ips", Reads::of::<FixedIp>())
        .with("allowed_address_pairs", Reads::of::<AllowedAddressPair>())
        .with(
            "trunk_details",
            Reads::of::<TrunkDetails>().with("sub_ports", Reads::of::<SubPort>()),
        )
        .with("binding:vif_details", Reads::of::<VifDetails>())
}

fn trunk() -> Reads {
    Reads::of::<Trunk>()
        .with("sub_ports", Reads::of::<SubPort>())
        .with("NeutronError", Reads::only(&["type", "message"]))
}

fn subnet() -> Reads {
    Reads::of::<Subnet>()
        .with("allocation_pools", Reads::of::<AllocationPool>())
        .with("host_routes", Reads::of::<HostRoute>())
}

fn security_group() -> Reads {
    Reads::of::<SecurityGroup>().with("security_group_rules", Reads::of::<SecurityGroupRule>())
}

fn availability() -> Reads {
    Reads::of::<IpAvailability>().with("subnet_ip_availability", Reads::of::<SubnetUse>())
}

/// The resources that are limited and that the product makes.
fn quota() -> Reads {
    [
        "network",
        "subnet",
        "port",
        "trunk",
        "security_group",
        "security_group_rule",
    ]
    .iter()
    .fold(Reads::only(&[]), |reads, name| {
        reads.with(name, Reads::only(&["limit", "used", "reserved"]))
    })
}

/// What a login takes of a token: who, where, until when, and the catalogue.
fn token() -> Reads {
    Reads::paths(&[
        "methods",
        "user.id",
        "user.name",
        "user.domain",
        "project",
        "roles.id",
        "roles.name",
        "expires_at",
        "issued_at",
        "application_credential.id",
        "catalog.type",
        "catalog.name",
        "catalog.endpoints",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_of_a_port_is_asked_of_its_type() {
        let reads = keyed();
        let port = reads.field("ports");
        assert_eq!(port.field("binding:host_id"), &Reads::All);
        assert_eq!(port.field("fixed_ips").field("ip_address"), &Reads::All);
        assert_eq!(port.field("dns_name"), &Reads::Nothing);
        assert_eq!(
            port.field("trunk_details")
                .field("sub_ports")
                .field("mac_address"),
            &Reads::Nothing
        );
    }
}
