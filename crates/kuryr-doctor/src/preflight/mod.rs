//! `kuryr preflight`: looks at a cloud before anything is installed on it. Nothing is changed.
//!
//! What is asked is decided in [`kuryr_core::preflight`]; here it is looked up, each thing by itself, so that one that can't be
//! seen takes no other with it.

mod report;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use kuryr_controller::{ControllerConfig, facts};
use kuryr_core::port::Id;
use kuryr_core::preflight::{Balancers, Facts, Login, Network, Node, Pool, Seen, Subnet};
use kuryr_openstack::{Cloud, LoadBalancerQuery, Neutron, Octavia, PortQuery, TrunkQuery};

use crate::error::answer;
use crate::look;

pub use report::{json as preflight_json, table as preflight_table};

/// What is looked at.
pub struct Preflight<'a> {
    pub cloud: &'a Cloud,
    /// The cluster, where it can be reached.
    pub client: Result<&'a Client, String>,
    pub config: &'a ControllerConfig,
    /// How many pods there are to be.
    pub pods: u64,
}

impl Preflight<'_> {
    /// Looks once.
    pub async fn look(&self) -> Facts {
        let neutron = self.cloud.neutron();
        let subnets = each(&self.config.pod_subnets, async |id| {
            (id.into(), subnet(&neutron, id).await)
        });
        let subnets = subnets.await;
        let node_networks = each(&self.config.node_subnets, async |id| {
            let subnet = neutron.get_subnet(id).await.map_err(|e| e.gist())?;
            network(&neutron, &subnet.network_id).await
        });
        let node_networks = node_networks.await;
        let groups = each(&self.config.pod_security_groups, async |id| {
            let seen = neutron.get_security_group(id).await;
            (id.into(), seen.map(|g| g.name).map_err(|e| e.gist()))
        });
        let groups = groups.await;
        Facts {
            pods: self.pods,
            login: self.login(),
            extensions: extensions(&neutron).await,
            subnets,
            pools: self.pools(&neutron).await,
            router: self.router(&neutron).await,
            networks_left: left(&neutron, "network").await,
            policies_left: self.policies_left(&neutron).await,
            node_networks,
            groups,
            ports_left: left(&neutron, "port").await,
            balancers: self.balancers().await,
            nodes: self.nodes(&neutron).await,
        }
    }

    /// The pools of namespaces' networks.
    async fn pools(&self, neutron: &Neutron) -> Vec<(Id, Seen<Pool>)> {
        let own = self.config.namespaces.as_ref();
        let ids = own.map_or(&[][..], |own| &own.pools);
        each(ids, async |id| (id.into(), pool(neutron, id).await)).await
    }

    async fn router(&self, neutron: &Neutron) -> Option<(Id, Seen<String>)> {
        let id = &self.config.namespaces.as_ref()?.router;
        let seen = neutron.get_router(id).await;
        Some((
            id.as_str().into(),
            seen.map(|r| r.name).map_err(|e| e.gist()),
        ))
    }

    async fn policies_left(&self, neutron: &Neutron) -> Option<[Seen<Option<u64>>; 2]> {
        self.config.policies.as_ref()?;
        let groups = left(neutron, "security_group").await;
        Some([groups, left(neutron, "security_group_rule").await])
    }

    fn login(&self) -> Login {
        let facts = self.cloud.login_facts();
        Login {
            roles: facts.roles,
            clock_ahead: facts.clock_ahead,
        }
    }

    async fn balancers(&self) -> Option<Seen<Balancers>> {
        let wanted = self.config.services.as_ref()?;
        let Some(octavia) = self.cloud.octavia() else {
            return Some(Err("the service catalogue has no load balancers".to_owned()));
        };
        let provider = wanted.settings.provider.as_ref().map(ToString::to_string);
        Some(balancers(&octavia, provider).await)
    }

    /// Nodes, and whether a trunk has their address.
    async fn nodes(&self, neutron: &Neutron) -> Seen<Vec<Node>> {
        let api: Api<NodeObject> = Api::all(self.client.clone()?.clone());
        let nodes = api.list(&ListParams::default()).await;
        let nodes = nodes.map_err(|e| answer(&e))?;
        let listed = neutron
            .list_trunks(&TrunkQuery::new())
            .await
            .map_err(|e| e.gist())?;
        let query = PortQuery::new()
            .ids(listed.iter().map(|t| t.port_id.clone()))
            .fields(["fixed_ips", "binding:vif_details"]);
        let parents = neutron.list_ports(&query).await.map_err(|e| e.gist())?;
        let of = |node: &NodeObject| {
            let addresses = facts::addresses(node);
            let has_one = |port: &&kuryr_openstack::model::Port| {
                port.fixed_ips
                    .iter()
                    .any(|ip| addresses.contains(&ip.ip_address))
            };
            let parent = parents.iter().find(has_one);
            let details = parent.and_then(|p| p.vif_details.as_ref());
            Node {
                name: node.name_any().into(),
                has_trunk: parent.is_some(),
                hybrid_firewall: details.map(|d| d.ovs_hybrid_plug.unwrap_or(false)),
                addresses,
            }
        };
        Ok(nodes.items.iter().map(of).collect())
    }
}

/// Looks at one after the other.
async fn each<T>(ids: &[String], look: impl AsyncFn(&str) -> T) -> Vec<T> {
    let mut seen = Vec::with_capacity(ids.len());
    for id in ids {
        seen.push(look(id).await);
    }
    seen
}

async fn extensions(neutron: &Neutron) -> Seen<BTreeSet<String>> {
    let all = neutron.extensions().await.map_err(|e| e.gist())?;
    Ok(all.into_iter().map(|e| e.alias).collect())
}

async fn subnet(neutron: &Neutron, id: &str) -> Seen<Subnet> {
    let subnet = neutron.get_subnet(id).await.map_err(|e| e.gist())?;
    let usage = look::usage(neutron, &subnet).await.ok();
    Ok(Subnet {
        cidr: subnet.cidr.to_string(),
        free: usage.map(|u| u.limit.saturating_sub(u.used)),
        has_gateway: subnet.gateway_ip.is_some(),
        network: network(neutron, &subnet.network_id).await?,
    })
}

async fn network(neutron: &Neutron, id: &str) -> Seen<Network> {
    let network = neutron.get_network(id).await.map_err(|e| e.gist())?;
    Ok(Network {
        id: network.id.as_str().into(),
        mtu: network.mtu,
        kind: network.network_type,
        port_security: network.port_security_enabled,
    })
}

/// How many more of something the project may have.
async fn left(neutron: &Neutron, what: &str) -> Seen<Option<u64>> {
    let quota = neutron.quota().await.map_err(|e| e.gist())?;
    let of = quota.items.get(what);
    let of = of.ok_or_else(|| format!("the quota says nothing of {what}s"))?;
    if of.limit >= 0 && of.used.is_none() {
        return Err(format!(
            "this Neutron does not tell how many {what}s there are (extension quota_details)"
        ));
    }
    Ok(quota.free(what))
}

async fn pool(neutron: &Neutron, id: &str) -> Seen<Pool> {
    let (pool, free) = facts::subnet_pool(neutron, id)
        .await
        .map_err(|e| e.gist())?;
    Ok(Pool {
        version: pool.ip_version.unwrap_or(4),
        length: pool.default_prefixlen,
        free,
    })
}

async fn balancers(octavia: &Octavia, wanted: Option<String>) -> Seen<Balancers> {
    let providers = octavia.list_providers().await.map_err(|e| e.gist())?;
    Ok(Balancers {
        providers: providers.into_iter().map(|p| p.name).collect(),
        wanted,
        left: balancers_left(octavia).await,
    })
}

/// Octavia tells the limit, and what is used is counted; where limits are for admins to see, none is taken to be.
async fn balancers_left(octavia: &Octavia) -> Seen<Option<u64>> {
    let all = LoadBalancerQuery::new();
    let used = octavia.list_load_balancers(&all).await;
    let used = used.map_err(|e| e.gist())?.len() as u64;
    let quota = octavia.load_balancer_quota().await.ok();
    let limit = quota.and_then(|q| u64::try_from(q.load_balancers()?).ok());
    Ok(limit.map(|limit| limit.saturating_sub(used)))
}
