//! Pods' ports with security groups of their own, and ports that wait with none.

use super::*;
use crate::reconcile::Effect;

fn dressed(pool: bool) -> Settings {
    Settings {
        groups_by_pod: true,
        ..settings(pool)
    }
}

fn bare() -> Arc<PortKind> {
    Arc::new(PortKind {
        security_groups: vec![],
        ..(*kind()).clone()
    })
}

/// What a pod is to have.
fn dress(pod: &PodKey) -> BTreeSet<Id> {
    [id(format!("of {}", pod.name))].into()
}

fn start(cloud: &mut Cloud, pool: bool, now: u64) -> Controller {
    let mut c = Controller::start(cloud, dressed(pool), now);
    tell(cloud, &mut c);
    c
}

fn tell(cloud: &Cloud, c: &mut Controller) {
    for pod in cloud.pods.keys() {
        c.world.dress(pod, Some(dress(pod)));
    }
}

fn worn(cloud: &Cloud, port: &Id) -> BTreeSet<Id> {
    let port = cloud.ports.get(port);
    port.map(|p| p.kind.security_groups.iter().cloned().collect())
        .unwrap_or_default()
}

/// No daemon is told that a port is ACTIVE before it carries what its pod is to have.
fn check(cloud: &Cloud) {
    for claim in cloud.claims.values() {
        let vif = claim.vif.as_ref().filter(|vif| vif.active);
        let is_there = cloud
            .pods
            .get(&claim.pod)
            .is_some_and(|pod| pod.uid == claim.pod_uid);
        if let Some(vif) = vif.filter(|_| is_there) {
            assert_eq!(worn(cloud, &vif.port), dress(&claim.pod), "{claim:?}");
        }
    }
}

fn add(cloud: &mut Cloud, p: usize, node: usize) {
    let key = PodKey::new("ns", format!("pod{p}"));
    if !cloud.pods.contains_key(&key) {
        cloud.add_pod(p, node);
        cloud.pods.get_mut(&key).unwrap().want = Want::Port(bare());
    }
}

fn take(step: &Step, pool: bool, cloud: &mut Cloud, c: &mut Controller) {
    match step {
        Step::AddPod(p, n) => {
            add(cloud, *p, *n);
            tell(cloud, c);
        }
        Step::EndPod(p) | Step::DeletePod(p) => {
            cloud.pods.remove(&PodKey::new("ns", format!("pod{p}")));
        }
        Step::Plan | Step::Drift(_) | Step::Regroup(_) => {
            c.watch(cloud);
            c.plan();
        }
        Step::Answer(i, fate) => c.answer(*i, cloud, *fate),
        Step::CarryOut(i, fate) => c.carry_out(*i, cloud, *fate),
        Step::Arrive(i) => c.arrive(*i),
        Step::Relist => c.relist(cloud),
        Step::Restart => {
            let now = c.die(cloud);
            *c = start(cloud, pool, now);
        }
    }
    check(cloud);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_pods_port_is_dressed_before_it_is_used_and_bare_when_nobody_has_it(
        steps in proptest::collection::vec(step(), 0..120),
        pool: bool,
    ) {
        let mut cloud = Cloud::new(3);
        let mut c = start(&mut cloud, pool, 0);
        for step in &steps {
            take(step, pool, &mut cloud, &mut c);
        }
        for _ in 0..2 {
            c.world.look_anew();
            prop_assert!(c.settle(&mut cloud).is_some(), "never rests");
        }
        check(&cloud);
        prop_assert_eq!(cloud.claims.len(), cloud.pods.len());
        let mut used = BTreeSet::new();
        for claim in cloud.claims.values() {
            let vif = claim.vif.as_ref().expect("a port for each pod");
            prop_assert!(vif.active);
            used.insert(vif.port.clone());
        }
        let bare = |port: &&Port| port.kind.security_groups.is_empty();
        prop_assert!(cloud.ports.values().filter(|p| !used.contains(&p.id)).all(|p| bare(&p)));
        let told = c.world.take_worn().into_iter().filter(|w| w.groups.is_some());
        for worn in told {
            let wanted = worn.pod.as_ref().map(dress).unwrap_or_default();
            prop_assert_eq!(worn.groups, Some(wanted));
        }
    }
}

#[test]
fn a_pod_that_joins_or_leaves_is_one_call_to_neutron() {
    let mut cloud = Cloud::new(1);
    add(&mut cloud, 0, 0);
    let mut c = start(&mut cloud, true, 0);
    c.settle(&mut cloud);
    add(&mut cloud, 1, 0);
    tell(&cloud, &mut c);
    let to_neutron = |calls: Vec<Action>| {
        let changes = calls
            .into_iter()
            .filter(|a| a.lane() == crate::reconcile::Lane::Cloud);
        changes.map(|a| a.name()).collect::<Vec<_>>()
    };
    for _ in 0..10 {
        c.watch(&mut cloud);
        c.plan();
        while !c.under_way.is_empty() {
            c.answer(0, &mut cloud, Fate::Works);
        }
    }
    let joined = to_neutron(std::mem::take(&mut c.made));
    let growth = ["create_ports", "add_subports"];
    let joined: Vec<_> = joined.into_iter().filter(|n| !growth.contains(n)).collect();
    assert_eq!(joined, ["set_security_groups"], "besides the pool's growth");
    let key = PodKey::new("ns", "pod1");
    cloud.pods.remove(&key);
    for _ in 0..10 {
        c.watch(&mut cloud);
        c.plan();
        while !c.under_way.is_empty() {
            c.answer(0, &mut cloud, Fate::Works);
        }
    }
    assert_eq!(
        to_neutron(std::mem::take(&mut c.made)),
        ["set_security_groups"]
    );
}

#[test]
fn a_pod_whose_groups_are_not_known_waits_with_its_port() {
    let mut cloud = Cloud::new(1);
    add(&mut cloud, 0, 0);
    let mut c = Controller::start(&mut cloud, dressed(false), 0);
    c.settle(&mut cloud);
    let key = PodKey::new("ns", "pod0");
    let vif = cloud.claims[&key].vif.clone().unwrap();
    assert!(!vif.active && cloud.ports[&vif.port].kind == bare());
    tell(&cloud, &mut c);
    c.settle(&mut cloud);
    assert!(cloud.claims[&key].vif.as_ref().unwrap().active);
    check(&cloud);
}

/// A pod that runs keeps its port, and is not told that it has none, while its groups change.
#[test]
fn groups_of_a_pod_that_runs_change_in_place() {
    let mut cloud = Cloud::new(1);
    add(&mut cloud, 0, 0);
    let mut c = start(&mut cloud, false, 0);
    c.settle(&mut cloud);
    let key = PodKey::new("ns", "pod0");
    c.world.dress(&key, Some([id("other")].into()));
    let calls = c.settle(&mut cloud).unwrap();
    let names: Vec<_> = calls.iter().map(Effect::name).collect();
    assert_eq!(names, ["set_security_groups"]);
    let vif = cloud.claims[&key].vif.clone().unwrap();
    assert_eq!(worn(&cloud, &vif.port), [id("other")].into());
}

/// A call that was not answered may have been carried out: the port is set again, also where it is to be what it was.
#[test]
fn a_port_that_may_carry_something_else_is_set_again() {
    let mut cloud = Cloud::new(1);
    add(&mut cloud, 0, 0);
    let mut c = start(&mut cloud, false, 0);
    c.settle(&mut cloud);
    let key = PodKey::new("ns", "pod0");
    let port = cloud.claims[&key].vif.clone().unwrap().port;
    c.world.dress(&key, Some([id("other")].into()));
    c.plan();
    c.answer(0, &mut cloud, Fate::DoneButAnswerLost);
    c.world.dress(&key, Some(dress(&key)));
    assert_eq!(worn(&cloud, &port), [id("other")].into());
    c.settle(&mut cloud);
    assert_eq!(worn(&cloud, &port), dress(&key));
}
