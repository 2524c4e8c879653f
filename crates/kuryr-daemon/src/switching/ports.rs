//! Whose frames are switched on this node.

use std::collections::BTreeSet;

use kuryr_api::vif::Vif;
use kuryr_net::LocalPort;

use crate::attach::Attachment;
use crate::ports::PodKey;

/// Of what is plugged the ports on open networks, as their KuryrPorts have them; whose ADD was not answered yet, or whose
/// KuryrPort says something else than what is plugged, is not among them.
pub(super) fn switched(
    open: &BTreeSet<String>,
    plugged: &[Attachment],
    find: impl Fn(&str) -> Option<(PodKey, String, String, Vif)>,
) -> Vec<LocalPort> {
    let ports = plugged.iter().filter(|a| a.complete).filter_map(|a| {
        let (pod, _, _, vif) = find(&a.port_id)?;
        let same = pod == a.pod && vif.vlan == a.vlan && vif.mac == a.wiring.mac;
        if !same || !open.contains(&vif.network.id) {
            return None;
        }
        let subnets = vif.network.subnets.iter();
        Some(LocalPort {
            vlan: vif.vlan,
            mac: vif.mac.parse().ok()?,
            addresses: subnets.flat_map(|s| s.ips.iter().copied()).collect(),
            network: vif.network.id,
        })
    });
    ports.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use kuryr_api::vif::{VifNetwork, VifSubnet};

    use super::*;
    use crate::attach::record::Wiring;

    fn vif(vlan: u16, network: &str) -> Vif {
        Vif {
            port_id: format!("port-{vlan}"),
            mac: format!("fa:16:3e:00:00:{vlan:02x}"),
            vlan,
            active: true,
            network: VifNetwork {
                id: network.into(),
                name: "pods".into(),
                mtu: 1442,
                subnets: vec![VifSubnet {
                    cidr: "10.1.0.0/16".parse().unwrap(),
                    gateway: None,
                    dns: vec![],
                    routes: vec![],
                    ips: vec![format!("10.1.0.{vlan}").parse().unwrap()],
                }],
            },
        }
    }

    fn pod() -> PodKey {
        PodKey {
            namespace: "demo".into(),
            name: "web-0".into(),
        }
    }

    fn attachment(vif: &Vif) -> Attachment {
        Attachment {
            network: "kuryr".into(),
            container: Some("c1".into()),
            ifname: "eth0".into(),
            netns: None,
            netns_inode: None,
            pod: pod(),
            pod_uid: "u1".into(),
            port_id: vif.port_id.clone(),
            vlan: vif.vlan,
            uplink: "ens3".into(),
            wiring: Wiring::of(vif),
            method: None,
            complete: true,
        }
    }

    #[test]
    fn only_what_is_plugged_whole_on_an_open_network_is_switched() {
        let open = BTreeSet::from(["pods".to_owned()]);
        let vifs = [
            vif(1, "pods"),
            vif(2, "others"),
            vif(3, "pods"),
            vif(4, "pods"),
        ];
        let mut plugged: Vec<Attachment> = vifs.iter().map(attachment).collect();
        plugged[2].complete = false;
        plugged.push(attachment(&vif(5, "pods")));
        let find = |id: &str| {
            let vif = vifs.iter().find(|v| v.port_id == id)?;
            // The last one's KuryrPort says another VLAN by now.
            let vlan = if vif.vlan == 4 { 44 } else { vif.vlan };
            let vif = Vif {
                vlan,
                ..vif.clone()
            };
            Some((pod(), "u1".to_owned(), "eth0".to_owned(), vif))
        };
        let ports = switched(&open, &plugged, find);
        let vlans: Vec<u16> = ports.iter().map(|port| port.vlan).collect();
        assert_eq!(vlans, [1]);
        assert_eq!(
            ports[0].addresses,
            ["10.1.0.1".parse::<std::net::IpAddr>().unwrap()]
        );
        assert!(switched(&BTreeSet::new(), &plugged, find).is_empty());
    }
}
