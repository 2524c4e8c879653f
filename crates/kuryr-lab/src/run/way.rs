//! The steps of one packet from a pod to another, with the names and numbers of this run. Pure.

use std::net::IpAddr;

use super::{PodRow, Worker};
use crate::topology::names;
use crate::topology::plan::Wired;
use kuryr_api::names::DEFAULT_IFNAME;
use kuryr_api::vif::link_name;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// Where it happens.
    pub place: String,
    /// What happens there.
    pub what: String,
}

/// A pod as the end of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The pod's name.
    pub pod: String,
    /// Its address.
    pub address: IpAddr,
    /// Its worker.
    pub worker: Worker,
    /// Its port in Neutron.
    pub subport: String,
    /// The port's VLAN on the worker's trunk.
    pub vlan: u16,
    /// VNI of the port's network.
    pub vni: u32,
    /// Number of the worker's hypervisor, from 1.
    pub hypervisor: usize,
}

impl Side {
    /// The end of a pod that is plugged and wired.
    pub fn of(
        pod: &PodRow,
        workers: &[Worker],
        wired: &Wired,
        hypervisors: &[String],
    ) -> Option<Self> {
        let worker = workers
            .iter()
            .find(|worker| Some(&worker.name) == pod.node.as_ref())?;
        let subport = pod.subport.clone()?;
        let leg = wired.ports.get(&subport)?;
        let number = hypervisors.iter().position(|name| *name == leg.host)? + 1;
        Some(Self {
            pod: pod.title(),
            address: *pod.addresses.first()?,
            worker: worker.clone(),
            vlan: leg.vlan?,
            vni: leg.vni,
            hypervisor: number,
            subport,
        })
    }

    fn tap(&self) -> String {
        names::tap(&self.worker.parent)
    }

    fn bridge(&self) -> String {
        names::bridge(self.vni)
    }
}

/// The steps of a packet from one pod to another of the same network.
pub(super) fn way(from: &Side, to: &Side) -> Vec<Step> {
    let mut steps = sending(from, to);
    if from.hypervisor != to.hypervisor {
        steps.extend(encapsulation(from, to));
    }
    steps.extend(receiving(from, to));
    steps
}

fn sending(from: &Side, to: &Side) -> Vec<Step> {
    let (hypervisor, uplink) = (&from.worker.hypervisor, &from.worker.uplink);
    vec![
        step(
            &from.pod,
            format!("{DEFAULT_IFNAME} {} sends to {}", from.address, to.address),
        ),
        step(
            &from.worker.name,
            format!(
                "{} > {uplink}: pushes VLAN tag {}, the one of subport {}",
                link_name(&from.subport),
                from.vlan,
                short(&from.subport),
            ),
        ),
        step(
            hypervisor,
            format!(
                "{} > {}: pops VLAN tag {}, the port's security group lets it pass, \
                 bridge {} is the network",
                from.tap(),
                names::bridge_port(&from.subport),
                from.vlan,
                from.bridge(),
            ),
        ),
    ]
}

fn encapsulation(from: &Side, to: &Side) -> Vec<Step> {
    let (here, there) = (from.hypervisor, to.hypervisor);
    vec![
        step(
            &from.worker.hypervisor,
            format!(
                "{}: wraps it in VXLAN with VNI {}, the only encapsulation",
                names::vxlan(from.vni, there),
                from.vni,
            ),
        ),
        step(
            "underlay",
            format!(
                "{} > {}, UDP port {}",
                names::underlay_address(here),
                names::underlay_address(there),
                names::vxlan_port(here, there),
            ),
        ),
        step(
            &to.worker.hypervisor,
            format!(
                "{}: unwraps it into bridge {}",
                names::vxlan(to.vni, here),
                to.bridge()
            ),
        ),
    ]
}

fn receiving(from: &Side, to: &Side) -> Vec<Step> {
    let back = if from.worker.name == to.worker.name {
        "back "
    } else {
        ""
    };
    vec![
        step(
            &to.worker.hypervisor,
            format!(
                "{} > {}: {}'s security group lets it pass, pushes VLAN tag {}",
                names::bridge_port(&to.subport),
                to.tap(),
                to.pod,
                to.vlan,
            ),
        ),
        step(
            &to.worker.name,
            format!(
                "{} > {}: pops VLAN tag {}, {back}into the pod",
                to.worker.uplink,
                link_name(&to.subport),
                to.vlan,
            ),
        ),
        step(&to.pod, format!("{DEFAULT_IFNAME} {} has it", to.address)),
    ]
}

fn step(place: &str, what: String) -> Step {
    Step {
        place: place.to_owned(),
        what,
    }
}

/// First bytes of an id, as people call it.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn side(number: u8, worker: usize, hypervisor: usize) -> Side {
        Side {
            pod: format!("pod-{number}"),
            address: format!("10.20.0.{number}").parse().unwrap(),
            worker: Worker {
                name: format!("worker{worker}"),
                address: "10.10.0.5".parse().unwrap(),
                netns: "/run/netns/x".into(),
                uplink: "eth0".to_owned(),
                parent: format!("{worker}eeeeeee-1111-2222-3333-444444444444"),
                hypervisor: format!("hv{hypervisor}"),
            },
            subport: format!("{number}aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
            vlan: 100 + u16::from(number),
            vni: 1042,
            hypervisor,
        }
    }

    fn text(from: &Side, to: &Side) -> Vec<String> {
        way(from, to)
            .iter()
            .map(|step| format!("{}: {}", step.place, step.what))
            .collect()
    }

    #[test]
    fn a_packet_to_another_hypervisor_is_encapsulated_once() {
        let steps = text(&side(1, 1, 1), &side(2, 2, 2));
        assert_eq!(
            steps.iter().filter(|step| step.contains("VXLAN")).count(),
            1
        );
        insta::assert_snapshot!(steps.join("\n"));
    }

    #[test]
    fn a_packet_on_one_hypervisor_is_not() {
        let steps = text(&side(1, 1, 1), &side(2, 1, 1)).join("\n");
        assert!(
            !steps.contains("VXLAN") && steps.contains("back into the pod"),
            "{steps}"
        );
    }
}
