//! The facts, reduced to what decisions need.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;

use crate::Id;
use crate::port::{PortKind, Reason};
use crate::reconcile::Versioned;

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    pub name: Id,
    /// Uid: a re-created namespace of the same name has another.
    pub uid: Id,
    /// Whether it is being deleted.
    pub ending: bool,
    /// The OpenStack project that its annotation names.
    pub project: Option<Id>,
    /// The network that it brings, or what is wrong with how it says so.
    pub own: Result<Option<Own>, String>,
    pub labels: BTreeMap<String, String>,
}

/// What a namespace names as its network by annotation. It is used and never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// A network with all of its subnets, the first of each IP version.
    Network(Id),
    /// Subnets of one network, one of each IP version at most.
    Subnets(Vec<Id>),
}

/// A Neutron network that carries our mark, or that a namespace brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub id: Id,
    /// The namespace that it was made for, by uid where its name says so, and name.
    pub made_for: Option<(Option<Id>, Id)>,
    pub project: Id,
    /// Whether it and its subnets have the cluster's tag; a description marks them until then.
    pub tagged: bool,
    pub subnets: Vec<Subnet>,
}

/// A subnet of such a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub id: Id,
    pub cidr: IpNet,
    /// Where a router has a leg in it.
    pub leg: Option<Leg>,
}

impl Subnet {
    /// 4 or 6.
    #[must_use]
    pub fn version(&self) -> u8 {
        if self.cidr.addr().is_ipv6() { 6 } else { 4 }
    }
}

/// A router's leg in a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    pub router: Id,
}

/// The name of a namespace's network and of its subnets.
#[must_use]
pub fn label(uid: &str, namespace: &str) -> String {
    format!("{uid}/{namespace}")
}

/// The namespace that a network's name says, by uid and name; upstream's older names, `ns/<namespace>-net`, have no uid.
#[must_use]
pub fn label_of(name: &str) -> Option<(Option<Id>, Id)> {
    let (uid, namespace) = name.split_once('/')?;
    if uid.is_empty() || namespace.is_empty() || namespace.contains('/') {
        return None;
    }
    match (uid, namespace.strip_suffix("-net")) {
        ("ns", Some(namespace)) => Some((None, namespace.into())),
        _ => Some((Some(uid.into()), namespace.into())),
    }
}

/// A KuryrNetwork: what a namespace has, for people and for whoever takes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub namespace: Id,
    pub labels: BTreeMap<String, String>,
    pub status: Status,
    /// Whether it is being deleted, and waits for our finalizer.
    pub deleting: bool,
    /// Whether our finalizer is on it.
    pub finalizer: bool,
    /// Version of the object: an older one never replaces a newer.
    pub version: u64,
}

impl Versioned for Claim {
    fn version(&self) -> u64 {
        self.version
    }
}

/// What was made so far, as a KuryrNetwork says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub network: Option<Id>,
    /// The first subnet, IPv4 where there is one.
    pub subnet: Option<Id>,
    /// Its prefix.
    pub cidr: Option<String>,
    /// The router in which all subnets have legs.
    pub router: Option<Id>,
}

/// What pods of a namespace are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They get ports of this kind.
    Ready(Arc<PortKind>),
    /// They wait; for longer than a moment if this says why.
    Waits(Option<(Reason, String)>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_networks_name_says_whose_it_is() {
        let of = |uid: Option<&str>, name: &str| Some((uid.map(Id::from), Id::from(name)));
        assert_eq!(label_of(&label("u-1", "shop")), of(Some("u-1"), "shop"));
        assert_eq!(label_of("ns/shop-net"), of(None, "shop"));
        for other in ["shop", "/shop", "u/", "a/b/c"] {
            assert_eq!(label_of(other), None, "{other}");
        }
    }
}
