//! What the operator sets, completed by what Neutron says.

use ipnet::IpNet;
use kuryr_core::service::{Allowed, Settings, Subnet};
use kuryr_openstack::{Error, Neutron};
use thiserror::Error;

use crate::health::Pulse;
use crate::reconcile::{LONGEST_PAUSE, Pauses};

/// Settings of load balancers.
#[derive(Clone, Debug, Default)]
pub struct ServiceConfig {
    /// All but subnets, which are read from Neutron.
    pub settings: Settings,
    /// `[neutron_defaults] service_subnet`.
    pub service_subnets: Vec<String>,
    /// Subnets of pods and nodes.
    pub member_subnets: Vec<String>,
    /// Pools that namespaces' subnets are cut from: pods are in their prefixes.
    pub subnet_pools: Vec<String>,
    /// Those of the subnets where members may be, besides the pools' prefixes; none: anywhere.
    pub admitted_subnets: Option<Vec<String>>,
}

/// A subnet or a pool of subnets can't be read.
#[derive(Debug, Error)]
#[error("can't read {what} {id}, which Services need: {source}")]
struct SubnetError {
    what: &'static str,
    id: String,
    source: Error,
}

/// The settings with what Neutron says of the subnets: asked until it does. Pods go on without.
pub(crate) async fn settings(config: &ServiceConfig, neutron: &Neutron, pulse: &Pulse) -> Settings {
    let mut pauses = Pauses::default();
    loop {
        match complete(config, neutron).await {
            Ok(settings) => return settings,
            Err(error) => {
                tracing::warn!("{error}; Services wait, pods do not; trying again after a pause");
            }
        }
        pulse.beat(false);
        tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
    }
}

/// The settings with their subnets.
async fn complete(config: &ServiceConfig, neutron: &Neutron) -> Result<Settings, SubnetError> {
    let service_subnets = subnets(neutron, &config.service_subnets).await?;
    let member_subnets = subnets(neutron, &config.member_subnets).await?;
    let prefixes = prefixes(neutron, &config.subnet_pools).await?;
    let named = || config.member_subnets.iter().zip(&member_subnets);
    let cidrs_of = |ids: &Vec<String>| {
        let admitted = named().filter(|(id, _)| ids.contains(id));
        let admitted = admitted.map(|(_, subnet)| subnet.cidr);
        admitted.chain(prefixes.iter().copied()).collect()
    };
    let admitted = config.admitted_subnets.as_ref().map(cidrs_of);
    let all = service_subnets.iter().chain(&member_subnets);
    let allowed = Allowed {
        members: admitted,
        ..config.settings.allowed.clone()
    };
    Ok(Settings {
        allowed,
        cluster: all
            .map(|s| s.cidr)
            .chain(prefixes.iter().copied())
            .collect(),
        service_subnets,
        member_subnets,
        has_namespace_subnets: !config.subnet_pools.is_empty(),
        ..config.settings.clone()
    })
}

/// What subnets of these pools are cut from.
async fn prefixes(neutron: &Neutron, ids: &[String]) -> Result<Vec<IpNet>, SubnetError> {
    let mut read = Vec::new();
    for id in ids {
        let failed = |source| SubnetError {
            what: "subnet pool",
            id: id.clone(),
            source,
        };
        let pool = neutron.get_subnetpool(id).await.map_err(failed)?;
        read.extend(pool.prefixes);
    }
    Ok(read)
}

async fn subnets(neutron: &Neutron, ids: &[String]) -> Result<Vec<Subnet>, SubnetError> {
    let mut read = Vec::new();
    for id in ids {
        let subnet = neutron.get_subnet(id).await.map_err(|source| SubnetError {
            what: "subnet",
            id: id.clone(),
            source,
        })?;
        read.push(Subnet {
            id: subnet.id.as_str().into(),
            cidr: subnet.cidr.trunc(),
        });
    }
    Ok(read)
}
