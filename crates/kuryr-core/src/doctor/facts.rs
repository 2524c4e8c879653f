//! What one look at Kubernetes and Neutron brought.

use std::net::IpAddr;
use std::time::Duration;

use crate::network::Network;
use crate::policy;
use crate::pool;
use crate::port::{Claim, Id, Pod, PodKey, Port, Trunk};

/// What one look brought. Ages are as of that look.
#[derive(Clone, Debug)]
pub struct Facts {
    /// From when on something is a finding.
    pub limits: Limits,
    /// Who leads.
    pub lease: Lease,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// All pods; those bound to no node have an empty one and [`Want::Unknown`](crate::port::Want).
    pub pods: Vec<PodFact>,
    /// All KuryrPorts.
    pub claims: Vec<ClaimFact>,
    /// All trunks that can be seen.
    pub trunks: Vec<Trunk>,
    /// All ports of ours, and no other.
    pub ports: Vec<PortFact>,
    /// Ports of others that concern us: on nodes' trunks, named by KuryrPorts, or left by upstream.
    pub others: Vec<OtherPort>,
    /// Ports of the project; none where it can't be seen or is unlimited.
    pub quota: Option<Usage>,
    /// The pods' subnets, as far as can be seen.
    pub subnets: Vec<SubnetUsage>,
    /// Objects that upstream's finalizers hold.
    pub held: Vec<HeldObject>,
    /// Networks that carry our mark, where namespaces have their own.
    pub networks: Vec<NetworkFact>,
    /// Whether NetworkPolicies give each port security groups of its own.
    pub groups_by_policies: bool,
    /// What policies are about, and their groups; none where it could not be seen.
    pub policies: Option<PolicyFacts>,
}

/// What policies are about, and the groups that came of them.
#[derive(Clone, Debug)]
pub struct PolicyFacts {
    /// The cluster but for its nodes, and the settings of policies; none where they are not in force.
    pub cluster: Option<(policy::Facts, policy::Settings)>,
    /// All security groups of policies that carry our mark.
    pub groups: Vec<SeenPolicyGroup>,
}

/// A security group of policies.
#[derive(Clone, Debug)]
pub struct SeenPolicyGroup {
    pub seen: policy::SeenGroup,
    pub name: String,
}

/// From when on something is a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub pool: pool::Limits,
    /// How long a loose port that nobody names may be there: `[kuryr] orphan_grace`.
    pub grace: Duration,
    /// How long a pod may wait, a port be DOWN, a deletion take.
    pub patience: Duration,
    /// Per cent of quota, subnet or trunk from which on it is nearly full.
    pub nearly: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pool: pool::Limits::NONE,
            grace: Duration::from_secs(600),
            patience: Duration::from_secs(120),
            nearly: 90,
        }
    }
}

/// The Lease by which the leader is elected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    /// It can't be read: somebody may lead.
    Unreadable,
    /// It is not there.
    Absent,
    /// It is there.
    Seen {
        /// Who has it; empty if it was given up.
        holder: String,
        /// How long it lasts.
        duration: Duration,
        /// Time since the last renewal; none if there was none.
        renewed: Option<Duration>,
    },
}

impl Lease {
    /// Who leads, if anybody does.
    #[must_use]
    pub fn leader(&self) -> Option<&str> {
        match self {
            Self::Seen {
                holder,
                duration,
                renewed: Some(ago),
            } if !holder.is_empty() && ago <= duration => Some(holder),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: Id,
    /// Its InternalIPs.
    pub addresses: Vec<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFact {
    pub pod: Pod,
    /// Time since it was bound to its node.
    pub bound: Duration,
    /// Time since it was asked to end, if it was.
    pub deleting: Option<Duration>,
    /// What the controller's last Event on it says.
    pub event: Option<Wait>,
}

/// Why a pod waits, by its annotation or Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// A word, such as `NoTrunk`.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

/// A KuryrPort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimFact {
    /// The KuryrPort.
    pub claim: Claim,
    /// Time since it was deleted, if it was.
    pub deleting: Option<Duration>,
    /// Finalizers that are not ours.
    pub other_finalizers: Vec<String>,
    /// Why its pod waits.
    pub wait: Option<Wait>,
}

/// An object that is being deleted, and that a finalizer of upstream's holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldObject {
    /// Its kind in one word, such as `kuryrnetwork`.
    pub kind: &'static str,
    /// Its namespace and name.
    pub key: PodKey,
    /// The finalizer.
    pub finalizer: String,
    /// Time since it was deleted.
    pub deleting: Duration,
    /// What it stands for in OpenStack, such as `network 4f1c…`.
    pub left: Vec<String>,
}

/// A network that carries our mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFact {
    pub network: Network,
    /// The namespace that it was made for: none if it is gone; else, if it is being deleted, time since that.
    pub namespace_ends: Option<Option<Duration>>,
    /// How many ports of ours are on it.
    pub ports: usize,
}

/// A port of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortFact {
    pub port: Port,
    /// Neutron's word for its status.
    pub status: String,
    /// Time since it was made or last changed; none if Neutron does not tell.
    pub unchanged: Option<Duration>,
}

/// A port that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherPort {
    /// Port id.
    pub id: Id,
    pub name: String,
    /// What uses it.
    pub device_owner: String,
    /// The cluster whose tag it carries, if any.
    pub cluster: Option<String>,
}

/// How much of something is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How much there is.
    pub limit: u64,
    /// How much of it is used.
    pub used: u64,
}

impl Usage {
    /// Whether so many per cent are used.
    #[must_use]
    pub fn is_nearly(self, percent: u64) -> bool {
        u128::from(self.used) * 100 >= u128::from(self.limit) * u128::from(percent)
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.used >= self.limit
    }
}

/// A subnet of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetUsage {
    pub id: Id,
    /// Its prefix.
    pub cidr: String,
    pub addresses: Usage,
}
