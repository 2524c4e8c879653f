//! The extensions that the cloud lists, as Neutron 21 does for each backend, less those that [`Settings`] leaves out.

use serde_json::{Value, json};

use super::settings::{Backend, Settings};

/// Alias, name, date of the last change. Those of which nothing is embedded (QoS, floating IPs) are left out.
const COMMON: &[(&str, &str, &str)] = &[
    ("agent", "agent", "2013-02-03T10:00:00-00:00"),
    (
        "allowed-address-pairs",
        "Allowed Address Pairs",
        "2013-07-23T10:00:00-00:00",
    ),
    ("binding", "Port Binding", "2014-02-03T10:00:00-00:00"),
    (
        "external-net",
        "Neutron external network",
        "2013-01-14T10:00:00-00:00",
    ),
    (
        "filter-validation",
        "Filter parameters validation",
        "2018-07-04T10:00:00-00:00",
    ),
    (
        "ip_allocation",
        "IP Allocation",
        "2016-06-10T23:00:00-00:00",
    ),
    ("net-mtu", "Network MTU", "2015-03-25T10:00:00-00:00"),
    (
        "network-ip-availability",
        "Network IP Availability",
        "2015-09-24T00:00:00-00:00",
    ),
    (
        "pagination",
        "Pagination support",
        "2016-06-12T00:00:00-00:00",
    ),
    (
        "port-security",
        "Port Security",
        "2012-07-23T10:00:00-00:00",
    ),
    (
        "project-id",
        "project_id field enabled",
        "2016-09-09T09:09:09-09:09",
    ),
    ("provider", "Provider Network", "2012-09-07T10:00:00-00:00"),
    (
        "quota_details",
        "Quota details management support",
        "2017-02-10T10:00:00-00:00",
    ),
    (
        "quotas",
        "Quota management support",
        "2012-07-29T10:00:00-00:00",
    ),
    (
        "revision-if-match",
        "If-Match constraints based on revision_number",
        "2016-12-11T00:00:00-00:00",
    ),
    ("router", "Neutron L3 Router", "2012-07-20T10:00:00-00:00"),
    (
        "security-group",
        "security-group",
        "2012-10-05T10:00:00-00:00",
    ),
    (
        "security-groups-normalized-cidr",
        "Normalized CIDR field for security group rules",
        "2020-07-28T10:00:00-00:00",
    ),
    ("sorting", "Sorting support", "2016-06-12T00:00:00-00:00"),
    (
        "standard-attr-description",
        "standard-attr-description",
        "2016-02-10T10:00:00-00:00",
    ),
    (
        "standard-attr-revisions",
        "Resource revision numbers",
        "2016-04-11T10:00:00-00:00",
    ),
    (
        "standard-attr-tag",
        "Tag support for resources with standard attribute",
        "2017-01-01T00:00:00-00:00",
    ),
    (
        "standard-attr-timestamp",
        "Resource timestamps",
        "2016-09-12T10:00:00-00:00",
    ),
    (
        "stateful-security-group",
        "Stateful security group",
        "2019-11-26T09:00:00-00:00",
    ),
    (
        "subnet_allocation",
        "Subnet Allocation",
        "2015-03-30T10:00:00-00:00",
    ),
    ("trunk", "Trunk Extension", "2016-01-01T10:00:00-00:00"),
    (
        "trunk-details",
        "Trunk port details",
        "2016-01-01T10:00:00-00:00",
    ),
];

const OVS_ONLY: &[(&str, &str, &str)] = &[(
    "tag-ports-during-bulk-creation",
    "Tag Ports During Bulk Creation",
    "2019-12-29T19:00:00-00:00",
)];

/// The list that `GET /v2.0/extensions` answers.
pub(super) fn list(settings: &Settings) -> Vec<Value> {
    let of_backend = match settings.backend {
        Backend::Ovn => &[],
        Backend::Ovs => OVS_ONLY,
    };
    let there = |(alias, ..): &&(&str, &str, &str)| {
        !settings
            .missing_extensions
            .iter()
            .any(|missing| missing == alias)
    };
    let describe = |(alias, name, updated): &(&str, &str, &str)| json!({"alias": alias, "name": name, "description": name, "updated": updated, "links": []});
    COMMON
        .iter()
        .chain(of_backend)
        .filter(there)
        .map(describe)
        .collect()
}
