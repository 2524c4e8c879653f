//! Single situations that were once met, each small enough to be read.

use super::*;

fn at(c: &Controller, which: fn(&Action) -> bool) -> usize {
    c.under_way.iter().position(which).unwrap()
}

pub(super) fn node(n: usize) -> Id {
    id(format!("n{n}"))
}

/// One pod on one node, at rest.
fn one_pod(pool: bool) -> (Cloud, Controller) {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(pool), 0);
    assert!(c.settle(&mut cloud).is_some());
    (cloud, c)
}

fn vif(cloud: &Cloud) -> ClaimedVif {
    let claim = cloud.claims.values().next().unwrap();
    claim.vif.clone().unwrap()
}

#[test]
fn a_port_stays_for_a_pod_whose_kuryrport_is_being_written() {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    c.plan();
    c.answer(0, &mut cloud, Fate::Works);
    c.plan();
    let create = at(&c, |a| matches!(a, Action::CreatePorts { .. }));
    c.answer(create, &mut cloud, Fate::Works);
    c.plan();
    let add = at(&c, |a| matches!(a, Action::AddSubports { .. }));
    c.answer(add, &mut cloud, Fate::Works);
    let next = c.plan();
    let looks = |a: &Action| matches!(a, Action::Look { .. });
    assert!(next.iter().all(looks), "{next:?}");
    assert!(c.settle(&mut cloud).is_some());
    assert_eq!(cloud.ports.len(), 1);
}

#[test]
fn a_port_that_an_earlier_controller_put_on_the_trunk_is_waited_for() {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    let active = |cloud: &Cloud| cloud.ports.values().any(|p| p.status == PortStatus::Active);
    while !active(&cloud) {
        c.plan();
        // It dies before it hears that the port is ACTIVE, and its KuryrPorts are lost.
        c.under_way
            .retain(|a| !matches!(a, Action::CreateClaim { .. }));
        let last = c.under_way.len() - 1;
        c.answer(last, &mut cloud, Fate::Works);
    }
    cloud.claims.clear();
    let mut next = Controller::start(&mut cloud, settings(false), c.now);
    assert!(next.settle(&mut cloud).is_some());
    assert_eq!(cloud.made, 2, "one pod and one port");
    check_end(&cloud, false);
}

#[test]
fn a_kuryrport_deleted_before_it_has_a_port_is_let_go() {
    let mut cloud = Cloud::new(1);
    cloud.quota = 0;
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    c.plan();
    c.answer(0, &mut cloud, Fate::Works);
    c.plan();
    let claim = at(&c, |a| matches!(a, Action::CreateClaim { .. }));
    c.answer(claim, &mut cloud, Fate::Works);
    cloud.version += 1;
    let version = cloud.version;
    let claim = cloud.claims.values_mut().next().unwrap();
    (claim.deleting, claim.version) = (true, version);
    c.watch(&mut cloud);
    let next = c.plan();
    assert!(matches!(next[..], [Action::DropClaim { .. }]), "{next:?}");
}

#[test]
fn a_kuryrport_torn_away_comes_back_with_the_port_that_its_pod_uses() {
    for pool in [false, true] {
        let (mut cloud, mut c) = one_pod(pool);
        let before = vif(&cloud);
        let (key, _) = cloud.claims.pop_first().unwrap();
        cloud.version += 1;
        cloud.deleted.push((key, cloud.version));
        assert!(c.settle(&mut cloud).is_some());
        assert_eq!(vif(&cloud), before);
    }
}

#[test]
fn a_kuryrport_that_takes_no_port_is_not_written_all_the_time() {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    let mut writes = 0;
    while c.now < 10_000 {
        c.watch(&mut cloud);
        c.plan();
        while !c.under_way.is_empty() {
            let action = c.under_way[0].clone();
            let Action::WriteVif { pod, .. } = &action else {
                c.answer(0, &mut cloud, Fate::Works);
                continue;
            };
            // As a schema that does not know the field does.
            c.under_way.remove(0);
            writes += 1;
            let same = Ok(Answer::Claim(cloud.claims[pod].clone()));
            c.finish(&action, same);
        }
        c.now = c.world.next_wake().unwrap_or(c.now);
    }
    assert!(writes < 20, "{writes}");
}

#[test]
fn two_nodes_of_one_address_share_no_trunk_and_the_other_has_it_next() {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    cloud.add_pod(1, 0);
    let twin = id("twin");
    for pod in cloud.pods.values_mut().skip(1) {
        pod.node = twin.clone();
    }
    let mut c = Controller::start(&mut cloud, settings(true), 0);
    c.world.apply_node(&twin, vec![address("0")]);
    let rounds = |c: &mut Controller, cloud: &mut Cloud| {
        for _ in 0..40 {
            c.round(cloud);
        }
    };
    rounds(&mut c, &mut cloud);
    let served = |cloud: &Cloud| cloud.claims.values().filter(|c| c.vif.is_some()).count();
    assert_eq!(served(&cloud), 1);
    let told = c.world.reported.values().next().unwrap();
    assert!(told.1.contains("node n0"), "{told:?}");
    cloud.pods.retain(|_, p| p.node == twin);
    c.world.delete_node(&node(0));
    rounds(&mut c, &mut cloud);
    assert_eq!(served(&cloud), 1, "{:?}", cloud.claims);
    assert_eq!(cloud.claims.values().next().unwrap().node, twin);
}

#[test]
fn a_port_made_for_a_node_that_went_is_deleted() {
    let mut cloud = Cloud::new(2);
    cloud.add_pod(0, 1);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    c.plan();
    c.answer(0, &mut cloud, Fate::Works);
    c.plan();
    let create = at(&c, |a| matches!(a, Action::CreatePorts { .. }));
    c.answer(create, &mut cloud, Fate::Works);
    cloud.pods.clear();
    c.world.delete_node(&node(1));
    assert!(c.settle(&mut cloud).is_some());
    assert!(cloud.ports.is_empty(), "{:?}", cloud.ports);
}

#[test]
fn a_port_that_can_not_be_added_holds_up_no_other() {
    let mut cloud = Cloud::new(1);
    for p in 0..6 {
        cloud.add_pod(p, 0);
    }
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    for _ in 0..200 {
        c.watch(&mut cloud);
        c.plan();
        while !c.under_way.is_empty() {
            let action = c.under_way[0].clone();
            // The first by id, which comes first in each call that it is in.
            let bad = cloud.ports.keys().next();
            let hit = match &action {
                Action::AddSubports { ports, .. } => ports.iter().any(|(p, _)| Some(p) == bad),
                _ => false,
            };
            if hit {
                c.under_way.remove(0);
                c.finish(&action, stale("PortInUse"));
            } else {
                c.answer(0, &mut cloud, Fate::Works);
            }
        }
        c.now = c.world.next_wake().unwrap_or(c.now);
    }
    let on = |p: &&Port| p.place != Place::Loose;
    assert_eq!(cloud.ports.values().filter(on).count(), 5);
}

#[test]
fn who_leads_again_looks_before_it_acts() {
    let (mut cloud, mut c) = one_pod(true);
    cloud.add_pod(1, 0);
    c.world.lead();
    c.watch(&mut cloud);
    assert_eq!(c.plan(), [Action::Refresh]);
}

#[test]
fn a_list_from_before_the_lead_is_not_enough() {
    let (mut cloud, mut c) = one_pod(true);
    c.world.look_anew();
    c.plan();
    c.world.lead();
    c.answer(0, &mut cloud, Fate::Works);
    cloud.add_pod(1, 0);
    c.watch(&mut cloud);
    assert_eq!(c.plan(), [Action::Refresh]);
}

/// Somebody takes our mark off all ports; what is planned when a list shows it.
fn without_marks(cloud: &Cloud, c: &mut Controller) -> Vec<Action> {
    c.world.look_anew();
    c.plan();
    let action = c.under_way.remove(0);
    let trunks = cloud.trunk_facts();
    let unmarked = Ok(Answer::All {
        ports: vec![],
        trunks,
    });
    c.finish(&action, unmarked);
    c.plan()
}

#[test]
fn a_port_in_its_place_that_lost_its_mark_is_marked_again() {
    let (mut cloud, mut c) = one_pod(false);
    let next = without_marks(&cloud, &mut c);
    assert!(matches!(next[..], [Action::Adopt { .. }]), "{next:?}");
    assert!(c.settle(&mut cloud).is_some());
    check_end(&cloud, false);
    assert!(c.world.reported.is_empty());
}

#[test]
fn a_node_that_loses_its_address_for_a_moment_keeps_its_trunk_and_pool() {
    let (mut cloud, mut c) = one_pod(true);
    let before = cloud.ports.clone();
    let lose = |c: &mut Controller| {
        let nothing = Watched::There((node(0), vec![]));
        c.world.learn(c.now, Event::Node(nothing));
    };
    lose(&mut c);
    c.round(&mut cloud);
    let again = Watched::There((node(0), vec![address("0")]));
    c.world.learn(c.now, Event::Node(again));
    assert!(c.settle(&mut cloud).is_some());
    assert_eq!(cloud.ports, before);
    // Not for a moment: what waits there is taken off, and pods' ports stay.
    lose(&mut c);
    assert!(c.settle(&mut cloud).is_some());
    assert_eq!(c.world.node_trunk(&node(0)), NodeTrunk::Unknown);
    assert_eq!(cloud.ports.len(), 1, "{:?}", cloud.ports);
}

#[test]
fn a_pod_whose_port_does_not_become_active_is_told_once() {
    let mut cloud = Cloud::new(1);
    cloud.asleep = true;
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    while c.now < 19_000 {
        c.round(&mut cloud);
    }
    assert!(c.world.reported.is_empty(), "{:?}", c.world.reported);
    c.made.clear();
    while c.now < 120_000 {
        c.round(&mut cloud);
    }
    let told = |a: &&Action| {
        matches!(
            a,
            Action::Report {
                reason: Reason::PortNotActive,
                ..
            }
        )
    };
    assert_eq!(c.made.iter().filter(told).count(), 1);
    cloud.asleep = false;
    assert!(c.settle(&mut cloud).is_some());
    check_end(&cloud, false);
}

#[test]
fn a_pod_whose_host_port_is_not_opened_is_told_once_and_served() {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    cloud.pods.values_mut().next().unwrap().has_host_port = true;
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    for _ in 0..20 {
        c.round(&mut cloud);
    }
    let warns = |a: &&Action| matches!(a, Action::Warn { .. });
    assert_eq!(c.made.iter().filter(warns).count(), 1);
    assert!(vif(&cloud).active);
    assert!(c.world.reported.is_empty(), "it waits for nothing");
}

#[test]
fn a_port_that_is_not_wired_is_put_on_its_trunk_again_with_growing_pauses() {
    let mut cloud = Cloud::new(1);
    cloud.asleep = true;
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    let mut taken_off = Vec::new();
    while c.now < 700_000 {
        c.made.clear();
        c.round(&mut cloud);
        let removes = |a: &&Action| matches!(a, Action::RemoveSubports { .. });
        taken_off.extend(c.made.iter().find(removes).map(|_| c.now / 10_000));
    }
    assert_eq!(taken_off, [9, 27, 63], "after 90 s, 180 s more, 360 s more");
    assert_eq!(cloud.made, 2, "the pod keeps its port");
    cloud.asleep = false;
    assert!(c.settle(&mut cloud).is_some());
    check_end(&cloud, false);
}

/// The pod's node is made anew: it has another trunk now, and the old one is there, with `holder`'s address.
fn made_anew(holder: &str, taken: bool) -> (Cloud, Controller, ClaimedVif) {
    let (mut cloud, mut c) = one_pod(false);
    let before = vif(&cloud);
    cloud.trunks.insert(id("t8"), BTreeMap::new());
    if taken {
        let trunk = cloud.trunks.get_mut("t8").unwrap();
        trunk.insert(before.vlan, id("somebodys"));
    }
    let addresses = vec![address("8")];
    c.world
        .learn(c.now, Event::Node(Watched::There((node(0), addresses))));
    if !holder.is_empty() {
        let addresses = vec![address("0")];
        c.world
            .learn(c.now, Event::Node(Watched::There((id(holder), addresses))));
    }
    c.world.look_anew();
    (cloud, c, before)
}

#[test]
fn the_port_of_a_pod_whose_node_was_made_anew_moves_to_its_new_trunk() {
    for taken in [false, true] {
        let (mut cloud, mut c, before) = made_anew("", taken);
        c.made.clear();
        for _ in 0..10 {
            c.round(&mut cloud);
        }
        let after = vif(&cloud);
        assert_eq!((&after.port, after.active), (&before.port, true));
        assert_eq!(after.vlan == before.vlan, !taken, "{after:?}");
        assert_eq!(cloud.trunks["t8"].get(&after.vlan), Some(&after.port));
        assert!(cloud.trunks["t0"].is_empty());
        let changes = c.made.iter().filter_map(|a| match a {
            Action::WriteVif { vif, .. } => Some(if vif.active { "active" } else { "not active" }),
            Action::RemoveSubports { .. } => Some("off"),
            Action::AddSubports { .. } => Some("on"),
            _ => None,
        });
        let first: Vec<_> = changes.take(3).collect();
        assert_eq!(
            first,
            ["not active", "off", "on"],
            "no ADD succeeds meanwhile"
        );
    }
}

#[test]
fn a_port_on_the_trunk_of_another_node_is_told_and_stays() {
    let (mut cloud, mut c, before) = made_anew("other", false);
    assert!(c.settle(&mut cloud).is_some());
    assert_eq!(cloud.trunks["t0"].get(&before.vlan), Some(&before.port));
    let (reason, message) = c.world.reported.values().next().unwrap();
    assert_eq!(*reason, Reason::PortMissing);
    assert!(message.contains("node other"), "{message}");
}

#[test]
fn a_vlan_that_somebody_wrote_into_a_record_is_set_right() {
    let (mut cloud, mut c) = one_pod(false);
    let (key, true_vlan) = (
        cloud.claims.keys().next().unwrap().clone(),
        vif(&cloud).vlan,
    );
    cloud.version += 1;
    let version = cloud.version;
    let claim = cloud.claims.get_mut(&key).unwrap();
    claim.version = version;
    claim.vif.as_mut().unwrap().vlan = true_vlan + 1;
    let edited = claim.clone();
    c.world.apply_claim(edited);
    assert!(c.settle(&mut cloud).is_some());
    assert_eq!(vif(&cloud).vlan, true_vlan);
}

#[test]
fn a_pod_whose_record_names_a_foreign_subport_is_told_and_gets_it_not() {
    let (cloud, mut c) = one_pod(false);
    let adopt = without_marks(&cloud, &mut c).remove(0);
    let foreign = Failure::new(FailureKind::Invalid, "port p is on another network");
    c.under_way.clear();
    c.finish(&adopt, Err(foreign));
    let next = c.plan();
    assert!(
        !next.iter().any(|a| matches!(a, Action::Adopt { .. })),
        "{next:?}"
    );
    let told = |a: &Action| matches!(a, Action::Report { reason: Reason::PortMissing, message, .. } if message.contains("another network"));
    assert!(next.iter().any(told), "{next:?}");
}

#[test]
fn a_pod_whose_vlan_another_port_has_is_told() {
    let (mut cloud, mut c) = one_pod(false);
    let vif = vif(&cloud);
    let trunk = cloud.trunks.values_mut().next().unwrap();
    trunk.insert(vif.vlan, id("somebodys"));
    cloud.ports.get_mut(&vif.port).unwrap().place = Place::Loose;
    c.world.look_anew();
    assert!(c.settle(&mut cloud).is_some());
    let (reason, message) = c.world.reported.values().next().unwrap();
    assert_eq!(*reason, Reason::PortMissing);
    assert!(message.contains(&vif.vlan.to_string()), "{message}");
}

#[test]
fn the_end_of_an_outage_ends_the_waits_that_it_made() {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    let mut longest = 0;
    for _ in 0..30 {
        c.plan();
        while !c.under_way.is_empty() {
            c.answer(0, &mut cloud, Fate::Refused);
        }
        let next = c.world.next_wake().unwrap_or(c.now);
        longest = longest.max(next - c.now);
        c.now = next;
    }
    assert!(longest <= 5_000, "{longest}");
    let over = c.now;
    assert!(c.settle(&mut cloud).is_some());
    assert!(c.now - over < 10_000, "{}", c.now - over);
    check_end(&cloud, false);
}

#[test]
fn a_list_that_is_older_than_a_ports_end_does_not_bring_it_back() {
    let (mut cloud, mut c) = one_pod(false);
    let old = vif(&cloud).port;
    c.world.look_anew();
    c.plan();
    // Neutron has made the list, and its answer is long in coming.
    c.carry_out(0, &mut cloud, Fate::Works);
    cloud.pods.clear();
    for _ in 0..10 {
        c.watch(&mut cloud);
        c.plan();
        while !c.under_way.is_empty() {
            let done = c.answers.len();
            c.carry_out(0, &mut cloud, Fate::Works);
            c.arrive(done);
        }
    }
    assert!(cloud.ports.is_empty(), "the port went");
    cloud.add_pod(1, 0);
    c.watch(&mut cloud);
    c.arrive(0);
    assert!(c.world.port(&old).is_none());
    assert!(c.settle(&mut cloud).is_some());
    check_end(&cloud, false);
}

#[test]
fn who_leads_again_forgets_what_was_wrong_before() {
    let mut cloud = Cloud::new(1);
    cloud.add_pod(0, 0);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    for _ in 0..3 {
        c.plan();
        while !c.under_way.is_empty() {
            c.answer(0, &mut cloud, Fate::Refused);
        }
        c.now = c.world.next_wake().unwrap_or(c.now);
    }
    c.settle(&mut cloud);
    cloud.quota = 0;
    cloud.add_pod(1, 0);
    c.settle(&mut cloud);
    assert!(c.world.troubles().next().is_some());
    c.world.lead();
    assert_eq!(c.world.troubles().next(), None);
}

#[test]
fn what_is_listed_again_unchanged_is_no_news() {
    let (mut cloud, mut c) = one_pod(false);
    c.watch(&mut cloud);
    let keys = cloud.pods.keys().cloned().collect();
    c.world.retain_pods(&keys);
    c.world.claims.list_begins(c.world.sequence);
    c.world.retain_claims(&keys);
    let due = c.world.agenda.due();
    assert!(due.is_empty(), "{due:?}");
}

/// A KuryrPort that somebody wrote, of a pod that is not there.
fn forged(cloud: &mut Cloud, n: usize, vif: ClaimedVif) -> PodKey {
    cloud.version += 1;
    let key = PodKey::new("evil", format!("forged{n}"));
    let claim = Claim {
        pod: key.clone(),
        pod_uid: id("nobody"),
        node: node(0),
        vif: Some(vif),
        deleting: false,
        finalizer: true,
        version: cloud.version,
    };
    cloud.claims.insert(key.clone(), claim);
    key
}

#[test]
fn a_kuryrport_that_names_anothers_port_does_not_free_it_when_it_goes() {
    for pool in [false, true] {
        let (mut cloud, mut c) = one_pod(pool);
        let before = (vif(&cloud), cloud.ports.len());
        forged(&mut cloud, 0, before.0.clone());
        cloud.unchecked = true;
        // It is dropped, because its pod is not there.
        assert!(c.settle(&mut cloud).is_some());
        assert_eq!(cloud.claims.len(), 1);
        // Nor does the next pod get it.
        cloud.add_pod(1, 0);
        assert!(c.settle(&mut cloud).is_some());
        cloud.unchecked = false;
        cloud.check_always();
        assert_eq!(vif(&cloud), before.0);
        check_end(&cloud, pool);
    }
}

#[test]
fn kuryrports_of_pods_that_are_not_there_reserve_no_vlan() {
    let mut cloud = Cloud::new(1);
    let mut c = Controller::start(&mut cloud, settings(false), 0);
    assert!(c.settle(&mut cloud).is_some());
    for vlan in crate::vlan::MIN..=crate::vlan::MAX {
        let port = id(format!("no port {vlan}"));
        let vif = ClaimedVif {
            port,
            vlan,
            active: true,
        };
        // Another's finalizer keeps it there.
        let key = forged(&mut cloud, usize::from(vlan), vif);
        cloud.claims.get_mut(&key).unwrap().deleting = true;
        cloud.claims.get_mut(&key).unwrap().finalizer = false;
    }
    cloud.add_pod(0, 0);
    for _ in 0..60 {
        c.round(&mut cloud);
    }
    let own = cloud.claims.values().find(|c| &*c.pod.namespace == "ns");
    assert!(own.unwrap().vif.as_ref().unwrap().active);
}
