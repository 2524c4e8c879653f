//! Members: the ready endpoints of a port.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Draft, families, port_text, subnet_at};
use crate::service::complaint::Reason;
use crate::service::model::{Endpoint, Family, Id, ServicePort, Slice};
use crate::service::settings::MemberMode;
use crate::service::tree::{Member, Vip};

/// Octavia takes no longer names.
const NAME_MAX: usize = 255;

impl Draft<'_> {
    /// The union over all slices. A named target port that differs by pod is in slices of its
    /// own, each with its number: name and protocol say which of the Service's ports it is.
    pub(super) fn members(&mut self, port: &ServicePort, vips: &[Vip]) -> Vec<Member> {
        let families = families(vips);
        let mut members = BTreeMap::new();
        let mut any_port = false;
        let mut outside = BTreeSet::new();
        let last_resort = self.is_last_resort();
        for slice in &self.slices {
            if !slice.family.is_some_and(|f| families.contains(&f)) {
                continue;
            }
            for number in ports_of(slice, port) {
                let Some(number) = number else {
                    any_port = true;
                    continue;
                };
                let used = |e: &&Endpoint| {
                    if last_resort {
                        e.serving && e.terminating
                    } else {
                        self.used(e)
                    }
                };
                for endpoint in slice.endpoints.iter().filter(used) {
                    let Some(member) = self.member(slice, endpoint, number, vips) else {
                        continue;
                    };
                    if self.is_operators() || self.settings.allowed.may_be_member(member.address) {
                        members.insert((member.address, number), member);
                    } else {
                        outside.insert(member.address);
                    }
                }
            }
        }
        if any_port {
            let about = port_text(port);
            let message = format!("endpoints of {about} have no port number and are left out");
            self.complain(Reason::KuryrSkipMember, about, message);
        }
        if let Some(first) = outside.first() {
            let message = format!(
                "{} endpoints are left out, {first} the first of them: they are not in the subnets where the operator lets \
                 members be ([kuryr] lb_members)",
                outside.len()
            );
            self.complain(Reason::KuryrSkipMember, "", message);
        }
        members.into_values().collect()
    }

    /// Whether all endpoints that could be used are on their way out: those that still serve are better than none, and
    /// kube-proxy uses them too (KEP-1669).
    fn is_last_resort(&self) -> bool {
        let mut all = self.slices.iter().flat_map(|s| &s.endpoints);
        !all.any(|e| self.used(e))
    }

    fn used(&self, endpoint: &Endpoint) -> bool {
        !endpoint.terminating && (endpoint.ready || self.service.publish_not_ready)
    }

    fn member(&self, slice: &Slice, of: &Endpoint, port: u16, vips: &[Vip]) -> Option<Member> {
        // Port 0 and unspecified addresses are what Octavia refuses a whole batch for.
        let address = *of.addresses.first()?;
        let fits = Some(Family::of(address)) == slice.family && !address.is_unspecified();
        (fits && port > 0).then(|| Member {
            address,
            port,
            name: member_name(slice, of, address, port),
            subnet: self.member_subnet(&slice.namespace, address, vips),
            weight: 1,
        })
    }

    fn member_subnet(&self, namespace: &Id, address: IpAddr, vips: &[Vip]) -> Option<Id> {
        let same = |v: &&Vip| Family::of(v.address) == Family::of(address);
        let vip = vips.iter().find(same).map(|v| v.subnet.clone());
        match self.settings.member_mode {
            MemberMode::L3 => vip,
            MemberMode::L2 => {
                let own = subnet_at(self.settings, namespace, address).cloned();
                own.or_else(|| vip.filter(|_| self.traits.member_subnet))
            }
        }
    }
}

/// Numbers of a slice's ports that are `port` of the Service.
fn ports_of<'a>(slice: &'a Slice, port: &'a ServicePort) -> impl Iterator<Item = Option<u16>> + 'a {
    slice
        .ports
        .iter()
        .filter(move |p| p.protocol == port.protocol && p.name == port.name)
        .map(|p| p.port)
}

fn member_name(slice: &Slice, of: &Endpoint, address: IpAddr, port: u16) -> Id {
    let name = match &of.pod {
        Some((namespace, pod)) => format!("{namespace}/{pod}:{port}"),
        None => format!("{}/{address}:{port}", slice.namespace),
    };
    match name.char_indices().nth(NAME_MAX) {
        Some((end, _)) => name[..end].into(),
        None => name.into(),
    }
}
