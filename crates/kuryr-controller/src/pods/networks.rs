//! The networks and subnets that pods are on, as their VIFs need them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use kuryr_api::vif::{Vif, VifNetwork, VifSubnet};
use kuryr_core::port::{Assignment, Id, PortKind};
use kuryr_openstack::model::{Network, Subnet};
use kuryr_openstack::{Error, Neutron, SecurityGroupQuery};
use thiserror::Error;

use crate::config::ControllerConfig;

/// What was read of Neutron at the start.
#[derive(Clone, Debug)]
pub struct Networks {
    subnets: BTreeMap<Id, Subnet>,
    network: Network,
    mtu: u32,
    kind: Arc<PortKind>,
}

/// Why pods have no network.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// No subnet was named.
    #[error("[neutron_defaults] pod_subnet is not set: pods have no subnet to be on")]
    NoSubnet,
    /// Neutron did not give a subnet or network.
    #[error("can't read the pods' subnet {subnet}: {source}")]
    Read {
        /// Id from the configuration.
        subnet: String,
        /// What came back.
        source: Error,
    },
    /// Neutron did not give the project's default security group.
    #[error(
        "[neutron_defaults] pod_security_groups is not set, and the default group can't be read: {0}"
    )]
    DefaultGroup(Error),
    /// The subnets are on different networks; a port is on one.
    #[error("[neutron_defaults] pod_subnet names subnets of different networks: {0}")]
    Different(String),
}

/// The pods' security groups; the project's default group where none are named, by its id,
/// so that a port can be compared with it.
async fn security_groups(
    neutron: &Neutron,
    config: &ControllerConfig,
    project: &str,
) -> Result<Vec<Id>, NetworkError> {
    let mut groups: Vec<Id> = config
        .pod_security_groups
        .iter()
        .map(|g| g.as_str().into())
        .collect();
    if groups.is_empty() {
        let query = SecurityGroupQuery::new()
            .name("default")
            .project_id(project);
        let found = neutron
            .list_security_groups(&query)
            .await
            .map_err(NetworkError::DefaultGroup)?;
        groups = found.iter().map(|g| g.id.as_str().into()).collect();
    }
    groups.sort();
    Ok(groups)
}

impl Networks {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// What is not set, or can't be read.
    pub async fn read(
        neutron: &Neutron,
        config: &ControllerConfig,
        project: &str,
    ) -> Result<Self, NetworkError> {
        let mut subnets = BTreeMap::new();
        for id in &config.pod_subnets {
            let subnet = neutron
                .get_subnet(id)
                .await
                .map_err(|source| NetworkError::Read {
                    subnet: id.clone(),
                    source,
                })?;
            subnets.insert(Id::from(id.as_str()), subnet);
        }
        let first = subnets.values().next().ok_or(NetworkError::NoSubnet)?;
        if subnets.values().any(|s| s.network_id != first.network_id) {
            return Err(NetworkError::Different(config.pod_subnets.join(", ")));
        }
        let network = neutron
            .get_network(&first.network_id)
            .await
            .map_err(|source| NetworkError::Read {
                subnet: first.id.clone(),
                source,
            })?;
        if network.port_security_enabled == Some(false) {
            tracing::warn!(
                network = network.id,
                "port security is off on the pods' network: security groups have no effect, and a pod may use any address"
            );
        }
        let groups = security_groups(neutron, config, project).await?;
        let kind = PortKind {
            project: project.into(),
            network: network.id.as_str().into(),
            subnets: subnets.keys().cloned().collect(),
            security_groups: groups,
        };
        Ok(Self {
            mtu: config.mtu.or(network.mtu).unwrap_or(1500),
            subnets,
            network,
            kind: Arc::new(kind),
        })
    }

    /// The kind of port that pods have.
    #[must_use]
    pub fn kind(&self) -> Arc<PortKind> {
        self.kind.clone()
    }

    /// The pods' subnets.
    #[must_use]
    pub(crate) fn cidrs(&self) -> Vec<IpNet> {
        self.subnets.values().map(|subnet| subnet.cidr).collect()
    }

    /// A port as the daemon is told of it.
    pub(crate) fn vif(&self, port: &Assignment) -> Vif {
        let subnets = self.subnets.iter().filter_map(|(id, s)| {
            let ips: Vec<_> = port
                .addresses
                .iter()
                .filter(|(sub, _)| sub == id)
                .map(|(_, ip)| *ip)
                .collect();
            (!ips.is_empty()).then(|| VifSubnet {
                cidr: s.cidr,
                gateway: s.gateway_ip,
                dns: s.dns_nameservers.clone(),
                routes: s
                    .host_routes
                    .iter()
                    .map(|r| (r.destination, Some(r.nexthop)))
                    .collect(),
                ips,
            })
        });
        Vif {
            port_id: port.port.to_string(),
            mac: port.mac.to_string(),
            vlan: port.vlan,
            active: port.active,
            network: VifNetwork {
                id: self.network.id.clone(),
                name: self.network.name.clone(),
                mtu: self.mtu,
                subnets: subnets.collect(),
            },
        }
    }
}
