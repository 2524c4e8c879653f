//! Ports, trunks, quota and subnets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::jiff::Timestamp;
use kuryr_api::names::cluster_tag;
use kuryr_controller::{Wants, facts};
use kuryr_core::doctor::{NetworkFact, OtherPort, PortFact, SubnetUsage, Usage};
use kuryr_core::network::Network;
use kuryr_core::port::{Id, Place, Trunk};
use kuryr_openstack::model::{AllocationPool, Port, Subnet};
use kuryr_openstack::{Error, Neutron, PortQuery};

use super::kubernetes::Cluster;
use super::{Eyes, Unseen, named, since};
use crate::error::LookError;

/// What uses a port that upstream's controller made.
const UPSTREAM_OWNER: &str = "compute:kuryr";
/// What is read of a port besides what the controller reads.
const MORE_FIELDS: [&str; 4] = ["name", "created_at", "updated_at", "revision_number"];

/// What Neutron has.
pub(super) struct Found {
    pub(super) trunks: Vec<Trunk>,
    pub(super) ports: Vec<PortFact>,
    pub(super) others: Vec<OtherPort>,
    pub(super) networks: Vec<NetworkFact>,
    pub(super) quota: Option<Usage>,
    pub(super) subnets: Vec<SubnetUsage>,
}

fn query() -> PortQuery {
    PortQuery::new().fields(facts::PORT_FIELDS.into_iter().chain(MORE_FIELDS))
}

/// Ports by id, whosever they are; those that are gone are not in it.
pub(crate) async fn read_ports(
    neutron: &Neutron,
    ids: impl IntoIterator<Item = &Id>,
) -> Result<Vec<Port>, Error> {
    let ids = ids.into_iter().map(ToString::to_string);
    neutron.list_ports(&query().ids(ids)).await
}

/// A port of ours.
pub(crate) fn port_fact(port: &Port, place: Place) -> PortFact {
    let times = [&port.created_at, &port.updated_at];
    let changed = times.into_iter().flatten().filter_map(|t| moment(t)).max();
    PortFact {
        port: facts::port(port, place),
        status: port.status.as_str().to_owned(),
        unchanged: changed.map(since),
    }
}

/// Neutron writes UTC, with or without saying so.
fn moment(text: &str) -> Option<Timestamp> {
    let utc = || format!("{}Z", text.trim_end_matches('Z'));
    text.parse().or_else(|_| utc().parse()).ok()
}

impl Eyes<'_> {
    pub(super) async fn neutron(
        &self,
        cluster: &Cluster,
        unseen: &mut Vec<Unseen>,
    ) -> Result<Found, LookError> {
        let neutron = self.cloud.neutron();
        let owned = neutron.list_owned_ports(self.mark, &query()).await;
        let owned = owned.map_err(LookError::neutron("list this cluster's ports"))?;
        let trunks = facts::trunks(&neutron, &self.config.node_subnets).await;
        let trunks = trunks.map_err(LookError::neutron("list trunks"))?;
        let mut places = facts::places(&trunks);
        let mut place = |port: &Port| places.remove(port.id.as_str()).unwrap_or(Place::Loose);
        let as_wanted = |mut fact: PortFact| {
            fact.port = self.networks.as_wanted(fact.port);
            fact
        };
        let ports: Vec<PortFact> = owned
            .iter()
            .map(|p| as_wanted(port_fact(p, place(p))))
            .collect();
        let others = self.others(&neutron, cluster, &trunks, &ports).await?;
        let networks = self.networks(cluster, &ports);
        Ok(Found {
            quota: self.quota(&neutron, unseen).await,
            subnets: self.subnets(&neutron, unseen).await?,
            networks,
            trunks,
            ports,
            others,
        })
    }

    /// Networks of namespaces, with what became of those.
    fn networks(&self, cluster: &Cluster, ports: &[PortFact]) -> Vec<NetworkFact> {
        let Wants::OfNamespaces { networks, .. } = self.wants else {
            return Vec::new();
        };
        let mut counts: BTreeMap<&Id, usize> = BTreeMap::new();
        for fact in ports {
            *counts.entry(&fact.port.kind.network).or_default() += 1;
        }
        let namespace_ends = |network: &Network| {
            let (uid, name) = network.made_for.as_ref()?;
            let (is, ends) = cluster.namespaces.get(name)?;
            uid.as_ref().is_none_or(|uid| uid == is).then_some(*ends)
        };
        let fact = |network: &Network| NetworkFact {
            namespace_ends: namespace_ends(network),
            ports: counts.get(&network.id).copied().unwrap_or(0),
            network: network.clone(),
        };
        networks.iter().map(fact).collect()
    }

    /// Ports of others that are on nodes' trunks, that KuryrPorts name, or that upstream left.
    async fn others(
        &self,
        neutron: &Neutron,
        cluster: &Cluster,
        trunks: &[Trunk],
        ours: &[PortFact],
    ) -> Result<Vec<OtherPort>, LookError> {
        let ours: BTreeSet<&Id> = ours.iter().map(|f| &f.port.id).collect();
        let nodes: BTreeSet<&IpAddr> = cluster.nodes.iter().flat_map(|n| &n.addresses).collect();
        let mut ids = named(cluster);
        for trunk in trunks {
            if trunk.addresses.iter().any(|a| nodes.contains(a)) {
                ids.extend(trunk.subports.values().cloned());
            }
        }
        ids.retain(|id| !ours.contains(id));
        let listed = read_ports(neutron, &ids).await;
        let mut found = listed.map_err(LookError::neutron("list the ports of others on trunks"))?;
        let left = neutron
            .list_ports(&query().device_owner(UPSTREAM_OWNER))
            .await;
        found.extend(left.map_err(LookError::neutron("list ports that upstream left"))?);
        let found: BTreeMap<String, Port> = found.into_iter().map(|p| (p.id.clone(), p)).collect();
        let others = found.values().filter(|p| self.mark.on(*p).is_none());
        Ok(others.map(other).collect())
    }

    async fn quota(&self, neutron: &Neutron, unseen: &mut Vec<Unseen>) -> Option<Usage> {
        let mut not_seen = |why: String| {
            let what = "how much of the quota of ports is used".to_owned();
            unseen.push(Unseen { what, why });
        };
        let project = self.config.project.as_deref();
        if project.is_some_and(|p| p != self.cloud.project_id()) {
            not_seen("ports are made in another project than the credentials'".to_owned());
            return None;
        }
        let quota = match neutron.quota().await {
            Ok(quota) => quota,
            Err(error) => {
                not_seen(error.to_string());
                return None;
            }
        };
        let port = quota.items.get("port")?;
        // Below zero is without limit.
        let limit = u64::try_from(port.limit).ok()?;
        let Some(used) = port.used else {
            not_seen("this Neutron does not tell (extension quota_details)".to_owned());
            return None;
        };
        let used = used + port.reserved.unwrap_or(0);
        Some(Usage { limit, used })
    }

    async fn subnets(
        &self,
        neutron: &Neutron,
        unseen: &mut Vec<Unseen>,
    ) -> Result<Vec<SubnetUsage>, LookError> {
        let mut all = Vec::new();
        for id in &self.config.pod_subnets {
            let subnet = neutron.get_subnet(id).await;
            let subnet = subnet.map_err(LookError::neutron("read the pods' subnet"))?;
            match usage(neutron, &subnet).await {
                Ok(addresses) => all.push(SubnetUsage {
                    id: id.as_str().into(),
                    cidr: subnet.cidr.to_string(),
                    addresses,
                }),
                Err(error) => unseen.push(Unseen {
                    what: format!("how full subnet {id} is"),
                    why: error.to_string(),
                }),
            }
        }
        Ok(all)
    }
}

/// As Neutron tells it; where it tells admins only, by counting the ports that can be seen.
pub(crate) async fn usage(neutron: &Neutron, subnet: &Subnet) -> Result<Usage, Error> {
    if let Ok(told) = neutron.subnet_use(&subnet.network_id, &subnet.id).await {
        return Ok(Usage {
            limit: told.total_ips,
            used: told.used_ips,
        });
    }
    let there = PortQuery::new().subnet_id(&subnet.id).fields(["fixed_ips"]);
    let ports = neutron.list_ports(&there).await?;
    let in_pools = |ip: IpAddr| {
        subnet
            .allocation_pools
            .iter()
            .any(|p| p.start <= ip && ip <= p.end)
    };
    let addresses = ports.iter().flat_map(|p| &p.fixed_ips);
    let used = addresses
        .filter(|ip| ip.subnet_id == subnet.id && in_pools(ip.ip_address))
        .count();
    Ok(Usage {
        limit: subnet
            .allocation_pools
            .iter()
            .map(size)
            .fold(0, u64::saturating_add),
        used: used as u64,
    })
}

/// How many addresses a pool has.
fn size(pool: &AllocationPool) -> u64 {
    let number = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    let size = number(pool.end)
        .saturating_sub(number(pool.start))
        .saturating_add(1);
    u64::try_from(size).unwrap_or(u64::MAX)
}

fn other(port: &Port) -> OtherPort {
    let prefix = cluster_tag("");
    let cluster = |text: &str| text.strip_prefix(&prefix).map(str::to_owned);
    let by_tag = port.tags.iter().find_map(|t| cluster(t));
    OtherPort {
        id: port.id.as_str().into(),
        name: port.name.clone(),
        device_owner: port.device_owner.clone(),
        cluster: by_tag.or_else(|| cluster(&port.description)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_whether_they_say_so_or_not() {
        let with = moment("2026-01-02T03:04:05Z").unwrap();
        assert_eq!(moment("2026-01-02T03:04:05"), Some(with));
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn pools_of_both_families_are_counted() {
        let pool = |start: &str, end: &str| AllocationPool {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
        };
        assert_eq!(size(&pool("10.0.0.2", "10.0.0.254")), 253);
        assert_eq!(size(&pool("fd00::", "fd00::ffff")), 65_536);
        assert_eq!(size(&pool("::", "ffff::")), u64::MAX);
    }

    #[test]
    fn anothers_cluster_is_known_by_tag_or_description() {
        let port = |tag: &str, description: &str| {
            other(&Port {
                tags: vec![tag.to_owned()],
                description: description.to_owned(),
                ..Port::default()
            })
        };
        assert_eq!(port("kuryr-cluster=b", "").cluster.as_deref(), Some("b"));
        assert_eq!(port("x", "kuryr-cluster=c").cluster.as_deref(), Some("c"));
        assert_eq!(port("x", "").cluster, None);
    }
}
