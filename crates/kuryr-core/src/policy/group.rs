//! Security groups as they are to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::complaint::Complaint;
use super::model::{Cidr, Direction, Family, PodKey, PolicyKey, Protocol};

/// What stands before a key in a tag.
const TAG: &str = "kuryr-policy-group=";

/// A security group's identity: a hash of all that it means. A group whose meaning would change
/// is another group, so that a port goes from the old to the new by one call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(u128);

impl GroupKey {
    /// The key of a meaning: the same on every machine and in every version. Whoever may write
    /// policies may choose meanings, so the hash is one for which no two can be found.
    #[must_use]
    pub fn of(meaning: &str) -> Self {
        let hash = Sha256::digest(meaning.as_bytes());
        let bytes = hash.iter().take(16);
        Self(bytes.fold(0, |key, byte| key << 8 | u128::from(*byte)))
    }

    /// The tag that a security group of this key carries; Neutron allows 60 characters.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{TAG}{self}")
    }

    /// The key in one of a security group's tags, or in its description.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        tag.strip_prefix(TAG)?.parse().ok()
    }
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for GroupKey {
    type Err = std::num::ParseIntError;

    /// 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 32 {
            return "".parse().map(Self);
        }
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What it is for.
    pub kind: GroupKind,
    /// What it means, for people: the security group's description. At most 255 characters.
    pub about: String,
    /// Its rules; it has no others, not even those that Neutron gives to a new group.
    pub rules: BTreeSet<Rule>,
}

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKind {
    /// Has no rules; others name it as remote group.
    Member,
    /// Allows what a policy's rules of one direction allow.
    Effect(Direction),
    /// Allows everything in a direction.
    All(Direction),
    /// Lets a node's own addresses in.
    Node,
}

impl GroupKind {
    /// The direction of its rules; none for members.
    #[must_use]
    pub fn direction(self) -> Option<Direction> {
        match self {
            Self::Member => None,
            Self::Effect(direction) | Self::All(direction) => Some(direction),
            Self::Node => Some(Direction::Ingress),
        }
    }
}

/// A security group rule. `G` is what a remote group is named by: its key, or a Neutron id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule<G = GroupKey> {
    /// `direction`.
    pub direction: Direction,
    /// `ethertype`.
    pub family: Family,
    /// `protocol`; none: any.
    pub protocol: Option<Protocol>,
    /// `port_range_min` and `port_range_max`, both included; none: all. Only with a protocol.
    pub ports: Option<(u16, u16)>,
    /// Who is at the other end.
    pub remote: Remote<G>,
}

/// Who is at the other end of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remote<G = GroupKey> {
    /// Anyone.
    Any,
    /// `remote_ip_prefix`.
    Prefix(Cidr),
    /// `remote_group_id`: the addresses of all ports that carry the group.
    Group(G),
}

impl<G> Rule<G> {
    /// The same rule with the remote group named otherwise; none if it has no such name.
    pub fn named<H>(&self, name: impl FnOnce(&G) -> Option<H>) -> Option<Rule<H>> {
        let remote = match &self.remote {
            Remote::Any => Remote::Any,
            Remote::Prefix(cidr) => Remote::Prefix(*cidr),
            Remote::Group(group) => Remote::Group(name(group)?),
        };
        Some(Rule {
            direction: self.direction,
            family: self.family,
            protocol: self.protocol,
            ports: self.ports,
            remote,
        })
    }

    /// The group that it names.
    pub fn remote_group(&self) -> Option<&G> {
        match &self.remote {
            Remote::Group(group) => Some(group),
            _ => None,
        }
    }
}

/// What a pod's port is to carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Whether it carries the operator's own groups for pods: no policy selects the pod.
    pub operator: bool,
    /// Groups of ours.
    pub groups: BTreeSet<GroupKey>,
}

/// What policies come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// All groups that are needed.
    pub groups: BTreeMap<GroupKey, Arc<Group>>,
    /// What each pod that counts is to carry.
    pub of_pod: BTreeMap<PodKey, Arc<Assigned>>,
    /// What each policy needs.
    pub of_policy: BTreeMap<PolicyKey, Needs>,
}

/// What a policy needs to be in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The pods that it selects.
    pub pods: BTreeSet<PodKey>,
    /// Its effect groups, and the member groups that they name.
    pub groups: BTreeSet<GroupKey>,
    /// What is wrong with it.
    pub complaints: BTreeSet<Complaint>,
}
