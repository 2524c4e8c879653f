//! How policies are put in force: what the operator sets, completed by what Neutron says.

use std::collections::BTreeSet;

use ipnet::IpNet;
use kuryr_core::policy::{self, Family, Id, Limits};
use kuryr_openstack::{Error, Neutron};
use thiserror::Error;

use super::networks::Networks;

/// What would let more pass waits so long for a port that can't be changed, milliseconds.
const PATIENCE: u64 = 30_000;

/// Failures in a row after which pods go without a group.
const FAILURES: u32 = 4;

/// Settings of policies.
#[derive(Clone, Debug, Default)]
pub struct PolicyConfig {
    /// `[neutron_defaults] service_subnet`: where VIPs are.
    pub service_subnets: Vec<String>,
    /// `[kubernetes] endpoints_driver_octavia_provider`; none: Octavia's choice.
    pub provider: Option<String>,
}

/// Why policies can't be put in force.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// A subnet of VIPs can't be read.
    #[error(
        "can't read {subnet} of [neutron_defaults] service_subnet, which policies need: {source}"
    )]
    Subnet {
        /// Id from the configuration.
        subnet: String,
        /// What came back.
        source: Error,
    },
}

/// The settings, completed.
///
/// # Errors
/// A subnet that can't be read.
pub(crate) async fn settings(
    config: &PolicyConfig,
    neutron: &Neutron,
    networks: &Networks,
) -> Result<policy::Settings, PolicyError> {
    let mut services: Vec<IpNet> = Vec::new();
    for id in &config.service_subnets {
        let subnet = neutron.get_subnet(id).await;
        let subnet = subnet.map_err(|source| PolicyError::Subnet {
            subnet: id.clone(),
            source,
        })?;
        services.push(subnet.cidr.trunc());
    }
    let versions = networks.versions().into_iter();
    let families: BTreeSet<Family> = versions
        .map(|version| if version == 6 { Family::V6 } else { Family::V4 })
        .collect();
    Ok(policy::Settings {
        families,
        operator: networks.operators_groups(),
        services,
        limits: Limits::default(),
        patience: PATIENCE,
        failures: FAILURES,
    })
}

impl PolicyConfig {
    /// The provider of load balancers that do not say theirs.
    pub(crate) fn provider(&self) -> Option<Id> {
        self.provider.as_deref().map(Id::from)
    }
}
