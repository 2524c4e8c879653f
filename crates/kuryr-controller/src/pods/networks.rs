//! The networks and subnets that pods are on, as their VIFs need them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ipnet::IpNet;
use kuryr_api::vif::{Vif, VifNetwork, VifSubnet};
use kuryr_core::network;
use kuryr_core::port::{Assignment, Id, Port, PortKind, Rooms, Want};
use kuryr_openstack::model::{Network, Subnet};
use kuryr_openstack::{Error, Neutron, OwnershipMark, PortQuery, SecurityGroupQuery, SubnetQuery};
use thiserror::Error;

use crate::config::{ControllerConfig, NamespaceNetworks};
use crate::facts;

/// Pods are told what of their namespace's network they wait for after so long, milliseconds.
const SLOW: u64 = 10_000;

/// Owners of ports by which routers have legs: plain, distributed, highly available.
const LEGS: [&str; 3] = [
    "network:router_interface",
    "network:router_interface_distributed",
    "network:ha_router_replicated_interface",
];

/// The networks and subnets that are known, by id; clones share them.
#[derive(Clone, Debug)]
pub struct Networks {
    known: Arc<RwLock<Known>>,
    /// Where all pods have ports of one kind: its subnets, of which a port has one of each IP version.
    rooms: Arc<Mutex<Rooms>>,
    /// `[neutron_defaults] network_device_mtu`.
    mtu: Option<u32>,
    source: Source,
    /// The operator's security groups of pods.
    groups: Vec<Id>,
    /// Whether policies give each port its groups, and kinds have none.
    by_policies: bool,
}

#[derive(Debug, Default)]
struct Known {
    subnets: BTreeMap<Id, Subnet>,
    networks: BTreeMap<Id, Network>,
}

/// Where pods' networks come from.
#[derive(Clone, Debug)]
enum Source {
    /// All pods have ports of one kind.
    One(Arc<PortKind>),
    /// Each namespace has its own.
    Namespaces(Box<network::Settings>),
}

/// What pods want, as a tool sees it that looks once.
#[derive(Clone, Debug)]
pub enum Wants {
    /// All the same.
    One(Arc<PortKind>),
    /// That of their namespace's network.
    OfNamespaces {
        /// By namespace; those are absent whose network is not made, or is one that they bring.
        kinds: BTreeMap<Id, Arc<PortKind>>,
        /// All networks that carry our mark.
        networks: Vec<network::Network>,
    },
}

impl Wants {
    /// What a pod of this namespace wants.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Want {
        match self {
            Self::One(kind) => Want::Port(kind.clone()),
            Self::OfNamespaces { kinds, .. } => kinds
                .get(namespace)
                .map_or(Want::Unknown(None), |kind| Want::Port(kind.clone())),
        }
    }
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
    /// Neutron did not give a subnet pool.
    #[error("can't read the subnet pool {pool} of [namespace_subnet] pod_subnet_pool: {source}")]
    Pool {
        /// Id from the configuration.
        pool: String,
        /// What came back.
        source: Error,
    },
    /// Neutron did not give the router.
    #[error("can't read the router {router} of [namespace_subnet] pod_router: {source}")]
    Router {
        /// Id from the configuration.
        router: String,
        /// What came back.
        source: Error,
    },
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
    if config.policies.is_some() {
        warn_of_default(neutron, &groups).await;
    }
    Ok(groups)
}

/// Says so where one of the pods' groups is a project's `default`, named by its id or by nobody: policies take it away from pods that
/// they isolate, and all others have it. What can't be read is said when the groups' rules are.
async fn warn_of_default(neutron: &Neutron, groups: &[Id]) {
    let query = SecurityGroupQuery::new().ids(groups.iter().map(ToString::to_string));
    let found = neutron.list_security_groups(&query).await;
    let found = found.unwrap_or_default();
    if let Some(group) = found.iter().find(|group| group.name == "default") {
        tracing::warn!(
            security_group = group.id,
            "[neutron_defaults] pod_security_groups is the project's default group: where no policy isolates a pod that group decides, \
             which others of the project carry and change too; name groups of the pods' own"
        );
    }
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
        let mut known = Known::default();
        let groups = security_groups(neutron, config, project).await?;
        let by_policies = config.policies.is_some();
        let of_kinds = match by_policies {
            true => Vec::new(),
            false => groups.clone(),
        };
        let source = match &config.namespaces {
            Some(own) => Source::Namespaces(Box::new(network::Settings {
                pools: pools(neutron, own).await?,
                router: router(neutron, own).await?,
                project: project.into(),
                security_groups: of_kinds,
                networks_by_annotation: own.networks_by_annotation,
                ports_by_annotation: own.ports_by_annotation,
                slow: SLOW,
            })),
            None => {
                let kind = known.read(neutron, &config.pod_subnets, project, of_kinds);
                Source::One(Arc::new(kind.await?))
            }
        };
        let rooms = known.subnets.iter();
        let rooms = rooms.map(|(id, s)| (id.clone(), s.ip_version, addresses(s)));
        Ok(Self {
            mtu: config.mtu,
            rooms: Arc::new(Mutex::new(Rooms::new(rooms))),
            known: Arc::new(RwLock::new(known)),
            source,
            groups,
            by_policies,
        })
    }

    /// The kind of port that all pods have; none where their namespaces have networks of their own.
    #[must_use]
    pub fn kind(&self) -> Option<Arc<PortKind>> {
        match &self.source {
            Source::One(kind) => Some(kind.clone()),
            Source::Namespaces(_) => None,
        }
    }

    /// What pods want now, by their namespaces, for a tool that looks once.
    ///
    /// # Errors
    /// What Neutron answered.
    pub async fn wants(&self, neutron: &Neutron, mark: &OwnershipMark) -> Result<Wants, Error> {
        let settings = match &self.source {
            Source::One(kind) => return Ok(Wants::One(kind.clone())),
            Source::Namespaces(settings) => settings,
        };
        let networks = neutron.list_owned_networks(mark).await?;
        let networks = self.look_into(neutron, networks, mark).await?;
        let kind = |n: &network::Network| {
            let (_, namespace) = n.made_for.clone()?;
            Some((namespace, settings.kind(None, n)))
        };
        Ok(Wants::OfNamespaces {
            kinds: networks.iter().filter_map(kind).collect(),
            networks,
        })
    }

    /// Networks with their subnets and the routers' legs in them, which are known from then on.
    ///
    /// # Errors
    /// What Neutron answered.
    pub(crate) async fn look_into(
        &self,
        neutron: &Neutron,
        networks: Vec<Network>,
        mark: &OwnershipMark,
    ) -> Result<Vec<network::Network>, Error> {
        if networks.is_empty() {
            return Ok(Vec::new());
        }
        let ids = || networks.iter().map(|n| n.id.clone());
        let subnets = SubnetQuery::new().network_ids(ids());
        let legs = PortQuery::new()
            .network_ids(ids())
            .fields(["device_id", "fixed_ips"]);
        let legs = LEGS
            .iter()
            .fold(legs, |query, owner| query.device_owner(*owner));
        let (subnets, ports) =
            tokio::try_join!(neutron.list_subnets(&subnets), neutron.list_ports(&legs))?;
        let mut legs = BTreeMap::new();
        for port in &ports {
            for ip in &port.fixed_ips {
                legs.insert(ip.subnet_id.clone(), port.device_id.clone());
            }
        }
        let facts = networks
            .iter()
            .map(|n| facts::network(n, &subnets, &legs, mark))
            .collect();
        self.learn(networks, subnets);
        Ok(facts)
    }

    /// How namespaces get networks of their own, where they do.
    #[must_use]
    pub fn of_namespaces(&self) -> Option<&network::Settings> {
        match &self.source {
            Source::One(_) => None,
            Source::Namespaces(settings) => Some(settings),
        }
    }

    /// The operator's security groups of pods: those of all ports, or of those that policies leave them to.
    #[must_use]
    pub fn operators_groups(&self) -> Vec<Id> {
        self.groups.clone()
    }

    /// Whether each port has the groups that policies give it.
    #[must_use]
    pub fn are_by_policies(&self) -> bool {
        self.by_policies
    }

    /// The IP versions that pods have addresses of.
    #[must_use]
    pub(crate) fn versions(&self) -> BTreeSet<u8> {
        match &self.source {
            Source::Namespaces(settings) => {
                settings.pools.iter().map(|pool| pool.version).collect()
            }
            Source::One(_) => {
                let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
                known.subnets.values().map(|s| s.ip_version).collect()
            }
        }
    }

    /// The networks with their subnets' prefixes.
    #[must_use]
    pub(crate) fn cidrs(&self) -> BTreeMap<Id, Vec<IpNet>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: BTreeMap<Id, Vec<IpNet>> = BTreeMap::new();
        for subnet in known.subnets.values() {
            let network = subnet.network_id.as_str().into();
            all.entry(network).or_default().push(subnet.cidr);
        }
        all
    }

    /// What Neutron said of networks and subnets; of others what was known stays.
    pub(crate) fn learn(&self, networks: Vec<Network>, subnets: Vec<Subnet>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for network in networks {
            known.networks.insert(network.id.as_str().into(), network);
        }
        for subnet in subnets {
            known.subnets.insert(subnet.id.as_str().into(), subnet);
        }
    }

    /// A network is gone, and its subnets with it.
    pub(crate) fn forget(&self, network: &str) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.networks.remove(network);
        known.subnets.retain(|_, s| s.network_id != network);
    }

    /// The subnets in which so many ports of a kind may be made, the best first: where several stand in for each other, those
    /// with the most room.
    pub(crate) fn order(&self, kind: &PortKind, ports: usize) -> Vec<Vec<Id>> {
        match &self.source {
            Source::One(one) if **one == *kind => self.rooms().order(ports as u64),
            _ => vec![kind.subnets.clone()],
        }
    }

    /// So many ports were made in these subnets.
    pub(crate) fn took(&self, subnets: &[Id], ports: usize) {
        self.rooms().took(subnets, ports as u64);
    }

    /// One of these subnets had no room for so many ports.
    pub(crate) fn had_none(&self, subnets: &[Id], ports: usize) {
        self.rooms().had_none(subnets, ports as u64);
    }

    /// All our ports were listed.
    pub(crate) fn count(&self, ports: &[Port]) {
        self.rooms().count(ports);
    }

    /// A port as Neutron shows it, as one of the kind that pods want where it could be: whichever of its subnets it is in.
    #[must_use]
    pub fn as_wanted(&self, mut port: Port) -> Port {
        if let Source::One(kind) = &self.source
            && port.kind.network == kind.network
            && port.kind.subnets != kind.subnets
            && self.rooms().is_one_of(&port.kind.subnets, kind)
        {
            port.kind = Arc::new(PortKind {
                subnets: kind.subnets.clone(),
                ..(*port.kind).clone()
            });
        }
        port
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The MTU that networks are to be made with; the cloud's default if none.
    pub(crate) fn wanted_mtu(&self) -> Option<u32> {
        self.mtu
    }

    /// A port as the daemon is told of it.
    pub(crate) fn vif(&self, port: &Assignment) -> Vif {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let subnets: Vec<&Subnet> = {
            let mut ids: Vec<&Id> = port.addresses.iter().map(|(subnet, _)| subnet).collect();
            ids.sort();
            ids.dedup();
            let found = ids.into_iter().filter_map(|id| known.subnets.get(id));
            found.collect()
        };
        let by_subnet = subnets.first().map(|s| s.network_id.as_str());
        let by_kind = match &self.source {
            Source::One(kind) => Some(&*kind.network),
            Source::Namespaces(_) => None,
        };
        let network = by_subnet.or(by_kind).and_then(|id| known.networks.get(id));
        Vif {
            port_id: port.port.to_string(),
            mac: port.mac.to_string(),
            vlan: port.vlan,
            active: port.active,
            network: VifNetwork {
                id: network.map(|n| n.id.clone()).unwrap_or_default(),
                name: network.map(|n| n.name.clone()).unwrap_or_default(),
                mtu: self.mtu.or(network.and_then(|n| n.mtu)).unwrap_or(1500),
                subnets: subnets.iter().map(|s| vif_subnet(s, port)).collect(),
            },
        }
    }
}

impl Known {
    /// Reads the subnets of all pods, and gives the kind of their ports.
    async fn read(
        &mut self,
        neutron: &Neutron,
        pod_subnets: &[String],
        project: &str,
        security_groups: Vec<Id>,
    ) -> Result<PortKind, NetworkError> {
        for id in pod_subnets {
            let failed = |source| NetworkError::Read {
                subnet: id.clone(),
                source,
            };
            let subnet = neutron.get_subnet(id).await.map_err(failed)?;
            self.subnets.insert(Id::from(id.as_str()), subnet);
        }
        let first = self.subnets.values().next().ok_or(NetworkError::NoSubnet)?;
        if self
            .subnets
            .values()
            .any(|s| s.network_id != first.network_id)
        {
            return Err(NetworkError::Different(pod_subnets.join(", ")));
        }
        let failed = |source| NetworkError::Read {
            subnet: first.id.clone(),
            source,
        };
        let network = neutron.get_network(&first.network_id).await;
        let network = network.map_err(failed)?;
        if network.port_security_enabled == Some(false) {
            tracing::warn!(
                network = network.id,
                "port security is off on the pods' network: security groups have no effect, and a pod may use any address"
            );
        }
        let kind = PortKind {
            project: project.into(),
            network: network.id.as_str().into(),
            subnets: self.subnets.keys().cloned().collect(),
            security_groups,
        };
        self.networks.insert(kind.network.clone(), network);
        Ok(kind)
    }
}

/// The pools that namespaces' subnets are cut from.
async fn pools(
    neutron: &Neutron,
    own: &NamespaceNetworks,
) -> Result<Vec<network::PrefixPool>, NetworkError> {
    let mut pools = Vec::new();
    for id in &own.pools {
        let failed = |source| NetworkError::Pool {
            pool: id.clone(),
            source,
        };
        let pool = neutron.get_subnetpool(id).await.map_err(failed)?;
        pools.push(network::PrefixPool {
            id: id.as_str().into(),
            version: pool.ip_version.unwrap_or(4),
        });
    }
    Ok(pools)
}

async fn router(neutron: &Neutron, own: &NamespaceNetworks) -> Result<Id, NetworkError> {
    let failed = |source| NetworkError::Router {
        router: own.router.clone(),
        source,
    };
    let router = neutron.get_router(&own.router).await.map_err(failed)?;
    Ok(router.id.into())
}

/// How many addresses a subnet gives out.
fn addresses(subnet: &Subnet) -> u64 {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let pools = subnet.allocation_pools.iter();
    let sizes = pools.map(|p| {
        number(p.end)
            .saturating_sub(number(p.start))
            .saturating_add(1)
    });
    let all = sizes.fold(0u128, u128::saturating_add);
    u64::try_from(all).unwrap_or(u64::MAX)
}

/// A subnet as the daemon is told of it, with the port's addresses there.
fn vif_subnet(subnet: &Subnet, port: &Assignment) -> VifSubnet {
    let here = |(id, _): &&(Id, IpAddr)| **id == *subnet.id;
    VifSubnet {
        cidr: subnet.cidr,
        gateway: subnet.gateway_ip,
        dns: subnet.dns_nameservers.clone(),
        routes: subnet
            .host_routes
            .iter()
            .map(|r| (r.destination, Some(r.nexthop)))
            .collect(),
        ips: port
            .addresses
            .iter()
            .filter(here)
            .map(|(_, ip)| *ip)
            .collect(),
    }
}
