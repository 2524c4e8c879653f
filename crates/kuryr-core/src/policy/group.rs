//! Security groups as they are to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

use super::complaint::Complaint;
use super::model::{Direction, Family, Id, PodKey, PolicyKey, Protocol, Selector, ServiceKey};

/// A security group's identity. It says what the group is for and not which rules it has: these change in place, so that an edited
/// policy, a restarted backend or another Service is a few calls for rules, and none for ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    pub purpose: Purpose,
    /// Which of several, where one may not have so many rules.
    pub part: u16,
}

/// What a group is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A node and its pods reach each other.
    Node(Id),
    /// Pods of a namespace are reached by themselves through its Services: then the VIP is the source.
    Hairpin(Id),
    /// What the operator's groups let pass in a direction, for pods that are isolated in the other one only.
    Open(Direction),
    /// What the operator's groups let pass among those that carry them, for pods, of which some carry others.
    Among,
    /// What a policy allows in a direction to all pods that it selects.
    Policy(Arc<Selecting>, Direction),
    /// What a policy's ingress allows through ports by name to pods that have these numbers for them.
    Named(Arc<Selecting>, Arc<Numbers>),
    /// Services that these policies allow together and none of them alone.
    Together(Arc<BTreeSet<PolicyKey>>),
    /// A Service, for pods that are allowed all that is behind it but themselves and their node, which are allowed always.
    Own(Arc<OwnPort>),
    /// Has no rules; others name it as remote group.
    Member(Arc<Member>),
    /// One of the operator's.
    Operator(Id),
}

/// A policy as far as it selects pods. One that selects others has other groups: the pods that leave it and those that come to it
/// don't carry the same rules for a while.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selecting {
    pub policy: PolicyKey,
    pub pods: Selector,
}

impl fmt::Display for Selecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy {} for pods {}", self.policy, self.pods)
    }
}

/// Ports by name, each with a number that it has.
pub type Numbers = BTreeSet<(Id, Protocol, u16)>;

/// A Service's port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnPort {
    pub service: ServiceKey,
    pub protocol: Protocol,
    pub family: Family,
    pub port: u16,
    /// What the group lets pass: packets to the VIP; or, with the number that the port has there, those to the pod itself.
    pub target: Option<u16>,
}

/// What a peer selects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    pub namespaces: Where,
    pub pods: Selector,
    /// Only those of them whose port of this name and protocol has this number: a rule of egress with a named port has another
    /// number for each.
    pub port: Option<(Id, Protocol, u16)>,
}

/// In which namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Where {
    /// In this one.
    In(Id),
    /// In those that this selects.
    Matching(Selector),
}

impl From<Purpose> for GroupKey {
    fn from(purpose: Purpose) -> Self {
        Self { purpose, part: 0 }
    }
}

impl fmt::Display for GroupKey {
    /// Of two that differ the texts differ.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.purpose)?;
        match self.part {
            0 => Ok(()),
            part => write!(f, ", part {}", part + 1),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "node {node} and its pods"),
            Self::Hairpin(namespace) => write!(f, "pods of {namespace} by their own Services"),
            Self::Open(direction) => write!(f, "{direction} that no policy isolates"),
            Self::Among => f.write_str("pods among each other where no policy isolates"),
            Self::Policy(policy, direction) => write!(f, "{direction} of {policy}"),
            Self::Named(policy, numbers) => {
                write!(f, "ingress of {policy} with")?;
                numbers.iter().try_for_each(|(name, protocol, number)| {
                    write!(f, " {name}={number}/{}", protocol.word())
                })
            }
            Self::Together(policies) => {
                write!(f, "Services by policies")?;
                policies
                    .iter()
                    .try_for_each(|policy| write!(f, " {policy}"))
            }
            Self::Own(own) => {
                let (service, family, word) = (&own.service, own.family, own.protocol.word());
                write!(f, "Service {service} {}/{word} {family}", own.port)?;
                match own.target {
                    Some(target) => write!(f, " from what is behind it to itself at {target}"),
                    None => write!(f, " from what is behind it"),
                }
            }
            Self::Member(member) => write!(f, "{member}"),
            Self::Operator(id) => write!(f, "the operator's {id}"),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespaces {
            Where::In(name) => write!(f, "pods {} in namespace {name}", self.pods)?,
            Where::Matching(s) => write!(f, "pods {} in namespaces with {s}", self.pods)?,
        }
        match &self.port {
            Some((name, protocol, number)) => {
                write!(f, " whose {} port {name} is {number}", protocol.word())
            }
            None => Ok(()),
        }
    }
}

impl Purpose {
    /// Whether it is for being named only.
    #[must_use]
    pub fn is_member(&self) -> bool {
        matches!(self, Self::Member(_))
    }
}

/// A security group rule. `G` is what a remote group is named by: its key, or a Neutron id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule<G = GroupKey> {
    pub direction: Direction,
    /// `ethertype`.
    pub family: Family,
    pub traffic: Traffic,
    /// Who is at the other end.
    pub remote: Remote<G>,
}

impl<G: Clone> Rule<G> {
    /// The same rule with the remote group named otherwise; none if it has no such name.
    pub fn named<H>(&self, name: impl FnOnce(&G) -> Option<H>) -> Option<Rule<H>> {
        let remote = match &self.remote {
            Remote::Any => Remote::Any,
            Remote::Prefix(network) => Remote::Prefix(*network),
            Remote::Group(group) => Remote::Group(name(group)?),
        };
        Some(Rule {
            direction: self.direction,
            family: self.family,
            traffic: self.traffic.clone(),
            remote,
        })
    }

    /// The group that it names.
    #[must_use]
    pub fn remote_group(&self) -> Option<&G> {
        match &self.remote {
            Remote::Group(group) => Some(group),
            _ => None,
        }
    }
}

/// `protocol`, `port_range_min` and `port_range_max` of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Traffic {
    /// All of it.
    Any,
    /// All ports of a protocol.
    Of(Protocol),
    /// Destination ports, both included.
    Ports(Protocol, u16, u16),
    /// Of another protocol, as the operator's rule has it.
    Other {
        protocol: Id,
        min: Option<u16>,
        max: Option<u16>,
    },
}

/// Who is at the other end of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remote<G = GroupKey> {
    /// Anyone.
    Any,
    /// `remote_ip_prefix`.
    Prefix(IpNet),
    /// `remote_group_id`: the addresses of all ports that carry the group.
    Group(G),
}

/// What policies come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// All groups that are needed, with their rules; they have no others, not even those that Neutron gives to a new group.
    pub groups: BTreeMap<GroupKey, BTreeSet<Rule>>,
    /// What the port of each pod that counts carries.
    pub of_pod: BTreeMap<PodKey, BTreeSet<GroupKey>>,
    /// What each policy needs.
    pub of_policy: BTreeMap<PolicyKey, Needs>,
    /// The policies that select each pod that any selects.
    pub selecting: BTreeMap<PodKey, BTreeSet<PolicyKey>>,
}

/// What a policy needs to be in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The pods that it selects.
    pub pods: BTreeSet<PodKey>,
    /// The groups with what it allows by itself.
    pub groups: BTreeSet<GroupKey>,
    /// What is wrong with it.
    pub complaints: BTreeSet<Complaint>,
}
