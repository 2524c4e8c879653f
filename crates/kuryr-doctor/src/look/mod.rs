//! One look: lists of Kubernetes and Neutron become facts. Nothing is changed, nothing is decided.

mod kubernetes;
mod neutron;

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kuryr_controller::{Asked, ControllerConfig, Networks, Wants};
use kuryr_core::doctor::{Facts, Limits, PolicyFacts, SeenPolicyGroup};
use kuryr_core::port::Id;
use kuryr_openstack::{Cloud, OwnershipMark};

use crate::error::LookError;

pub(crate) use kubernetes::{claims, kuryrports, reduce_pod};
pub(crate) use neutron::{port_fact, read_ports, usage};

/// Something that could not be looked at, and is not needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// What.
    pub what: String,
    pub why: String,
}

/// What a look needs.
pub(crate) struct Eyes<'a> {
    pub(crate) client: &'a Client,
    pub(crate) cloud: &'a Cloud,
    pub(crate) config: &'a ControllerConfig,
    pub(crate) networks: &'a Networks,
    pub(crate) wants: &'a Wants,
    pub(crate) mark: &'a OwnershipMark,
    pub(crate) patience: Duration,
}

impl Eyes<'_> {
    /// Looks once.
    pub(crate) async fn look(&self) -> Result<(Facts, Vec<Unseen>), LookError> {
        let mut unseen = Vec::new();
        let cluster = self.kubernetes(&mut unseen).await?;
        let cloud = self.neutron(&cluster, &mut unseen).await?;
        let facts = Facts {
            limits: Limits {
                pool: self.config.ports.pool,
                grace: Duration::from_millis(self.config.ports.orphan_grace),
                patience: self.patience,
                ..Limits::default()
            },
            lease: cluster.lease,
            nodes: cluster.nodes,
            pods: cluster.pods,
            claims: cluster.claims,
            trunks: cloud.trunks,
            ports: cloud.ports,
            others: cloud.others,
            quota: cloud.quota,
            subnets: cloud.subnets,
            held: cluster.held,
            networks: cloud.networks,
            groups_by_policies: self.config.policies.is_some(),
            policies: self.policies(&mut unseen).await,
        };
        Ok((facts, unseen))
    }
}

impl Eyes<'_> {
    /// What policies are about, and their groups.
    async fn policies(&self, unseen: &mut Vec<Unseen>) -> Option<PolicyFacts> {
        let neutron = self.cloud.neutron();
        let asked = Asked::read(self.client, &neutron, self.config, self.networks, self.mark);
        match asked.await {
            Ok(Asked { cluster, groups }) => {
                let groups = groups.into_iter();
                Some(PolicyFacts {
                    cluster,
                    groups: groups
                        .map(|(seen, name)| SeenPolicyGroup { seen, name })
                        .collect(),
                })
            }
            Err(error) => {
                unseen.push(Unseen {
                    what: "what NetworkPolicies ask for, and their security groups".to_owned(),
                    why: error.to_string(),
                });
                None
            }
        }
    }
}

/// Ids of the ports that KuryrPorts name.
fn named(cluster: &kubernetes::Cluster) -> BTreeSet<Id> {
    let vifs = cluster.claims.iter().filter_map(|c| c.claim.vif.as_ref());
    vifs.map(|v| v.port.clone()).collect()
}

/// Time since a moment; zero if clocks disagree.
pub(crate) fn since(at: Timestamp) -> Duration {
    Duration::try_from(Timestamp::now().duration_since(at)).unwrap_or_default()
}
