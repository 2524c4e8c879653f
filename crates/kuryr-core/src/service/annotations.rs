//! What a Service's annotations say of its load balancer.
//!
//! Names are upstream's and cloud-provider-openstack's where they have one.

use std::collections::BTreeMap;

use super::complaint::{Complaint, Reason};
use crate::Id;

/// Milliseconds that a client may be silent; upstream's.
pub const TIMEOUT_CLIENT: &str = "openstack.org/kuryr-timeout-client-data";
/// Milliseconds that a member may be silent; upstream's.
pub const TIMEOUT_MEMBER: &str = "openstack.org/kuryr-timeout-member-data";
/// Octavia provider.
pub const PROVIDER: &str = "openstack.org/kuryr-lb-provider";
/// Milliseconds that a client may be silent.
pub const CPO_TIMEOUT_CLIENT: &str = "loadbalancer.openstack.org/timeout-client-data";
/// Milliseconds that a member may be silent.
pub const CPO_TIMEOUT_MEMBER: &str = "loadbalancer.openstack.org/timeout-member-data";
/// Octavia flavor.
pub const FLAVOR: &str = "loadbalancer.openstack.org/flavor-id";
/// Network to take the floating IP from.
pub const FLOATING_NETWORK: &str = "loadbalancer.openstack.org/floating-network-id";
/// Subnet to take the floating IP from.
pub const FLOATING_SUBNET: &str = "loadbalancer.openstack.org/floating-subnet-id";
/// The floating IP; successor of `spec.loadBalancerIP`.
pub const ADDRESS: &str = "loadbalancer.openstack.org/load-balancer-address";
/// `true`: no floating IP.
pub const INTERNAL: &str = "service.beta.kubernetes.io/openstack-internal-load-balancer";
/// `true` or `false`: health monitors.
pub const MONITOR: &str = "loadbalancer.openstack.org/enable-health-monitor";
/// Seconds between two checks.
pub const MONITOR_DELAY: &str = "loadbalancer.openstack.org/health-monitor-delay";
/// Seconds for one check.
pub const MONITOR_TIMEOUT: &str = "loadbalancer.openstack.org/health-monitor-timeout";
/// Failed checks after which a member is down.
pub const MONITOR_RETRIES: &str = "loadbalancer.openstack.org/health-monitor-max-retries";
/// Namespaces, separated by commas, whose Services may share this one's load balancer; `*`: all.
pub const SHARED_WITH: &str = "openstack.org/kuryr-lb-shared-with";
/// A load balancer that several Services share.
pub const SHARED: &str = "loadbalancer.openstack.org/load-balancer-id";

/// Who may connect, separated by commas, where `spec.loadBalancerSourceRanges` says nothing.
pub const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// Prefix of cloud-provider-openstack's annotations.
const CPO: &str = "loadbalancer.openstack.org/";

/// Those of them that have an effect.
const CPO_SERVED: [&str; 11] = [
    CPO_TIMEOUT_CLIENT,
    CPO_TIMEOUT_MEMBER,
    FLAVOR,
    FLOATING_NETWORK,
    FLOATING_SUBNET,
    ADDRESS,
    MONITOR,
    MONITOR_DELAY,
    MONITOR_TIMEOUT,
    MONITOR_RETRIES,
    SHARED,
];

/// Each is none where the annotation is absent or can't be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// [`PROVIDER`].
    pub provider: Option<Id>,
    /// [`FLAVOR`].
    pub flavor: Option<Id>,
    /// [`TIMEOUT_CLIENT`], milliseconds.
    pub timeout_client: Option<u32>,
    /// [`TIMEOUT_MEMBER`], milliseconds.
    pub timeout_member: Option<u32>,
    /// [`FLOATING_NETWORK`].
    pub floating_network: Option<Id>,
    /// [`FLOATING_SUBNET`].
    pub floating_subnet: Option<Id>,
    /// [`ADDRESS`], as written.
    pub address: Option<Id>,
    /// [`INTERNAL`].
    pub internal: bool,
    /// [`MONITOR`].
    pub monitor: Option<bool>,
    /// [`MONITOR_DELAY`], seconds.
    pub monitor_delay: Option<u16>,
    /// [`MONITOR_TIMEOUT`], seconds.
    pub monitor_timeout: Option<u16>,
    /// [`MONITOR_RETRIES`].
    pub monitor_retries: Option<u8>,
    /// [`SHARED`].
    pub shared: Option<Id>,
    /// [`SHARED_WITH`].
    pub shared_with: Vec<Id>,
}

/// Reads a Service's annotations; what can't be read is as if absent, and complained about.
#[must_use]
pub fn parse(all: &BTreeMap<String, String>) -> (Annotations, Vec<Complaint>) {
    let mut reader = Reader {
        all,
        complaints: Vec::new(),
    };
    let r = &mut reader;
    let annotations = Annotations {
        provider: r.text(PROVIDER),
        flavor: r.text(FLAVOR),
        timeout_client: r
            .number(TIMEOUT_CLIENT, 1, TIMEOUT_MAX)
            .or_else(|| r.number(CPO_TIMEOUT_CLIENT, 1, TIMEOUT_MAX)),
        timeout_member: r
            .number(TIMEOUT_MEMBER, 1, TIMEOUT_MAX)
            .or_else(|| r.number(CPO_TIMEOUT_MEMBER, 1, TIMEOUT_MAX)),
        floating_network: r.text(FLOATING_NETWORK),
        floating_subnet: r.text(FLOATING_SUBNET),
        address: r.text(ADDRESS),
        internal: r.truth(INTERNAL).unwrap_or(false),
        monitor: r.truth(MONITOR),
        monitor_delay: r.number(MONITOR_DELAY, 1, 3600).map(|n| n as u16),
        monitor_timeout: r.number(MONITOR_TIMEOUT, 1, 3600).map(|n| n as u16),
        monitor_retries: r.number(MONITOR_RETRIES, 1, 10).map(|n| n as u8),
        shared: r.text(SHARED),
        shared_with: r.list(SHARED_WITH),
    };
    reader.not_served();
    (annotations, reader.complaints)
}

/// Who may connect, as the annotation has it.
#[must_use]
pub fn source_ranges(all: &BTreeMap<String, String>) -> Vec<Id> {
    all.get(SOURCE_RANGES)
        .map_or_else(Vec::new, |text| items(text))
}

/// What stands between commas.
fn items(text: &str) -> Vec<Id> {
    let items = text.split(',').map(str::trim).filter(|i| !i.is_empty());
    items.map(Id::from).collect()
}

/// What Octavia keeps a timeout in, milliseconds: 24 days.
const TIMEOUT_MAX: u32 = i32::MAX as u32;

struct Reader<'a> {
    all: &'a BTreeMap<String, String>,
    complaints: Vec<Complaint>,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> Option<Id> {
        let text = self.all.get(name)?.trim();
        (!text.is_empty()).then(|| text.into())
    }

    fn list(&self, name: &str) -> Vec<Id> {
        self.text(name).map_or_else(Vec::new, |text| items(&text))
    }

    fn number(&mut self, name: &str, least: u32, most: u32) -> Option<u32> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.bad(name, &text, &format!("a number from {least} to {most}"));
        }
        number
    }

    fn truth(&mut self, name: &str) -> Option<bool> {
        let text = self.text(name)?;
        let truth = text.parse().ok();
        if truth.is_none() {
            self.bad(name, &text, "true or false");
        }
        truth
    }

    /// Others of the cloud provider's are somebody's wish that nobody fulfils.
    fn not_served(&mut self) {
        let strange =
            |name: &&String| name.starts_with(CPO) && !CPO_SERVED.contains(&name.as_str());
        for name in self.all.keys().filter(strange) {
            let message = format!("annotation {name} has no effect on load balancers of Kuryr's");
            let complaint = Complaint::new(Reason::AnnotationNotServed, name, message);
            self.complaints.push(complaint);
        }
    }

    fn bad(&mut self, name: &str, text: &str, wanted: &str) {
        // Events have room for 1,024 bytes.
        let shown: String = text.chars().take(80).collect();
        let message =
            format!("annotation {name} is {shown:?}, not {wanted}; it is as if it were absent");
        self.complaints
            .push(Complaint::new(Reason::InvalidValue, name, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Annotations, Vec<Complaint>) {
        let all = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        parse(&all.collect())
    }

    #[test]
    fn upstreams_timeout_comes_before_cloud_providers() {
        let (a, none) = read(&[(TIMEOUT_CLIENT, "7000"), (CPO_TIMEOUT_CLIENT, "8000")]);
        assert_eq!((a.timeout_client, none), (Some(7000), vec![]));
    }

    #[test]
    fn what_is_no_number_is_told_and_left_out() {
        for bad in ["soon", "-1", "0", "1.5", "99999999999"] {
            let (a, complaints) = read(&[(TIMEOUT_MEMBER, bad), (INTERNAL, "true")]);
            assert_eq!(a.timeout_member, None);
            assert!(a.internal, "the others are read");
            assert_eq!(complaints.len(), 1);
            let told = &complaints[0];
            assert_eq!(told.reason, Reason::InvalidValue);
            assert!(told.message.contains(TIMEOUT_MEMBER) && told.message.contains(bad));
        }
    }

    #[test]
    fn a_list_has_no_empty_items() {
        let (a, none) = read(&[(SHARED_WITH, "shop, *,")]);
        assert_eq!(
            (a.shared_with, none),
            (vec!["shop".into(), "*".into()], vec![])
        );
    }

    #[test]
    fn a_wish_of_another_providers_that_nobody_fulfils_is_told() {
        let keep = "loadbalancer.openstack.org/keep-floatingip";
        let (_, told) = read(&[(keep, "true"), (FLAVOR, "f"), ("example.com/x", "y")]);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].reason, &*told[0].about),
            (Reason::AnnotationNotServed, keep)
        );
    }

    #[test]
    fn source_ranges_are_a_list() {
        let all = [(
            SOURCE_RANGES.to_owned(),
            "172.16.0.0/12, 10.0.0.0/8,".to_owned(),
        )];
        let ranges = source_ranges(&all.into());
        assert_eq!(ranges, ["172.16.0.0/12".into(), "10.0.0.0/8".into()]);
    }

    #[test]
    fn an_empty_annotation_is_an_absent_one() {
        assert_eq!(
            read(&[(PROVIDER, " "), (MONITOR, "")]).0,
            Annotations::default()
        );
    }
}
