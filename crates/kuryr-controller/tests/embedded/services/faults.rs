//! Octavia slow or ill: all comes right when it is over, and nothing is made twice.

use std::time::Duration;

use kuryr_lab::openstack::{Effect, Fault, Latency, Settings};
use serde_json::{Value, json};

use crate::world::{World, service_ports};

/// Every kind of change of a load balancer by the controller.
const CHANGES: [(&str, &str); 10] = [
    ("POST", "loadbalancers"),
    ("DELETE", "loadbalancers/{id}"),
    ("POST", "listeners"),
    ("PUT", "listeners/{id}"),
    ("DELETE", "listeners/{id}"),
    ("PUT", "pools/{id}"),
    ("PUT", "pools/{id}/members"),
    ("POST", "healthmonitors"),
    ("PUT", "healthmonitors/{id}"),
    ("DELETE", "healthmonitors/{id}"),
];

/// A life with all of them.
async fn life(world: &World) {
    const MONITOR: &str = "loadbalancer.openstack.org/enable-health-monitor";
    const DELAY: &str = "loadbalancer.openstack.org/health-monitor-delay";
    const TIMEOUT: &str = "openstack.org/kuryr-timeout-client-data";
    let met = |path: &str, method: &str| world.openstack.calls().count(method, path) > 1;
    let until = async |method: &str, path: &str| {
        let what = format!("{method} {path} is tried again");
        world.until_true(&what, |_| met(path, method)).await;
        world.all_served().await;
    };
    let note = |name: &str, text: Value| json!({"metadata": {"annotations": {name: text}}});
    let ports = |ports: &[u16]| json!({"spec": {"ports": service_ports(ports)}});
    world.add_service("web", &[80], 3).await;
    until("POST", "loadbalancers").await;
    world.scale("web", &[80, 443], 5).await;
    until("PUT", "pools/{id}/members").await;
    world
        .patch_service("web", note(TIMEOUT, json!("70000")))
        .await;
    until("PUT", "listeners/{id}").await;
    world.patch_service("web", ports(&[80, 443])).await;
    until("POST", "listeners").await;
    world.patch_service("web", ports(&[80])).await;
    until("DELETE", "listeners/{id}").await;
    let sticky = json!({"spec": {"sessionAffinity": "ClientIP"}});
    world.patch_service("web", sticky).await;
    until("PUT", "pools/{id}").await;
    world
        .patch_service("web", note(MONITOR, json!("true")))
        .await;
    until("POST", "healthmonitors").await;
    world.patch_service("web", note(DELAY, json!("20"))).await;
    until("PUT", "healthmonitors/{id}").await;
    world
        .patch_service("web", note(MONITOR, json!("false")))
        .await;
    until("DELETE", "healthmonitors/{id}").await;
    world.delete_service("web").await;
    world.none_served().await;
}

async fn survives(effect: Effect, carried_out: bool) {
    let world = World::start(1).await;
    let options = world.serving("amphora");
    let faults = world.openstack.faults();
    for (method, path) in CHANGES {
        let fault = Fault::once(method, path, effect.clone());
        // What was carried out though its answer was lost is seen, and not sent again.
        let fault = if carried_out { fault } else { fault.times(2) };
        faults.add(fault);
    }
    let _controller = world.controller(options).await;
    if carried_out {
        lost_life(&world).await;
    } else {
        life(&world).await;
    }
    assert_eq!(faults.left(), 0, "all faults were met");
}

/// The part of a life of which a lost answer might double something.
async fn lost_life(world: &World) {
    let faults = world.openstack.faults();
    world.add_service("web", &[80], 3).await;
    world.all_served().await;
    world.scale("web", &[80, 443], 5).await;
    world.all_served().await;
    let ports = |ports: &[u16]| json!({"spec": {"ports": service_ports(ports)}});
    world.patch_service("web", ports(&[80, 443])).await;
    world.all_served().await;
    let once = world.openstack.calls().count("POST", "loadbalancers");
    assert_eq!(once, 1, "it is found, not made again");
    world.patch_service("web", ports(&[80])).await;
    world.all_served().await;
    world.delete_service("web").await;
    world.none_served().await;
    // The others have tests of their own.
    faults.clear();
}

#[tokio::test]
async fn a_change_refused_by_429_is_made_again() {
    let soon = Duration::from_millis(0);
    survives(Effect::TooManyRequests(Some(soon)), false).await;
}

#[tokio::test]
async fn a_change_answered_by_a_closed_connection_is_found() {
    survives(Effect::DropAfter, true).await;
}

#[tokio::test]
async fn a_change_answered_by_500_is_found() {
    survives(Effect::ServerErrorAfter, true).await;
}

#[tokio::test]
async fn half_an_answer_is_none() {
    survives(Effect::Truncated, true).await;
}

#[tokio::test]
async fn a_load_balancer_that_others_change_is_waited_for() {
    let settings = Settings {
        latency: Latency {
            lb_settle: Duration::from_millis(700),
            ..Latency::none()
        },
        ..Settings::default()
    };
    let world = World::with(1, settings).await;
    let options = world.serving("ovn");
    let _controller = world.controller(options).await;
    world.add_service("web", &[80], 3).await;
    world.all_served().await;
    let lb = world.balancer_of("web");
    world.change_balancer(&lb, json!({"description": "by hand"}));
    world.scale("web", &[80], 6).await;
    world.all_served().await;
    let calls = world.openstack.calls().all();
    let refused = calls
        .iter()
        .filter(|c| c.status == 409 && c.path.starts_with("/v2/lbaas"));
    assert!(refused.count() >= 1, "it was in the way");
    world.delete_service("web").await;
    world.none_served().await;
}
