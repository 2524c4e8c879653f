//! Kinds of resources, and what an attribute of one is, as data: one table of them ([`super::attributes`]) drives
//! validation, defaults, visibility and filters for all kinds.

use serde_json::{Map, Value, json};

use super::super::ApiError;
use super::attributes::{
    COMMON, FLOATING_IP, NETWORK, PORT, ROUTER, SECURITY_GROUP, SECURITY_GROUP_RULE, SUBNET,
    SUBNET_POOL, TRUNK,
};

/// A JSON object: an API resource, or a part of a request.
pub type Fields = Map<String, Value>;

/// Kinds of resources that share the generic create, list, show, update and delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `/v2.0/networks`
    Network,
    /// `/v2.0/subnets`
    Subnet,
    /// `/v2.0/subnetpools`
    SubnetPool,
    /// `/v2.0/ports`
    Port,
    /// `/v2.0/trunks`
    Trunk,
    /// `/v2.0/security-groups`
    SecurityGroup,
    /// `/v2.0/security-group-rules`
    SecurityGroupRule,
    /// `/v2.0/routers`
    Router,
    /// `/v2.0/floatingips`
    FloatingIp,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Network,
        Self::Subnet,
        Self::SubnetPool,
        Self::Port,
        Self::Trunk,
        Self::SecurityGroup,
        Self::SecurityGroupRule,
        Self::Router,
        Self::FloatingIp,
    ];

    /// Key of one object in a body, also the quota's name: `security_group`.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Subnet => "subnet",
            Self::SubnetPool => "subnetpool",
            Self::Port => "port",
            Self::Trunk => "trunk",
            Self::SecurityGroup => "security_group",
            Self::SecurityGroupRule => "security_group_rule",
            Self::Router => "router",
            Self::FloatingIp => "floatingip",
        }
    }

    /// Key of a list in a body: `security_groups`.
    pub fn plural(self) -> String {
        format!("{}s", self.singular())
    }

    /// Segment of the path: `security-groups`.
    pub fn collection(self) -> String {
        self.plural().replace('_', "-")
    }

    /// The kind that a path's segment names.
    pub fn from_collection(segment: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.collection() == segment)
    }

    /// 404 for one object of this kind.
    pub fn not_found(self, id: &str) -> ApiError {
        let (kind, message) = match self {
            Self::Network => (
                "NetworkNotFound",
                format!("Network {id} could not be found."),
            ),
            Self::Subnet => ("SubnetNotFound", format!("Subnet {id} could not be found.")),
            Self::SubnetPool => (
                "SubnetPoolNotFound",
                format!("Subnet pool {id} could not be found."),
            ),
            Self::Port => ("PortNotFound", format!("Port {id} could not be found.")),
            Self::Trunk => ("TrunkNotFound", format!("Trunk {id} could not be found.")),
            Self::SecurityGroup => (
                "SecurityGroupNotFound",
                format!("Security group {id} does not exist"),
            ),
            Self::SecurityGroupRule => (
                "SecurityGroupRuleNotFound",
                format!("Security group rule {id} does not exist"),
            ),
            Self::Router => ("RouterNotFound", format!("Router {id} could not be found")),
            Self::FloatingIp => (
                "FloatingIPNotFound",
                format!("Floating IP {id} could not be found"),
            ),
        };
        ApiError::not_found(kind, message)
    }

    /// `revision_number` of a new object.
    pub fn first_revision(self) -> i64 {
        match self {
            Self::Network | Self::Port | Self::Trunk | Self::SecurityGroup => 1,
            Self::Subnet
            | Self::SubnetPool
            | Self::SecurityGroupRule
            | Self::Router
            | Self::FloatingIp => 0,
        }
    }

    /// Attributes of this kind with those that all kinds share.
    pub fn attributes(self) -> impl Iterator<Item = &'static Attribute> {
        let own: &'static [Attribute] = match self {
            Self::Network => NETWORK,
            Self::Subnet => SUBNET,
            Self::SubnetPool => SUBNET_POOL,
            Self::Port => PORT,
            Self::Trunk => TRUNK,
            Self::SecurityGroup => SECURITY_GROUP,
            Self::SecurityGroupRule => SECURITY_GROUP_RULE,
            Self::Router => ROUTER,
            Self::FloatingIp => FLOATING_IP,
        };
        own.iter().chain(COMMON)
    }

    /// One attribute by name.
    pub fn attribute(self, name: &str) -> Option<&'static Attribute> {
        self.attributes().find(|attribute| attribute.name == name)
    }
}

/// What a value must look like; see [`super::validate`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// A string of at most so many characters.
    Text(usize),
    /// A boolean, or what Neutron converts to one.
    Bool,
    /// An integer, or a string that holds one.
    Int,
    /// An integer or null.
    IntOrNull,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// 4 or 6.
    IpVersion,
    Uuid,
    UuidOrNull,
    /// A list of UUIDs.
    Uuids,
    /// A network prefix; host bits are cleared.
    Cidr,
    /// A list of network prefixes.
    Cidrs,
    /// An IP address or null.
    IpOrNull,
    /// A MAC address.
    Mac,
    /// `[{subnet_id?, ip_address?}]`.
    FixedIps,
    /// `[{ip_address, mac_address?}]`.
    AddressPairs,
    /// Any list.
    List,
    /// Any object or null.
    Object,
    /// Anything; the resource's own code looks at it.
    Any,
}

/// The value of an attribute that a POST leaves out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Post {
    /// 400 without it.
    Required,
    /// Not taken in a POST at all.
    Refused,
    /// Left to the resource's own code.
    Unset,
    Null,
    /// `true` or `false`
    Bool(bool),
    /// a string
    Text(&'static str),
    EmptyList,
}

impl Post {
    /// The default as JSON, where there is one.
    pub fn value(self) -> Option<Value> {
        match self {
            Self::Required | Self::Refused | Self::Unset => None,
            Self::Null => Some(Value::Null),
            Self::Bool(flag) => Some(json!(flag)),
            Self::Text(text) => Some(json!(text)),
            Self::EmptyList => Some(json!([])),
        }
    }
}

/// Who may see and set an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The project's members.
    Members,
    /// Members see it, only an admin sets it.
    AdminSets,
    /// Only an admin sees and sets it.
    AdminOnly,
}

/// One attribute of a kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attribute {
    /// Its name in JSON.
    pub name: &'static str,
    /// What it must look like.
    pub shape: Shape,
    /// What a POST does with it.
    pub post: Post,
    /// Whether a PUT may change it.
    pub put: bool,
    /// Who sees and sets it.
    pub access: Access,
    /// Whether lists can be filtered by it.
    pub filter: bool,
}
