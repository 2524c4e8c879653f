//! What the operator sets, completed by what Neutron says.

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
    /// Those of them where members may be; none: anywhere.
    pub admitted_subnets: Option<Vec<String>>,
}

/// A subnet can't be read.
#[derive(Debug, Error)]
#[error("can't read subnet {subnet}, which Services need: {source}")]
struct SubnetError {
    subnet: String,
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
    let named = || config.member_subnets.iter().zip(&member_subnets);
    let cidrs_of = |ids: &Vec<String>| {
        let admitted = named().filter(|(id, _)| ids.contains(id));
        admitted.map(|(_, subnet)| subnet.cidr).collect()
    };
    let admitted = config.admitted_subnets.as_ref().map(cidrs_of);
    let all = service_subnets.iter().chain(&member_subnets);
    let allowed = Allowed {
        members: admitted,
        ..config.settings.allowed.clone()
    };
    Ok(Settings {
        allowed,
        cluster: all.map(|s| s.cidr).collect(),
        service_subnets,
        member_subnets,
        ..config.settings.clone()
    })
}

async fn subnets(neutron: &Neutron, ids: &[String]) -> Result<Vec<Subnet>, SubnetError> {
    let mut read = Vec::new();
    for id in ids {
        let subnet = neutron.get_subnet(id).await.map_err(|source| SubnetError {
            subnet: id.clone(),
            source,
        })?;
        read.push(Subnet {
            id: subnet.id.as_str().into(),
            cidr: subnet.cidr.trunc(),
        });
    }
    Ok(read)
}
