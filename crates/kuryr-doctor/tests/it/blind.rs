//! Kubernetes or Neutron can't be read: a clear error, and nothing is done.

use kuryr_core::doctor::FindingKind;
use kuryr_doctor::Outcome;
use kuryr_embedded_kubernetes::{Fault as KubeFault, FaultRule};
use kuryr_embedded_openstack::{Effect, Fault};
use serde_json::json;

use crate::world::{World, kinds, troubles};

fn forbid(world: &World, contains: &str) {
    world.kube.faults().add(FaultRule {
        method: None,
        contains: contains.to_owned(),
        times: 1000,
        fault: KubeFault::Answer {
            code: 403,
            retry_after: None,
        },
    });
}

#[tokio::test]
async fn without_permission_to_list_it_says_which() {
    let world = World::with_pods(1, 1).await;
    forbid(&world, "/pods");
    let error = world.doctor().await.look().await.unwrap_err().to_string();
    assert!(
        error.starts_with("can't list pods of all namespaces: the API server answered 403"),
        "{error}"
    );
    assert!(
        error.contains("needs to list nodes, pods and KuryrPorts"),
        "{error}"
    );
    assert_eq!(world.openstack.calls().changing(), 0);
}

#[tokio::test]
async fn without_permission_to_see_the_lease_it_does_as_if_somebody_led() {
    let world = World::with_pods(1, 1).await;
    forbid(&world, "/leases");
    let unused = world.create_own_port();
    world.add_subport(1, &unused, 900);
    let fixed = world.fix().await;
    assert_eq!(kinds(&fixed.after), [FindingKind::PoolTooLarge]);
    assert!(matches!(fixed.steps[0].outcome, Outcome::Left(_)));
    assert_eq!(fixed.after.unseen.len(), 1);
    assert!(fixed.after.unseen[0].what.starts_with("who leads"));
}

#[tokio::test]
async fn without_permission_to_write_it_says_so_and_goes_on() {
    let world = World::with_pods(1, 2).await;
    world.pretend_leader().await;
    world.delete_pod("pod1").await;
    let leaked = world.create_own_port();
    world.kube.faults().add(FaultRule {
        method: Some("DELETE".parse().unwrap()),
        contains: "/kuryrports/".to_owned(),
        times: 1000,
        fault: KubeFault::Answer {
            code: 403,
            retry_after: None,
        },
    });
    let fixed = world.fix().await;
    let outcomes: Vec<&Outcome> = fixed.steps.iter().map(|s| &s.outcome).collect();
    assert!(
        outcomes
            .iter()
            .any(|o| matches!(o, Outcome::Failed(why) if why.contains("403"))),
        "{outcomes:?}"
    );
    assert!(world.port(&leaked).is_none(), "the rest was done");
    assert_eq!(
        troubles(&fixed.after),
        [FindingKind::KuryrPortWithoutPod],
        "and what was not is said"
    );
}

#[tokio::test]
async fn neutron_that_is_down_is_an_error() {
    let world = World::with_pods(1, 1).await;
    let doctor = world.doctor().await;
    world
        .openstack
        .faults()
        .add(Fault::once("GET", "ports", Effect::Unavailable).always());
    let error = doctor.look().await.unwrap_err().to_string();
    assert!(
        error.starts_with("can't list this cluster's ports: list_ports"),
        "{error}"
    );
    assert!(error.contains("503"), "{error}");
}

#[tokio::test]
async fn what_neutron_refuses_is_told_and_left() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    let port = world.create_own_port();
    world
        .openstack
        .faults()
        .add(Fault::once("DELETE", "ports/{id}", Effect::ServerError));
    let fixed = world.fix().await;
    assert!(
        matches!(fixed.steps[0].outcome, Outcome::Failed(_)),
        "{:?}",
        fixed.steps
    );
    assert!(!fixed.after.is_healthy() && world.port(&port).is_some());
    let fixed = world.fix().await;
    assert!(fixed.after.is_healthy() && world.port(&port).is_none());
}

#[tokio::test]
async fn a_quota_that_can_t_be_read_is_no_error() {
    let world = World::with_pods(1, 1).await;
    world.pretend_leader().await;
    world
        .openstack
        .faults()
        .add(Fault::once("GET", "details", Effect::ServerError).always());
    let look = world.look().await;
    assert!(look.is_healthy());
    assert_eq!(look.unseen.len(), 1, "{:?}", look.unseen);
    let report: serde_json::Value = serde_json::from_str(&kuryr_doctor::json(&look, None)).unwrap();
    assert_ne!(report["unseen"], json!([]));
}
