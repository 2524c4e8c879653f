//! The attributes of each kind of resource, as data: one table drives validation, defaults, visibility and filters
//! for all kinds. Names and defaults are those of the Neutron API v2.0.

use serde_json::{Map, Value, json};

use super::super::ApiError;

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
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Network,
        Self::Subnet,
        Self::SubnetPool,
        Self::Port,
        Self::Trunk,
        Self::SecurityGroup,
        Self::SecurityGroupRule,
        Self::Router,
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
        };
        ApiError::not_found(kind, message)
    }

    /// `revision_number` of a new object.
    pub fn first_revision(self) -> i64 {
        match self {
            Self::Network | Self::Port | Self::Trunk | Self::SecurityGroup => 1,
            Self::Subnet | Self::SubnetPool | Self::SecurityGroupRule | Self::Router => 0,
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
    /// A UUID.
    Uuid,
    /// A UUID or null.
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
    /// null
    Null,
    /// `true` or `false`
    Bool(bool),
    /// a string
    Text(&'static str),
    /// an empty list
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

const fn attribute(name: &'static str, shape: Shape, post: Post) -> Attribute {
    Attribute {
        name,
        shape,
        post,
        put: false,
        access: Access::Members,
        filter: true,
    }
}

impl Attribute {
    const fn put(mut self) -> Self {
        self.put = true;
        self
    }
    const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }
    const fn unfiltered(mut self) -> Self {
        self.filter = false;
        self
    }
}

use Access::{AdminOnly, AdminSets};
use Shape::{
    AddressPairs, Any, Bool, Cidr, Cidrs, FixedIps, Int, IntOrNull, IpOrNull, IpVersion, List, Mac,
    Object, OneOf, Text, Uuid, UuidOrNull, Uuids,
};

static COMMON: &[Attribute] = &[
    attribute("id", Uuid, Post::Refused),
    attribute("project_id", Text(255), Post::Unset),
    attribute("tenant_id", Text(255), Post::Unset),
    attribute("description", Text(255), Post::Text("")).put(),
    attribute("tags", List, Post::Refused),
    attribute("created_at", Any, Post::Refused).unfiltered(),
    attribute("updated_at", Any, Post::Refused).unfiltered(),
    attribute("revision_number", Int, Post::Refused),
];

static NETWORK: &[Attribute] = &[
    attribute("name", Text(255), Post::Text("")).put(),
    attribute("admin_state_up", Bool, Post::Bool(true)).put(),
    attribute("status", Any, Post::Refused),
    attribute("mtu", Int, Post::Unset).put(),
    attribute("shared", Bool, Post::Bool(false))
        .put()
        .access(AdminSets),
    attribute("router:external", Bool, Post::Bool(false))
        .put()
        .access(AdminSets),
    attribute("is_default", Bool, Post::Bool(false))
        .put()
        .access(AdminSets),
    attribute("port_security_enabled", Bool, Post::Bool(true)).put(),
    attribute("subnets", Any, Post::Refused).unfiltered(),
    attribute("availability_zone_hints", List, Post::EmptyList).unfiltered(),
    attribute("availability_zones", Any, Post::Refused).unfiltered(),
    attribute("ipv4_address_scope", Any, Post::Refused),
    attribute("ipv6_address_scope", Any, Post::Refused),
    attribute("qos_policy_id", UuidOrNull, Post::Null).put(),
    attribute("dns_domain", Text(255), Post::Text("")).put(),
    attribute("l2_adjacency", Any, Post::Refused).unfiltered(),
    attribute("provider:network_type", Text(255), Post::Unset).access(AdminOnly),
    attribute("provider:physical_network", Any, Post::Unset).access(AdminOnly),
    attribute("provider:segmentation_id", IntOrNull, Post::Unset).access(AdminOnly),
];

static SUBNET: &[Attribute] = &[
    attribute("name", Text(255), Post::Text("")).put(),
    attribute("network_id", Uuid, Post::Required),
    attribute("ip_version", IpVersion, Post::Required),
    attribute("cidr", Cidr, Post::Unset),
    attribute("prefixlen", Int, Post::Unset).unfiltered(),
    attribute("subnetpool_id", UuidOrNull, Post::Null),
    attribute("gateway_ip", IpOrNull, Post::Unset).put(),
    attribute("allocation_pools", List, Post::Unset)
        .put()
        .unfiltered(),
    attribute("enable_dhcp", Bool, Post::Bool(true)).put(),
    attribute("dns_nameservers", List, Post::EmptyList)
        .put()
        .unfiltered(),
    attribute("host_routes", List, Post::EmptyList)
        .put()
        .unfiltered(),
    attribute("service_types", List, Post::EmptyList)
        .put()
        .unfiltered(),
    attribute("ipv6_ra_mode", Any, Post::Null),
    attribute("ipv6_address_mode", Any, Post::Null),
];

static SUBNET_POOL: &[Attribute] = &[
    attribute("name", Text(255), Post::Required).put(),
    attribute("prefixes", Cidrs, Post::Required)
        .put()
        .unfiltered(),
    attribute("default_prefixlen", Int, Post::Unset).put(),
    attribute("min_prefixlen", Int, Post::Unset).put(),
    attribute("max_prefixlen", Int, Post::Unset).put(),
    attribute("ip_version", Any, Post::Refused),
    attribute("is_default", Bool, Post::Bool(false))
        .put()
        .access(AdminSets),
    attribute("shared", Bool, Post::Bool(false)).access(AdminSets),
    attribute("default_quota", IntOrNull, Post::Null).put(),
    attribute("address_scope_id", UuidOrNull, Post::Null).put(),
];

static PORT: &[Attribute] = &[
    attribute("name", Text(255), Post::Text("")).put(),
    attribute("network_id", Uuid, Post::Required),
    attribute("admin_state_up", Bool, Post::Bool(true)).put(),
    attribute("mac_address", Mac, Post::Unset).put(),
    attribute("fixed_ips", FixedIps, Post::Unset).put(),
    attribute("status", Any, Post::Refused),
    attribute("device_id", Text(255), Post::Text("")).put(),
    attribute("device_owner", Text(255), Post::Text("")).put(),
    attribute("security_groups", Uuids, Post::Unset).put(),
    attribute("port_security_enabled", Bool, Post::Unset)
        .put()
        .unfiltered(),
    attribute("allowed_address_pairs", AddressPairs, Post::EmptyList)
        .put()
        .unfiltered(),
    attribute("extra_dhcp_opts", List, Post::EmptyList)
        .put()
        .unfiltered(),
    attribute("binding:vnic_type", Text(64), Post::Text("normal")).put(),
    attribute("binding:host_id", Text(255), Post::Text(""))
        .put()
        .access(AdminOnly),
    attribute("binding:profile", Object, Post::Unset)
        .put()
        .access(AdminOnly)
        .unfiltered(),
    attribute("binding:vif_type", Any, Post::Refused).access(AdminOnly),
    attribute("binding:vif_details", Any, Post::Refused)
        .access(AdminOnly)
        .unfiltered(),
    attribute("resource_request", Any, Post::Refused)
        .access(AdminOnly)
        .unfiltered(),
    attribute("qos_policy_id", UuidOrNull, Post::Null).put(),
    attribute("qos_network_policy_id", Any, Post::Refused),
    attribute("dns_name", Text(255), Post::Text("")).put(),
    attribute("dns_assignment", Any, Post::Refused).unfiltered(),
    attribute("ip_allocation", Any, Post::Refused),
    attribute("trunk_details", Any, Post::Refused).unfiltered(),
];

static TRUNK: &[Attribute] = &[
    attribute("name", Text(255), Post::Text("")).put(),
    attribute("port_id", Uuid, Post::Required),
    attribute("admin_state_up", Bool, Post::Bool(true)).put(),
    attribute("sub_ports", Any, Post::EmptyList).unfiltered(),
    attribute("status", Any, Post::Refused),
];

static SECURITY_GROUP: &[Attribute] = &[
    attribute("name", Text(255), Post::Text("")).put(),
    attribute("stateful", Bool, Post::Bool(true)).put(),
    attribute("shared", Any, Post::Refused),
    attribute("security_group_rules", Any, Post::Refused).unfiltered(),
];

static SECURITY_GROUP_RULE: &[Attribute] = &[
    attribute("security_group_id", Uuid, Post::Required),
    attribute("direction", OneOf(&["ingress", "egress"]), Post::Required),
    attribute("ethertype", Any, Post::Text("IPv4")),
    attribute("protocol", Any, Post::Null),
    attribute("port_range_min", IntOrNull, Post::Null),
    attribute("port_range_max", IntOrNull, Post::Null),
    attribute("remote_ip_prefix", Any, Post::Null),
    attribute("remote_group_id", UuidOrNull, Post::Null),
    attribute("remote_address_group_id", UuidOrNull, Post::Null),
    attribute("normalized_cidr", Any, Post::Refused),
];

static ROUTER: &[Attribute] = &[
    attribute("name", Text(255), Post::Text("")).put(),
    attribute("admin_state_up", Bool, Post::Bool(true)).put(),
    attribute("status", Any, Post::Refused),
    attribute("external_gateway_info", Object, Post::Null)
        .put()
        .unfiltered(),
    attribute("availability_zone_hints", List, Post::EmptyList).unfiltered(),
    attribute("availability_zones", Any, Post::Refused).unfiltered(),
    attribute("routes", List, Post::Unset).put().unfiltered(),
];
