//! Numbers and names that an operator or a test may set.

use std::sync::Arc;

use super::model::{Namespace, Network};
use crate::port::PortKind;
use crate::{Id, Millis};

/// See each field.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Project of networks and ports of namespaces that name none.
    pub project: Id,
    /// Whether networks are made in the project that a namespace's annotation names.
    pub networks_by_annotation: bool,
    /// Whether ports are.
    pub ports_by_annotation: bool,
    /// Security groups of pods' ports, sorted.
    pub security_groups: Vec<Id>,
    /// The router that subnets are attached to.
    pub router: Id,
    /// Pools that subnets are cut from: of each IP version that is among them a namespace gets a subnet, from the first of its
    /// pools that has room.
    pub pools: Vec<PrefixPool>,
    /// Pods are told what they wait for after so long, milliseconds.
    pub slow: Millis,
}

impl Settings {
    /// The kind of ports on a network, of a namespace that may name a project.
    #[must_use]
    pub fn kind(&self, namespace: Option<&Namespace>, network: &Network) -> Arc<PortKind> {
        let annotated = namespace.and_then(|n| n.project.clone());
        let annotated = annotated.filter(|_| self.ports_by_annotation);
        let mut subnets: Vec<Id> = network.subnets.iter().map(|s| s.id.clone()).collect();
        subnets.sort();
        Arc::new(PortKind {
            project: annotated.unwrap_or_else(|| self.project.clone()),
            network: network.id.clone(),
            subnets,
            security_groups: self.security_groups.clone(),
        })
    }

    /// The IP versions of which a namespace gets a subnet each, IPv4 first.
    pub(crate) fn versions(&self) -> Vec<u8> {
        let mut versions: Vec<u8> = self.pools.iter().map(|pool| pool.version).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }
}

/// A subnet pool of Neutron's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixPool {
    pub id: Id,
    /// 4 or 6.
    pub version: u8,
}
