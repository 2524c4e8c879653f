//! Two tenants. One has pods; the other writes pods and KuryrPorts as it likes in its own namespace. The first one's ports
//! stay what and where they are.

use super::cases::node;
use super::*;

const VICTIMS: usize = 4;

fn victim(n: usize) -> PodKey {
    PodKey::new("ns", format!("pod{n}"))
}

fn evil(n: usize) -> PodKey {
    PodKey::new("evil", format!("e{n}"))
}

#[derive(Clone, Debug)]
enum Deed {
    AddPod(usize, usize),
    DeletePod(usize),
    /// A KuryrPort that names a port and a VLAN; of one of its pods or of none.
    Forge(usize, usize, u16),
    /// It is deleted; a finalizer of the tenant's own may keep it.
    Unforge(usize, bool),
    Plan,
    Wait,
    Answer(usize, Fate),
    CarryOut(usize, Fate),
    Arrive(usize),
    List,
    Restart,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (0..4usize, 0..2usize).prop_map(|(p, n)| Deed::AddPod(p, n)),
        2 => (0..4usize).prop_map(Deed::DeletePod),
        5 => (0..6usize, 0..12usize, 0..12u16).prop_map(|(n, p, v)| Deed::Forge(n, p, v)),
        2 => (0..6usize, any::<bool>()).prop_map(|(n, f)| Deed::Unforge(n, f)),
        6 => Just(Deed::Plan),
        3 => Just(Deed::Wait),
        8 => (0..9usize, fate()).prop_map(|(i, f)| Deed::Answer(i, f)),
        3 => (0..9usize, fate()).prop_map(|(i, f)| Deed::CarryOut(i, f)),
        3 => (0..9usize).prop_map(Deed::Arrive),
        1 => Just(Deed::List),
        1 => Just(Deed::Restart),
    ]
}

/// The first tenant's KuryrPorts, its ports, and what is on the trunks at its VLANs.
fn had(cloud: &Cloud) -> Vec<(ClaimedVif, Arc<PortKind>, Place, bool)> {
    let claims = (0..VICTIMS).map(|n| cloud.claims[&victim(n)].clone());
    let all = claims.map(|claim| {
        let vif = claim.vif.expect("a port");
        let port = &cloud.ports[&vif.port];
        let trunk = &cloud.trunks[&id(claim.node.replace('n', "t"))];
        let is_on = trunk.get(&vif.vlan) == Some(&vif.port);
        (vif, port.kind.clone(), port.place.clone(), is_on)
    });
    all.collect()
}

fn forge(cloud: &mut Cloud, n: usize, port: usize, vlan: u16) {
    cloud.version += 1;
    let key = evil(n);
    let pod = cloud.pods.get(&key);
    let all: Vec<&Id> = cloud.ports.keys().collect();
    let foreign = id("foreign");
    let port = all.get(port).copied().unwrap_or(&foreign).clone();
    let vlans: Vec<u16> = cloud
        .trunks
        .values()
        .flat_map(|t| t.keys().copied())
        .collect();
    let claim = Claim {
        pod: key.clone(),
        pod_uid: pod.map_or_else(|| id("nobody"), |p| p.uid.clone()),
        node: pod.map_or_else(|| node(n % 2), |p| p.node.clone()),
        vif: Some(ClaimedVif {
            port,
            vlan: vlans.get(usize::from(vlan)).copied().unwrap_or(vlan),
            active: n.is_multiple_of(2),
        }),
        deleting: false,
        finalizer: true,
        version: cloud.version,
    };
    cloud.claims.insert(key, claim);
}

fn take(deed: &Deed, cloud: &mut Cloud, c: &mut Controller, pool: bool) {
    match deed {
        Deed::AddPod(n, on) => {
            if !cloud.pods.contains_key(&evil(*n)) {
                cloud.add_pod(100 + n, *on);
                let mut pod = cloud
                    .pods
                    .remove(&PodKey::new("ns", format!("pod{}", 100 + n)));
                let pod = pod.as_mut().expect("just added");
                pod.key = evil(*n);
                cloud.pods.insert(evil(*n), pod.clone());
            }
        }
        Deed::DeletePod(n) => drop(cloud.pods.remove(&evil(*n))),
        Deed::Forge(n, port, vlan) => forge(cloud, *n, *port, *vlan),
        Deed::Unforge(n, at_once) => {
            cloud.version += 1;
            let version = cloud.version;
            if *at_once {
                if cloud.claims.remove(&evil(*n)).is_some() {
                    cloud.deleted.push((evil(*n), version));
                }
            } else if let Some(claim) = cloud.claims.get_mut(&evil(*n)) {
                (claim.deleting, claim.finalizer, claim.version) = (true, false, version);
            }
        }
        Deed::Plan => {
            c.watch(cloud);
            c.plan();
        }
        Deed::Wait => c.now = c.world.next_wake().unwrap_or(c.now).max(c.now),
        Deed::Answer(i, fate) => c.answer(*i, cloud, *fate),
        Deed::CarryOut(i, fate) => c.carry_out(*i, cloud, *fate),
        Deed::Arrive(i) => c.arrive(*i),
        Deed::List => c.world.look_anew(),
        Deed::Restart => {
            let now = c.die(cloud);
            *c = Controller::start(cloud, settings(pool), now);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_tenant_changes_nothing_of_anothers(
        deeds in proptest::collection::vec(deed(), 0..80),
        pool: bool,
    ) {
        let mut cloud = Cloud::new(2);
        for n in 0..VICTIMS {
            cloud.add_pod(n, n % 2);
        }
        let mut c = Controller::start(&mut cloud, settings(pool), 0);
        prop_assert!(c.settle(&mut cloud).is_some());
        cloud.unchecked = true;
        // Somebody else's subport, on a trunk of ours.
        cloud.trunks.get_mut(&id("t0")).unwrap().insert(4000, id("foreign"));
        let before = had(&cloud);
        for deed in &deeds {
            take(deed, &mut cloud, &mut c, pool);
            prop_assert_eq!(&had(&cloud), &before, "after {:?}", deed);
        }
        // The tenant's pods get ports as any do, once its writing is over.
        for n in 0..6 {
            take(&Deed::Unforge(n, true), &mut cloud, &mut c, pool);
        }
        for _ in 0..2 {
            c.world.look_anew();
            prop_assert!(c.settle(&mut cloud).is_some(), "never rests");
        }
        cloud.unchecked = false;
        prop_assert_eq!(&had(&cloud), &before);
        prop_assert_eq!(cloud.trunks[&id("t0")].get(&4000), Some(&id("foreign")));
        simulation::Cloud::check_always(&cloud);
        let ours = cloud.pods.len();
        prop_assert_eq!(cloud.claims.len(), ours);
    }
}
