//! What policies are about, read once, for tools that look and change nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kube::Client;
use kuryr_core::Id;
use kuryr_core::pods::{Stages, World};
use kuryr_core::policy::{Behind, Facts, SeenGroup, Settings};
use kuryr_core::reconcile::Reconciler;
use kuryr_openstack::model::SecurityGroup;
use kuryr_openstack::{Error, Neutron, OwnershipMark, SecurityGroupQuery};
use thiserror::Error;

use super::networks::Networks;
use super::policies::{PolicyError, settings};
use super::watches;
use crate::ControllerConfig;
use crate::facts::policies as facts;

/// How long lists of Kubernetes may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why what policies are about can't be read.
#[derive(Debug, Error)]
pub enum AskedError {
    /// A subnet of Services can't be read.
    #[error(transparent)]
    Settings(#[from] PolicyError),
    /// Groups can't be listed.
    #[error("can't list security groups: {0}")]
    Neutron(#[from] Error),
    /// A list of Kubernetes' did not come.
    #[error(
        "NetworkPolicies, pods, namespaces, nodes, Services, EndpointSlices and KuryrLoadBalancers were not all listed within 60 s: see \
         whether all of them may be listed and watched"
    )]
    Kubernetes,
}

/// What policies are about, and the groups that came of them.
pub struct Asked {
    /// The cluster, its nodes without the addresses that their pods are reached from; with the settings of policies. None where they
    /// are not in force.
    pub cluster: Option<(Facts, Settings)>,
    /// The security groups of policies that carry the cluster's mark, each with its name.
    pub groups: Vec<(SeenGroup, String)>,
}

impl Asked {
    /// Reads it.
    ///
    /// # Errors
    /// A list can't be had.
    pub async fn read(
        client: &Client,
        neutron: &Neutron,
        config: &ControllerConfig,
        networks: &Networks,
        mark: &OwnershipMark,
    ) -> Result<Self, AskedError> {
        let (ours, theirs) = groups(neutron, mark, networks).await?;
        let seen = ours.iter();
        let seen = seen.filter_map(|group| Some((facts::seen_group(group)?, group.name.clone())));
        let groups = seen.collect();
        let Some(policies) = &config.policies else {
            return Ok(Self {
                cluster: None,
                groups,
            });
        };
        let settings = settings(policies, neutron, networks).await?;
        let behind = Behind::new(policies.provider());
        let listed = listed(client, config, networks, (settings.clone(), behind));
        let listed = tokio::time::timeout(PATIENCE, listed).await;
        let mut cluster = listed.map_err(|_| AskedError::Kubernetes)?;
        let rules = theirs.iter().map(|group| {
            let rules = facts::operators_rules(group);
            (Id::from(group.id.as_str()), Arc::new(rules))
        });
        cluster.operator = rules.collect();
        Ok(Self {
            cluster: Some((cluster, settings)),
            groups,
        })
    }
}

/// The facts of the stage of policies, when all its watches have brought their first list.
async fn listed(
    client: &Client,
    config: &ControllerConfig,
    networks: &Networks,
    policies: (Settings, Behind),
) -> Facts {
    let (mut news, all) = watches(client, networks.kind(), true);
    let stages = Stages {
        networks: None,
        policies: Some(policies),
    };
    let mut world = World::new(config.ports.clone(), stages);
    let mut running: FuturesUnordered<_> = all.into_iter().map(|(_, watch)| watch).collect();
    loop {
        if let Some(policies) = world.policies().filter(|p| p.has_watched_all()) {
            return policies.facts().clone();
        }
        tokio::select! {
            event = news.recv() => match event {
                Some(event) => world.learn(0, event),
                None => std::future::pending().await,
            },
            Some(()) = running.next() => {}
        }
    }
}

/// The groups that carry our mark, and the operator's.
pub(crate) async fn groups(
    neutron: &Neutron,
    mark: &OwnershipMark,
    networks: &Networks,
) -> Result<(Vec<SecurityGroup>, Vec<SecurityGroup>), Error> {
    let ours = SecurityGroupQuery::new().description(&mark.description);
    let wanted: BTreeSet<Id> = networks.operators_groups().into_iter().collect();
    let theirs = SecurityGroupQuery::new().ids(wanted.iter().map(ToString::to_string));
    let (mut ours, theirs) = tokio::try_join!(neutron.list_security_groups(&ours), async {
        match wanted.is_empty() {
            true => Ok(Vec::new()),
            false => neutron.list_security_groups(&theirs).await,
        }
    })?;
    // A cloud may leave a filter out of account.
    ours.retain(|group| group.description == mark.description);
    Ok((ours, theirs))
}
