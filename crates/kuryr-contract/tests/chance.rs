//! No case asks the cloud for a value that the cloud may have chosen for something else by then: such a case would fail by
//! chance, seldom, on the real services alone.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use kuryr_contract::case::{Case, Step};
use kuryr_contract::suite;
use serde_json::Value;

/// Neutron's `base_mac`: it chooses the three bytes after these.
const CHOSEN_MACS: &str = "fa:16:3e";

/// Neutron chooses among the first free addresses of a pool, in an IPv6 subnet too.
const FIRST_OF_IPV6: u128 = 1 << 16;

fn cases_of(service: &str) -> Vec<Case> {
    Case::read_all(&suite::root().join("cases").join(service)).unwrap()
}

fn cases() -> Vec<Case> {
    ["neutron", "octavia"]
        .into_iter()
        .flat_map(cases_of)
        .collect()
}

/// The values at a field of this name, however deep in a body.
fn at<'a>(body: &'a Value, field: &str, found: &mut Vec<&'a Value>) {
    match body {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            if name == field {
                found.push(value);
            }
            at(value, field, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| at(item, field, found)),
        _ => {}
    }
}

fn all<'a>(steps: &'a [Step], field: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for body in steps.iter().filter_map(|step| step.body.as_ref()) {
        at(body, field, &mut found);
    }
    found
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

/// A subnet of a case: its range, and whether the cloud may choose an address of it for a port.
struct Subnet {
    range: IpNet,
    pools: Vec<(IpAddr, IpAddr)>,
}

impl Subnet {
    fn of(subnet: &Value) -> Option<Self> {
        let pools = subnet["allocation_pools"].as_array().into_iter().flatten();
        Some(Self {
            range: subnet["cidr"].as_str()?.parse().ok()?,
            pools: pools
                .filter_map(|pool| Some((address(&pool["start"])?, address(&pool["end"])?)))
                .collect(),
        })
    }

    fn may_choose(&self, address: IpAddr) -> bool {
        if !self.range.contains(&address) {
            return false;
        }
        match (address, self.range.network()) {
            (IpAddr::V6(address), IpAddr::V6(first)) if self.pools.is_empty() => {
                let bits = |address: Ipv6Addr| u128::from(address);
                bits(address) - bits(first) < FIRST_OF_IPV6
            }
            _ if self.pools.is_empty() => true,
            _ => self
                .pools
                .iter()
                .any(|(start, end)| (*start..=*end).contains(&address)),
        }
    }
}

#[test]
fn no_case_asks_for_an_address_that_the_cloud_may_choose() {
    let mut asked = 0;
    for case in cases() {
        let subnets = all(&case.steps, "subnet");
        let subnets: Vec<Subnet> = subnets.into_iter().filter_map(Subnet::of).collect();
        let mut wanted: Vec<IpAddr> = Vec::new();
        for fixed in all(&case.steps, "fixed_ips") {
            let mut addresses = Vec::new();
            at(fixed, "ip_address", &mut addresses);
            wanted.extend(addresses.into_iter().filter_map(address));
        }
        for field in ["vip_address", "floating_ip_address"] {
            wanted.extend(all(&case.steps, field).into_iter().filter_map(address));
        }
        asked += wanted.len();
        for address in wanted {
            assert!(
                !subnets.iter().any(|subnet| subnet.may_choose(address)),
                "{}: {address}: give its subnet allocation_pools without it",
                case.name
            );
        }
    }
    assert!(asked > 20, "the addresses are not where they were");
}

#[test]
fn no_case_asks_for_a_mac_that_the_cloud_may_choose() {
    for case in cases() {
        for mac in all(&case.steps, "mac_address") {
            let mac = mac.as_str().unwrap_or_default();
            assert!(!mac.starts_with(CHOSEN_MACS), "{}: {mac}", case.name);
        }
    }
}

/// `resourceVersion=0` asks the API server's cache, which before Kubernetes 1.31 is a hash map that may be late:
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list>.
#[test]
fn no_case_expects_an_order_or_haste_of_the_api_servers_cache() {
    let mut asked = 0;
    for case in cases_of("kubernetes") {
        for step in &case.steps {
            let send = step.send.as_deref().unwrap_or_default();
            if step.quiet || !send.contains("resourceVersion=0") {
                continue;
            }
            asked += 1;
            assert_eq!(step.ordered, Some(false), "{}: {send}", case.name);
            let late = !send.contains("watch=true") && step.until.is_empty();
            assert!(!late, "{}: {send}: say `until` it is there", case.name);
        }
    }
    assert!(asked > 1, "the lists of the cache are not where they were");
}

#[test]
fn a_pool_keeps_an_address_from_being_chosen() {
    let subnet = |pools| {
        let subnet = serde_json::json!({"cidr": "10.0.0.0/24", "allocation_pools": pools});
        Subnet::of(&subnet).unwrap()
    };
    let pool = serde_json::json!([{"start": "10.0.0.100", "end": "10.0.0.200"}]);
    let address = |text: &str| text.parse().unwrap();
    assert!(subnet(Value::Null).may_choose(address("10.0.0.50")));
    assert!(!subnet(pool.clone()).may_choose(address("10.0.0.50")));
    assert!(subnet(pool.clone()).may_choose(address("10.0.0.150")));
    assert!(!subnet(pool).may_choose(address("10.1.0.150")));
}
