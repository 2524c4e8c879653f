//! The attributes of each kind, with the names and defaults of the Neutron API v2.0.

use super::schema::{Access, Attribute, Post, Shape};

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

pub(super) static COMMON: &[Attribute] = &[
    attribute("id", Uuid, Post::Refused),
    attribute("project_id", Text(255), Post::Unset),
    attribute("tenant_id", Text(255), Post::Unset),
    attribute("description", Text(255), Post::Text("")).put(),
    attribute("tags", List, Post::Refused),
    attribute("created_at", Any, Post::Refused).unfiltered(),
    attribute("updated_at", Any, Post::Refused).unfiltered(),
    attribute("revision_number", Int, Post::Refused),
];

pub(super) static NETWORK: &[Attribute] = &[
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

pub(super) static SUBNET: &[Attribute] = &[
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

pub(super) static SUBNET_POOL: &[Attribute] = &[
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

pub(super) static PORT: &[Attribute] = &[
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

pub(super) static TRUNK: &[Attribute] = &[
    attribute("name", Text(255), Post::Text("")).put(),
    attribute("port_id", Uuid, Post::Required),
    attribute("admin_state_up", Bool, Post::Bool(true)).put(),
    attribute("sub_ports", Any, Post::EmptyList).unfiltered(),
    attribute("status", Any, Post::Refused).unfiltered(),
];

pub(super) static SECURITY_GROUP: &[Attribute] = &[
    attribute("name", Text(255), Post::Text("")).put(),
    attribute("stateful", Bool, Post::Bool(true)).put(),
    attribute("shared", Any, Post::Refused),
    attribute("security_group_rules", Any, Post::Refused).unfiltered(),
];

pub(super) static SECURITY_GROUP_RULE: &[Attribute] = &[
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

pub(super) static ROUTER: &[Attribute] = &[
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

pub(super) static FLOATING_IP: &[Attribute] = &[
    attribute("floating_network_id", Uuid, Post::Required),
    attribute("subnet_id", UuidOrNull, Post::Null).unfiltered(),
    attribute("floating_ip_address", IpOrNull, Post::Null).access(AdminSets),
    attribute("port_id", UuidOrNull, Post::Null).put(),
    attribute("fixed_ip_address", IpOrNull, Post::Null).put(),
    attribute("router_id", Any, Post::Refused),
    attribute("status", Any, Post::Refused),
    attribute("dns_domain", Text(255), Post::Text("")).unfiltered(),
    attribute("dns_name", Text(255), Post::Text("")).unfiltered(),
    attribute("port_forwardings", Any, Post::Refused).unfiltered(),
];
