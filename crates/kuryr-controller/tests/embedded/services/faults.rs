//! Octavia slow or ill: all comes right when it is over, and nothing is made twice.

use std::time::Duration;

use kuryr_embedded_openstack::{Effect, Fault, Latency, Settings};
use serde_json::{Value, json};

use super::drift::watchful;
use crate::world::{World, service_ports};

/// Every kind of change of a load balancer by the controller.
const CHANGES: [(&str, &str); 15] = [
    ("POST", "loadbalancers"),
    ("PUT", "loadbalancers/{id}"),
    ("DELETE", "loadbalancers/{id}"),
    ("POST", "listeners"),
    ("PUT", "listeners/{id}"),
    ("DELETE", "listeners/{id}"),
    ("POST", "pools"),
    ("PUT", "pools/{id}"),
    ("DELETE", "pools/{id}"),
    ("PUT", "pools/{id}/members"),
    ("POST", "pools/{id}/members"),
    ("DELETE", "pools/{id}/members/{id}"),
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
    until("POST", "pools").await;
    world.patch_service("web", ports(&[80])).await;
    until("DELETE", "listeners/{id}").await;
    until("DELETE", "pools/{id}").await;
    one_member_more_and_less(world, until).await;
    renamed_by_hand(world, until).await;
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
    until("DELETE", "loadbalancers/{id}").await;
    world.none_served().await;
}

/// Of many members a single one is a call of its own.
async fn one_member_more_and_less(world: &World, until: impl AsyncFn(&str, &str)) {
    world.scale("web", &[80, 443], 17).await;
    world.all_served().await;
    world.scale("web", &[80, 443], 18).await;
    until("POST", "pools/{id}/members").await;
    world.scale("web", &[80, 443], 17).await;
    until("DELETE", "pools/{id}/members/{id}").await;
}

async fn renamed_by_hand(world: &World, until: impl AsyncFn(&str, &str)) {
    let lb = world.balancer_of("web");
    world.a_later_second(&lb).await;
    world.change_balancer(&lb, json!({"name": "by hand"}));
    until("PUT", "loadbalancers/{id}").await;
}

async fn survives(effect: Effect, times: u32, carried_out: bool) {
    let world = World::start(1).await;
    let options = watchful(world.serving("amphora"));
    let faults = world.openstack.faults();
    for (method, path) in CHANGES {
        faults.add(Fault::once(method, path, effect.clone()).times(times));
    }
    let _controller = world.controller(options).await;
    if carried_out {
        lost_life(&world).await;
    } else {
        life(&world).await;
    }
    assert_eq!(faults.left(), 0, "all faults were met");
}

/// The part of a life of which a lost answer might double something: what was carried out is
/// seen, and not sent again.
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
    for count in [17, 18, 17] {
        world.scale("web", &[80, 443], count).await;
        world.all_served().await;
    }
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
    survives(Effect::TooManyRequests(Some(soon)), 2, false).await;
}

#[tokio::test]
async fn a_change_refused_by_500_is_made_again() {
    survives(Effect::ServerError, 1, false).await;
}

#[tokio::test]
async fn a_change_refused_by_503_is_made_again() {
    survives(Effect::Unavailable, 1, false).await;
}

#[tokio::test]
async fn a_change_that_is_never_sent_is_made_again() {
    survives(Effect::DropBefore, 1, false).await;
}

#[tokio::test]
async fn a_change_answered_by_a_closed_connection_is_found() {
    survives(Effect::DropAfter, 1, true).await;
}

#[tokio::test]
async fn a_change_answered_by_500_is_found() {
    survives(Effect::ServerErrorAfter, 1, true).await;
}

#[tokio::test]
async fn half_an_answer_is_none() {
    survives(Effect::Truncated, 1, true).await;
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

#[tokio::test]
async fn a_subnet_of_services_that_can_not_be_read_holds_up_no_pod() {
    let world = World::start(1).await;
    let mut options = world.serving("ovn");
    if let Some(services) = &mut options.services {
        services.service_subnets = vec!["4f7c6a2e-0000-4000-8000-000000000000".to_owned()];
    }
    let controller = world.controller(options).await;
    world.add_service("web", &[80], 1).await;
    world.add_pod("pod", "node1").await;
    world.all_ready().await;
    assert_eq!(world.openstack.calls().count("POST", "loadbalancers"), 0);
    controller.stop().await;
}
