//! What changes between the look and the fix, and a controller that works meanwhile.

use std::collections::BTreeSet;

use kuryr_core::doctor::FindingKind;
use kuryr_doctor::Outcome;
use serde_json::json;

use crate::world::{World, troubles};

/// Looks, lets something happen, fixes: what came of the first fix.
async fn after(world: &World, kind: FindingKind, happens: impl AsyncFnOnce()) -> Outcome {
    let doctor = world.doctor().await;
    let look = doctor.look().await.unwrap();
    assert_eq!(troubles(&look), [kind]);
    happens().await;
    world.openstack.calls().clear();
    let fixed = doctor.fix(&look, |_| ()).await.unwrap();
    assert_eq!(world.openstack.calls().changing(), 0);
    fixed.steps[0].outcome.clone()
}

fn skipped(why: &str) -> Outcome {
    Outcome::Skipped(why.to_owned())
}

#[tokio::test]
async fn a_leaked_port_that_a_pod_got_meanwhile_stays() {
    let world = World::with_pods(1, 2).await;
    world.pretend_leader().await;
    let port = world.create_own_port();
    let outcome = after(&world, FindingKind::PortLeaked, async || {
        let path = json!({"status": {"vifs": {"eth0": {"vif": {"versioned_object.data":
            {"id": port}}}}}});
        world.patch_claim("pod2", path).await;
    })
    .await;
    assert_eq!(
        outcome,
        skipped(&format!("port {port} belongs to default/pod2 now"))
    );
    assert!(world.port(&port).is_some());
}

#[tokio::test]
async fn a_leaked_port_that_was_put_on_a_trunk_meanwhile_stays() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    let port = world.create_own_port();
    let doctor = world.doctor().await;
    let look = doctor.look().await.unwrap();
    world.add_subport(1, &port, 900);
    let fixed = doctor.fix(&look, |_| ()).await.unwrap();
    // Neutron itself refuses.
    assert!(
        matches!(&fixed.steps[0].outcome, Outcome::Skipped(_)),
        "{:?}",
        fixed.steps
    );
    assert!(world.place(&port).is_some());
}

#[tokio::test]
async fn a_leaked_port_that_was_changed_meanwhile_stays() {
    let mut world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    world.config.ports.orphan_grace = 1;
    let port = world.create_own_port();
    let old = |world: &World| world.port(&port).is_some();
    assert!(old(&world));
    // Neutron counts in seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let doctor = world.doctor().await;
    let look = doctor.look().await.unwrap();
    assert_eq!(troubles(&look), [FindingKind::PortLeaked]);
    world.cloud(|state, caller| {
        let kind = kuryr_embedded_openstack::Kind::Port;
        state.cloud.clear_tags(caller, kind, &port).unwrap();
    });
    let fixed = doctor.fix(&look, |_| ()).await.unwrap();
    let gone = format!("port {port} is gone, or not ours any more");
    assert_eq!(fixed.steps[0].outcome, skipped(&gone));
    assert!(old(&world));
}

#[tokio::test]
async fn a_kuryrport_whose_pod_came_meanwhile_stays() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    world.delete_pod("pod1").await;
    let outcome = after(&world, FindingKind::KuryrPortWithoutPod, async || {
        world.add_pod("pod1", 1).await;
        let pod = world.pods().get("pod1").await.unwrap();
        let uid = pod.metadata.uid.unwrap();
        world
            .patch_claim("pod1", json!({"spec": {"podUid": uid}}))
            .await;
    })
    .await;
    assert_eq!(outcome, skipped("the KuryrPort is another now"));
    assert!(
        world
            .claim("pod1")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_none()
    );
}

#[tokio::test]
async fn a_vlan_that_was_taken_meanwhile_is_not_fought_for() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    let (port, vlan) = (world.port_of("pod1").await, world.vlan_of("pod1").await);
    world.remove_subport(&port);
    let outcome = after(&world, FindingKind::PortMisplaced, async || {
        let vm = world.create_port(json!({}));
        world.add_subport(1, &vm, vlan);
    })
    .await;
    assert!(matches!(outcome, Outcome::Skipped(why) if why.contains("was given to port")));
}

/// A controller serves pods that come and go; again and again a doctor mends what it takes for damage.
#[tokio::test]
async fn a_controller_at_work_is_not_disturbed() {
    let world = World::start(2).await;
    let controller = world.controller().await;
    for n in 0..8 {
        world.add_pod(&format!("stays{n}"), n % 2 + 1).await;
    }
    let churn = async {
        for round in 0..6 {
            for n in 0..4 {
                world.add_pod(&format!("r{round}-{n}"), n % 2 + 1).await;
            }
            for n in 0..4 {
                world.delete_pod(&format!("r{round}-{n}")).await;
            }
        }
    };
    let doctors = async {
        let mut fixed = 0;
        for _ in 0..6 {
            fixed += world_fix(&world).await;
        }
        fixed
    };
    tokio::join!(churn, doctors);
    world.until_ready(8).await;
    let mut ports = BTreeSet::new();
    for n in 0..8 {
        let name = format!("stays{n}");
        let port = world.port_of(&name).await;
        let place = world.place(&port).unwrap();
        assert_eq!(place, (world.trunk(n % 2 + 1), world.vlan_of(&name).await));
        assert_eq!(world.port(&port).unwrap()["status"], "ACTIVE");
        assert!(ports.insert(port));
    }
    // All others go, by whomsoever.
    world
        .until("only the ports in use are left", async || {
            let look = world.look().await;
            look.facts.ports.len() == 8 && look.is_healthy()
        })
        .await;
    controller.stop().await;
}

/// A fix beside a controller: nothing fails, though much may be changed meanwhile.
async fn world_fix(world: &World) -> usize {
    let doctor = world.doctor().await;
    let look = doctor.look().await.unwrap();
    let fixed = doctor.fix(&look, |_| ()).await.unwrap();
    let failed: Vec<_> = fixed
        .steps
        .iter()
        .filter(|s| matches!(s.outcome, Outcome::Failed(_)))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    fixed.steps.len()
}
