//! How many calls it takes.

use crate::world::World;

async fn a_life_costs_few_calls(provider: &str) {
    let world = World::start(1).await;
    let options = world.serving(provider);
    let _controller = world.controller(options).await;
    world.add_service("web", &[80], 10).await;
    world.all_served().await;
    assert_eq!(world.octavia_changes(), ["POST /v2/lbaas/loadbalancers"]);
    world.openstack.calls().clear();
    world.scale("web", &[80], 60).await;
    world.all_served().await;
    assert_eq!(
        world.octavia_changes(),
        ["PUT /v2/lbaas/pools/{id}/members"]
    );
    world.openstack.calls().clear();
    world.delete_service("web").await;
    world.none_served().await;
    assert_eq!(
        world.octavia_changes(),
        ["DELETE /v2/lbaas/loadbalancers/{id}"]
    );
}

#[tokio::test]
async fn one_call_makes_a_service_by_ovn() {
    a_life_costs_few_calls("ovn").await;
}

#[tokio::test]
async fn one_call_makes_a_service_by_amphora() {
    a_life_costs_few_calls("amphora").await;
}

#[tokio::test]
async fn two_ports_are_scaled_by_two_calls() {
    let world = World::start(1).await;
    let options = world.serving("ovn");
    let _controller = world.controller(options).await;
    world.add_service("web", &[80, 443], 10).await;
    world.all_served().await;
    assert_eq!(world.octavia_changes().len(), 1);
    world.openstack.calls().clear();
    world.scale("web", &[80, 443], 60).await;
    world.all_served().await;
    let change = "PUT /v2/lbaas/pools/{id}/members";
    assert_eq!(world.octavia_changes(), [change, change]);
}

#[tokio::test]
async fn a_restart_changes_nothing_and_reads_each_load_balancer_once() {
    const SERVICES: usize = 30;
    let world = World::start(1).await;
    let options = world.serving("ovn");
    let first = world.controller(options.clone()).await;
    for n in 0..SERVICES {
        world.add_service(&format!("web{n}"), &[80], 10).await;
    }
    world.all_served().await;
    first.kill();
    world.expire_lease().await;
    world.openstack.calls().clear();
    let _second = world.controller(options).await;
    // A new one is served when the others were looked at.
    let looks = |w: &World| w.openstack.calls().count("GET", "pools/{id}/members");
    world
        .until_true("all were looked at", |w| looks(w) >= SERVICES)
        .await;
    world.add_service("late", &[80], 10).await;
    world.all_served().await;
    assert_eq!(world.octavia_changes(), ["POST /v2/lbaas/loadbalancers"]);
    // Itself, listeners, pools and members of each; the new one is looked at a few times.
    let reads = world.openstack.calls().to_octavia();
    assert!(reads <= 4 * SERVICES + 30, "{reads} calls");
}
