//! The steps of one packet from a pod to another, with the names and numbers of this run. Pure.

use std::net::IpAddr;

use kuryr_api::names::DEFAULT_IFNAME;

use super::{PodRow, Worker};
use crate::topology::names;
use crate::topology::plan::Wired;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// Where it happens: a pod, a worker, a hypervisor.
    pub place: String,
    /// The links that the packet comes in and goes out by, or its addresses.
    pub path: String,
    /// What is done with it.
    pub what: String,
}

/// A pod as the end of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The pod's name.
    pub pod: String,
    pub address: IpAddr,
    pub worker: Worker,
    /// The worker's end of the pod's veth pair; `None`: the pod has a vlan link instead.
    pub tap: Option<String>,
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
            tap: None,
            vlan: leg.vlan?,
            vni: leg.vni,
            hypervisor: number,
            subport,
        })
    }

    /// The hypervisor's end of the worker's interface.
    fn trunk(&self) -> String {
        names::tap(&self.worker.parent)
    }

    /// The port's end at its network's bridge.
    fn leg(&self) -> String {
        names::bridge_port(&self.subport)
    }

    fn bridge(&self) -> String {
        names::bridge(self.vni)
    }

    /// First bytes of the port's id, as people call it.
    fn subport(&self) -> &str {
        self.subport.get(..8).unwrap_or(&self.subport)
    }
}

/// The steps of a packet from one pod to another of the same network.
pub(super) fn way(from: &Side, to: &Side) -> Vec<Step> {
    let mut steps = sending(from, to).to_vec();
    if from.hypervisor == to.hypervisor {
        steps.push(filtered(from, "security groups: egress and ingress pass"));
    } else {
        steps.push(filtered(from, "security group: egress passes"));
        steps.extend(encapsulation(from, to));
        steps.push(filtered(to, "security group: ingress passes"));
    }
    steps.extend(receiving(to));
    steps
}

fn sending(from: &Side, to: &Side) -> [Step; 3] {
    let uplink = &from.worker.uplink;
    let path = match &from.tap {
        Some(tap) => arrow(tap, uplink),
        None => format!("{uplink} (vlan link)"),
    };
    let pushed = format!("VLAN {} pushed (subport {})", from.vlan, from.subport());
    let popped = format!("VLAN {} popped", from.vlan);
    [
        step(
            &from.pod,
            DEFAULT_IFNAME.to_owned(),
            arrow(from.address, to.address),
        ),
        step(&from.worker.name, path, pushed),
        step(
            &from.worker.hypervisor,
            arrow(from.trunk(), from.leg()),
            popped,
        ),
    ]
}

/// The network's bridge, where the port's security groups are enforced.
fn filtered(at: &Side, what: &str) -> Step {
    step(&at.worker.hypervisor, at.bridge(), what.to_owned())
}

fn encapsulation(from: &Side, to: &Side) -> [Step; 3] {
    let (here, there) = (from.hypervisor, to.hypervisor);
    let wrapped = format!("wrapped in VXLAN, VNI {}", from.vni);
    let path = arrow(
        names::underlay_address(here),
        names::underlay_address(there),
    );
    let port = names::vxlan_port(here, there);
    [
        step(
            &from.worker.hypervisor,
            names::vxlan(from.vni, there),
            wrapped,
        ),
        step(
            "underlay",
            path,
            format!("UDP {port}, the only encapsulation"),
        ),
        step(
            &to.worker.hypervisor,
            names::vxlan(to.vni, here),
            "unwrapped".to_owned(),
        ),
    ]
}

fn receiving(to: &Side) -> [Step; 3] {
    let uplink = &to.worker.uplink;
    let path = match &to.tap {
        Some(tap) => arrow(uplink, tap),
        None => format!("{uplink} (vlan link)"),
    };
    let pushed = format!("VLAN {} pushed (subport {})", to.vlan, to.subport());
    let popped = format!("VLAN {} popped", to.vlan);
    [
        step(&to.worker.hypervisor, arrow(to.leg(), to.trunk()), pushed),
        step(&to.worker.name, path, popped),
        step(&to.pod, DEFAULT_IFNAME.to_owned(), to.address.to_string()),
    ]
}

fn step(place: &str, path: String, what: String) -> Step {
    Step {
        place: place.to_owned(),
        path,
        what,
    }
}

fn arrow(from: impl std::fmt::Display, to: impl std::fmt::Display) -> String {
    format!("{from} → {to}")
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
            tap: Some(format!("tap{number}aaaaaaa-bb")),
            subport: format!("{number}aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
            vlan: 100 + u16::from(number),
            vni: 1042,
            hypervisor,
        }
    }

    fn text(from: &Side, to: &Side) -> String {
        let steps = way(from, to);
        let lines = steps
            .iter()
            .map(|step| format!("{}: {}: {}", step.place, step.path, step.what));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_packet_to_another_hypervisor_is_encapsulated_once() {
        let steps = text(&side(1, 1, 1), &side(2, 2, 2));
        assert_eq!(steps.matches("VXLAN").count(), 1);
        insta::assert_snapshot!(steps);
    }

    #[test]
    fn a_packet_on_one_hypervisor_is_not_encapsulated() {
        let steps = text(&side(1, 1, 1), &side(2, 1, 1));
        assert!(!steps.contains("VXLAN"), "{steps}");
    }

    #[test]
    fn a_vlan_link_has_no_end_on_the_worker() {
        let mut from = side(1, 1, 1);
        from.tap = None;
        let steps = text(&from, &side(2, 2, 2));
        assert!(
            steps.contains("worker1: eth0 (vlan link): VLAN 101 pushed"),
            "{steps}"
        );
    }
}
