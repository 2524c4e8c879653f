//! The extensions that the cloud lists, as Neutron 21 does for each backend, less those that [`Settings`] leaves out.

use serde_json::{Value, json};

use super::settings::{Backend, Settings};

/// Those of which nothing is embedded (QoS) are left out.
const COMMON: &[Extension] = &[
    Extension {
        alias: "agent",
        name: "agent",
        description: "The agent management extension.",
        updated: "2013-02-03T10:00:00-00:00",
    },
    Extension {
        alias: "allowed-address-pairs",
        name: "Allowed Address Pairs",
        description: "Provides allowed address pairs",
        updated: "2013-07-23T10:00:00-00:00",
    },
    Extension {
        alias: "binding",
        name: "Port Binding",
        description: "Expose port bindings of a virtual port to external application",
        updated: "2014-02-03T10:00:00-00:00",
    },
    Extension {
        alias: "external-net",
        name: "Neutron external network",
        description: "Adds external network attribute to network resource.",
        updated: "2013-01-14T10:00:00-00:00",
    },
    Extension {
        alias: "filter-validation",
        name: "Filter parameters validation",
        description: "Provides validation on filter parameters.",
        updated: "2018-07-04T10:00:00-00:00",
    },
    Extension {
        alias: "ip_allocation",
        name: "IP Allocation",
        description: "IP allocation extension.",
        updated: "2016-06-10T23:00:00-00:00",
    },
    Extension {
        alias: "net-mtu",
        name: "Network MTU",
        description: "Provides MTU attribute for a network resource.",
        updated: "2015-03-25T10:00:00-00:00",
    },
    Extension {
        alias: "network-ip-availability",
        name: "Network IP Availability",
        description: "Provides IP availability data for each network and subnet.",
        updated: "2015-09-24T00:00:00-00:00",
    },
    Extension {
        alias: "pagination",
        name: "Pagination support",
        description: "Extension that indicates that pagination is enabled.",
        updated: "2016-06-12T00:00:00-00:00",
    },
    Extension {
        alias: "port-security",
        name: "Port Security",
        description: "Provides port security",
        updated: "2012-07-23T10:00:00-00:00",
    },
    Extension {
        alias: "project-id",
        name: "project_id field enabled",
        description: "Extension that indicates that project_id field is enabled.",
        updated: "2016-09-09T09:09:09-09:09",
    },
    Extension {
        alias: "provider",
        name: "Provider Network",
        description: "Expose mapping of virtual networks to physical networks",
        updated: "2012-09-07T10:00:00-00:00",
    },
    Extension {
        alias: "quota_details",
        name: "Quota details management support",
        description: "Expose functions for quotas usage statistics per project",
        updated: "2017-02-10T10:00:00-00:00",
    },
    Extension {
        alias: "quotas",
        name: "Quota management support",
        description: "Expose functions for quotas management per project",
        updated: "2012-07-29T10:00:00-00:00",
    },
    Extension {
        alias: "revision-if-match",
        name: "If-Match constraints based on revision_number",
        description: "Extension indicating that If-Match based on revision_number is supported.",
        updated: "2016-12-11T00:00:00-00:00",
    },
    Extension {
        alias: "router",
        name: "Neutron L3 Router",
        description: "Router abstraction for basic L3 forwarding between L2 Neutron networks and access to external networks via a NAT gateway.",
        updated: "2012-07-20T10:00:00-00:00",
    },
    Extension {
        alias: "security-group",
        name: "security-group",
        description: "The security groups extension.",
        updated: "2012-10-05T10:00:00-00:00",
    },
    Extension {
        alias: "security-groups-normalized-cidr",
        name: "Normalized CIDR field for security group rules",
        description: "Add new field with normalized remote_ip_prefix cidr in SG rule",
        updated: "2020-07-28T10:00:00-00:00",
    },
    Extension {
        alias: "sorting",
        name: "Sorting support",
        description: "Extension that indicates that sorting is enabled.",
        updated: "2016-06-12T00:00:00-00:00",
    },
    Extension {
        alias: "standard-attr-description",
        name: "standard-attr-description",
        description: "Extension to add descriptions to standard attributes",
        updated: "2016-02-10T10:00:00-00:00",
    },
    Extension {
        alias: "standard-attr-revisions",
        name: "Resource revision numbers",
        description: "This extension will display the revision number of neutron resources.",
        updated: "2016-04-11T10:00:00-00:00",
    },
    Extension {
        alias: "standard-attr-tag",
        name: "Tag support for resources with standard attribute: port, subnet, subnetpool, network, security_group, router, floatingip, policy, trunk, network_segment_range",
        description: "Enables to set tag on resources with standard attribute.",
        updated: "2017-01-01T00:00:00-00:00",
    },
    Extension {
        alias: "standard-attr-timestamp",
        name: "Resource timestamps",
        description: "Adds created_at and updated_at fields to all Neutron resources that have Neutron standard attributes.",
        updated: "2016-09-12T10:00:00-00:00",
    },
    Extension {
        alias: "stateful-security-group",
        name: "Stateful security group",
        description: "Indicates if the security group is stateful or not",
        updated: "2019-11-26T09:00:00-00:00",
    },
    Extension {
        alias: "subnet_allocation",
        name: "Subnet Allocation",
        description: "Enables allocation of subnets from a subnet pool",
        updated: "2015-03-30T10:00:00-00:00",
    },
    Extension {
        alias: "trunk",
        name: "Trunk Extension",
        description: "Provides support for trunk ports",
        updated: "2016-01-01T10:00:00-00:00",
    },
    Extension {
        alias: "trunk-details",
        name: "Trunk port details",
        description: "Expose trunk port details",
        updated: "2016-01-01T10:00:00-00:00",
    },
];

const OVS_ONLY: &[Extension] = &[Extension {
    alias: "tag-ports-during-bulk-creation",
    name: "Tag Ports During Bulk Creation",
    description: "Allow to tag ports during bulk creation",
    updated: "2019-12-29T19:00:00-00:00",
}];

/// The list that `GET /v2.0/extensions` answers.
pub(super) fn list(settings: &Settings) -> Vec<Value> {
    let of_backend = match settings.backend {
        Backend::Ovn => &[],
        Backend::Ovs => OVS_ONLY,
    };
    COMMON
        .iter()
        .chain(of_backend)
        .filter(|extension| !is_missing(settings, extension.alias))
        .map(Extension::describe)
        .collect()
}

/// Whether the cloud is to lack an extension, and so the paths that it brings.
pub(super) fn is_missing(settings: &Settings, alias: &str) -> bool {
    settings
        .missing_extensions
        .iter()
        .any(|missing| missing == alias)
}

/// An extension as it is listed.
struct Extension {
    alias: &'static str,
    name: &'static str,
    description: &'static str,
    updated: &'static str,
}

impl Extension {
    fn describe(&self) -> Value {
        json!({
            "alias": self.alias, "name": self.name, "description": self.description, "updated": self.updated,
            "links": [],
        })
    }
}
