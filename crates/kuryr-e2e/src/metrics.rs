//! A program's metrics in Prometheus' text form.

use std::collections::BTreeMap;

const CALLS: &str = "kuryr_openstack_request_duration_seconds_count{";

/// Whether an operation on OpenStack changes nothing there.
fn only_reads(operation: &str) -> bool {
    operation.starts_with("list_") || operation.starts_with("get_") || operation == "login"
}

/// The requests to Neutron that change something, by operation, whatever came of them.
#[must_use]
pub fn changes(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix(CALLS)) {
        let Some((labels, count)) = line.split_once("} ") else {
            continue;
        };
        let (service, operation) = (label(labels, "service"), label(labels, "operation"));
        if service == "network" && !only_reads(operation) {
            *counts.entry(operation.to_owned()).or_default() += count.parse().unwrap_or(0);
        }
    }
    counts
}

/// A metric without labels.
#[must_use]
pub fn value(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(' ')?;
        value.parse().ok()
    })
}

fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let of = |pair: &'a str| {
        pair.strip_prefix(name)?
            .strip_prefix("=\"")?
            .strip_suffix('"')
    };
    labels.split(',').find_map(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# TYPE kuryr_leader gauge
kuryr_leader 1
kuryr_openstack_request_duration_seconds_count{service="network",operation="list_ports",outcome="ok"} 9
kuryr_openstack_request_duration_seconds_count{service="network",operation="create_ports",outcome="ok"} 2
kuryr_openstack_request_duration_seconds_count{service="network",operation="create_ports",outcome="timeout"} 1
kuryr_openstack_request_duration_seconds_count{service="identity",operation="login",outcome="ok"} 1
"#;

    #[test]
    fn changing_calls_are_counted_over_their_outcomes() {
        assert_eq!(
            changes(TEXT),
            BTreeMap::from([("create_ports".to_owned(), 3)])
        );
    }

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        assert_eq!(value(TEXT, "kuryr_leader"), Some(1));
        assert_eq!(value(TEXT, "kuryr"), None);
    }
}
