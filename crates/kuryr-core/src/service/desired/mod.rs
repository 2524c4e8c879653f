//! From a Service and its endpoints to the load balancers that it is to have: pure.
//!
//! What the provider can't do is left out and complained about; nothing of a Service makes
//! another Service wait.

mod access;
mod external;
mod listeners;
mod members;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::allowed::{asked, is_on};
use super::annotations::{FLAVOR, PROVIDER};
use super::complaint::{Complaint, Reason};
use super::model::{ClaimSpec, Family, Id, Kind, Protocol, Service, ServicePort, Slice};
use super::provider::Traits;
use super::settings::Settings;
use super::tree::{BalancerKey, Listener, Slot, Tree, Vip};

pub use self::external::External;
pub(crate) use self::external::asked_address;

/// What a Service is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// No load balancer.
    Nothing {
        why: Nothing,
        /// What its owner is to know.
        complaints: Vec<Complaint>,
    },
    /// These.
    Balancers(Box<Wanted>),
}

/// Why a Service has no load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// It is not there, or being deleted.
    Gone,
    /// It has no cluster address, as wanted or not yet.
    NoAddress,
    /// It is a name for something elsewhere.
    ExternalName,
    /// A label says that another proxy serves it, or none.
    Others,
    /// NodePort Services are not served.
    NodePort,
    /// `default/kubernetes`, which the operator configures.
    Operators,
    /// No subnet for VIPs has its address.
    NoSubnet,
}

/// The load balancers of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// One or two.
    pub trees: Vec<(Slot, Tree)>,
    /// How it is reached from outside.
    pub external: External,
    /// What its KuryrLoadBalancer says.
    pub spec: ClaimSpec,
    /// What its owner is to know.
    pub complaints: Vec<Complaint>,
}

/// The provider that a Service asks for and may; none: Octavia's own choice.
#[must_use]
pub fn provider_of(service: &Service, settings: &Settings) -> Option<Id> {
    let own = service.annotations.provider.as_ref();
    let own = own.filter(|p| is_on(&settings.allowed.providers, p));
    own.or(settings.provider.as_ref()).cloned()
}

/// What `service` is to have. `traits` are those of its provider.
pub fn desired<'a>(
    service: &Service,
    slices: impl IntoIterator<Item = &'a Slice>,
    settings: &Settings,
    traits: &Traits,
) -> Want {
    let mut draft = Draft {
        service,
        slices: slices.into_iter().collect(),
        settings,
        traits,
        complaints: service.complaints.clone(),
    };
    if let Err(why) = draft.served() {
        return Want::Nothing {
            why,
            complaints: draft.complaints,
        };
    }
    let vips = draft.vips();
    if vips.is_empty() {
        return Want::Nothing {
            why: Nothing::NoSubnet,
            complaints: draft.complaints,
        };
    }
    draft.not_allowed();
    let trees = draft.trees(&vips);
    let external = draft.external();
    draft.policies();
    let spec = draft.spec(&vips, &external);
    let mut complaints = draft.complaints;
    complaints.sort();
    complaints.dedup_by(|a, b| a.identity() == b.identity());
    Want::Balancers(Box::new(Wanted {
        trees,
        external,
        spec,
        complaints,
    }))
}

/// The listeners that a Service is to have on a load balancer with these VIPs and traits,
/// which may be another one's.
pub(crate) fn listeners_of<'a>(
    service: &Service,
    slices: impl IntoIterator<Item = &'a Slice>,
    settings: &Settings,
    traits: &Traits,
    vips: &[Vip],
) -> BTreeMap<(Protocol, u16), Listener> {
    let mut draft = Draft {
        service,
        slices: slices.into_iter().collect(),
        settings,
        traits,
        complaints: Vec::new(),
    };
    draft.listeners(vips)
}

/// The answer in the making.
struct Draft<'a> {
    service: &'a Service,
    slices: Vec<&'a Slice>,
    settings: &'a Settings,
    traits: &'a Traits,
    complaints: Vec<Complaint>,
}

impl Draft<'_> {
    fn complain(&mut self, reason: Reason, about: impl Into<String>, message: impl Into<String>) {
        let complaint = Complaint::new(reason, about, message);
        self.complaints.push(complaint);
    }

    /// What is asked for and not to be had.
    fn not_allowed(&mut self) {
        let (own, allowed) = (&self.service.annotations, &self.settings.allowed);
        // The one of the settings may be named as well.
        let provider = own
            .provider
            .as_ref()
            .filter(|p| Some(*p) != self.settings.provider.as_ref());
        let provider = asked(PROVIDER, provider, &allowed.providers, "lb_providers");
        let flavor = asked(FLAVOR, own.flavor.as_ref(), &allowed.flavors, "lb_flavors");
        self.complaints
            .extend([provider, flavor].into_iter().filter_map(Result::err));
    }

    fn flavor(&self) -> Option<Id> {
        let own = self.service.annotations.flavor.as_ref();
        own.filter(|f| is_on(&self.settings.allowed.flavors, f))
            .cloned()
    }

    /// Whether it is a Service that gets a load balancer.
    fn served(&mut self) -> Result<(), Nothing> {
        let s = self.service;
        if s.deleting {
            return Err(Nothing::Gone);
        }
        if s.kind == Kind::ExternalName {
            return Err(Nothing::ExternalName);
        }
        if s.left_to_others {
            return Err(Nothing::Others);
        }
        if s.headless || s.cluster_ips.is_empty() {
            return Err(Nothing::NoAddress);
        }
        if self.is_operators() && !self.settings.serve_kubernetes {
            return Err(Nothing::Operators);
        }
        if s.kind == Kind::NodePort {
            return self.node_port();
        }
        Ok(())
    }

    /// Whether it is the API server's Service, whose members are not for tenants to choose.
    fn is_operators(&self) -> bool {
        let key = &self.service.key;
        &*key.namespace == "default" && &*key.name == "kubernetes"
    }

    fn node_port(&mut self) -> Result<(), Nothing> {
        if self.settings.serve_node_port {
            self.complain(
                Reason::NodePortNotServed,
                "",
                "node ports are not opened: the Service is reached at its cluster address only",
            );
            return Ok(());
        }
        self.complain(
            Reason::KuryrServiceSkipped,
            "",
            "Services of type NodePort get no load balancer; use ClusterIP or LoadBalancer",
        );
        Err(Nothing::NodePort)
    }

    /// A VIP for each cluster address, the primary family's first.
    fn vips(&mut self) -> Vec<Vip> {
        let mut vips: Vec<Vip> = Vec::new();
        for address in &self.service.cluster_ips {
            let again = |v: &Vip| Family::of(v.address) == Family::of(*address);
            if vips.iter().any(again) {
                continue;
            }
            let subnets = self.settings.service_subnets.iter();
            match subnets.into_iter().find(|s| s.cidr.contains(address)) {
                Some(subnet) => vips.push(Vip {
                    address: *address,
                    subnet: subnet.id.clone(),
                }),
                None => self.complain(
                    Reason::NoServiceSubnet,
                    address.to_string(),
                    format!(
                        "no subnet for Services has the cluster address {address}, \
                         so nothing answers there"
                    ),
                ),
            }
        }
        vips
    }

    fn trees(&mut self, vips: &[Vip]) -> Vec<(Slot, Tree)> {
        let primary = self.service.cluster_ips.first();
        if self.traits.more_vips && vips.len() > 1 {
            let tree = self.tree(Slot::First, vips);
            return vec![(Slot::First, tree)];
        }
        let slot = |vip: &Vip| match primary == Some(&vip.address) {
            true => Slot::First,
            false => Slot::Second,
        };
        vips.iter()
            .map(|vip| (slot(vip), self.tree(slot(vip), std::slice::from_ref(vip))))
            .collect()
    }

    fn tree(&mut self, slot: Slot, vips: &[Vip]) -> Tree {
        let key = BalancerKey {
            service: self.service.key.clone(),
            slot,
        };
        let listeners = self.listeners(vips);
        Tree {
            name: key.to_string().into(),
            vip: vips[0].clone(),
            more_vips: vips[1..].to_vec(),
            provider: provider_of(self.service, self.settings),
            flavor: self.flavor(),
            project: self.settings.project.clone(),
            listeners,
        }
    }

    /// Traffic policies, as far as the provider keeps them.
    fn policies(&mut self) {
        if self.service.internal_local {
            self.complain(
                Reason::TrafficPolicyNotKept,
                "internalTrafficPolicy",
                "internalTrafficPolicy Local can't be kept: a load balancer does not know the \
                 client's node, so all ready endpoints are used",
            );
        }
        let outside = self.service.kind == Kind::LoadBalancer && self.service.external_local;
        if outside && !self.traits.keeps_client {
            self.complain(
                Reason::TrafficPolicyNotKept,
                "externalTrafficPolicy",
                "externalTrafficPolicy Local can't be kept: the provider hides the client's \
                 address; traffic goes straight to ready pods on all nodes",
            );
        }
    }

    fn spec(&self, vips: &[Vip], external: &External) -> ClaimSpec {
        let own = &self.service.annotations;
        ClaimSpec {
            ip: vips.first().map(|v| v.address),
            lb_ip: match external {
                External::Address(address) => Some(*address),
                _ => None,
            },
            ports: self.service.ports.clone(),
            project: self.settings.project.clone(),
            security_groups: self.settings.security_groups.clone(),
            subnet: vips.first().map(|v| v.subnet.clone()),
            external: self.service.kind == Kind::LoadBalancer,
            provider: provider_of(self.service, self.settings),
            timeout_client: own.timeout_client.or(self.settings.timeout_client),
            timeout_member: own.timeout_member.or(self.settings.timeout_member),
        }
    }
}

/// How a port of a Service is spoken of.
fn port_text(port: &ServicePort) -> String {
    text_of(port.protocol, port.port)
}

fn text_of(protocol: Protocol, port: u16) -> String {
    format!("{protocol} port {port}")
}

/// The families of some VIPs.
fn families(vips: &[Vip]) -> Vec<Family> {
    vips.iter().map(|v| Family::of(v.address)).collect()
}

/// The id of the first member subnet (the namespace's own, pods', nodes') whose range has the address: Octavia reaches a
/// member through it.
fn subnet_at<'a>(settings: &'a Settings, namespace: &Id, address: IpAddr) -> Option<&'a Id> {
    let own = settings.namespace_subnets.get(namespace);
    let all = own.into_iter().chain(&settings.member_subnets);
    all.into_iter()
        .find(|s| s.cidr.contains(&address))
        .map(|s| &s.id)
}
