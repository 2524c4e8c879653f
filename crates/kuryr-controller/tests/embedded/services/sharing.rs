//! Several Services on one load balancer.

use kuryr_embedded_openstack::LbKind;
use serde_json::{Value, json};

use crate::world::World;

/// Of each Service here.
const ENDPOINTS: usize = 3;
const SHARED: &str = "loadbalancer.openstack.org/load-balancer-id";

impl World {
    /// Numbers of the ports of a load balancer, in order.
    fn ports_of_balancer(&self, lb: &str) -> Vec<u64> {
        let listeners = self.lb_objects(LbKind::Listener);
        let own = listeners.iter().filter(|l| l["loadbalancer_id"] == lb);
        let mut ports: Vec<u64> = own.filter_map(|l| l["protocol_port"].as_u64()).collect();
        ports.sort_unstable();
        ports
    }

    /// Waits until a load balancer has these ports, with the members of each, and its Services one address outside.
    async fn until_shared(&self, lb: &str, ports: &[u64], services: &[&str]) {
        self.until(|world| {
            let have = world.ports_of_balancer(lb);
            let address = |s: &&str| world.outside_address(s);
            let addresses: Vec<_> = services.iter().map(address).collect();
            let one = addresses.windows(2).all(|w| w[0] == w[1]) && addresses[0].is_some();
            let whole = world.balancers().into_iter().find(|own| own["id"] == *lb);
            let inside = whole.map(|lb| world.inside(&lb)).unwrap_or_default();
            // A listener is there before its members are.
            let filled = inside
                .iter()
                .all(|(_, _, members)| members.len() == ENDPOINTS);
            let right = have == ports && one && filled;
            right
                .then_some(())
                .ok_or(format!("{inside:?} at {addresses:?}"))
        })
        .await;
    }

    /// A Service of type LoadBalancer that asks to share.
    async fn add_guest(&self, name: &str, port: u16, of: &str) {
        let outside = json!({"type": "LoadBalancer"});
        self.add_service_with(name, &[port], ENDPOINTS, json!({SHARED: of}), outside)
            .await;
    }
}

#[tokio::test]
async fn a_shared_load_balancer_serves_both_and_goes_with_the_last() {
    let world = World::start(1).await;
    let options = world.serving("ovn");
    let _controller = world.controller(options).await;
    let outside = json!({"type": "LoadBalancer"});
    world
        .add_service_with("host", &[80], 3, json!({}), outside)
        .await;
    world.all_served().await;
    let lb = world.balancer_of("host");
    world.add_guest("guest", 81, &lb).await;
    world.until_shared(&lb, &[80, 81], &["host", "guest"]).await;
    assert_eq!(world.floating_ips().len(), 1, "one for both");
    let own = world.balancer_of("guest");
    assert_eq!(world.ports_of_balancer(&own), [81], "inside as ever");
    world.delete_service("host").await;
    world.until_shared(&lb, &[81], &["guest"]).await;
    assert_eq!(world.floating_ips().len(), 1);
    world.delete_service("guest").await;
    world.none_served().await;
}

#[tokio::test]
async fn a_port_of_a_shared_load_balancer_that_another_has_is_told() {
    let world = World::start(1).await;
    let options = world.serving("amphora");
    let _controller = world.controller(options).await;
    let outside = json!({"type": "LoadBalancer"});
    world
        .add_service_with("host", &[80], 3, json!({}), outside)
        .await;
    world.all_served().await;
    let lb = world.balancer_of("host");
    world.add_guest("guest", 81, "default/host").await;
    world.until_shared(&lb, &[80, 81], &["host", "guest"]).await;
    world.openstack.calls().clear();
    world.add_guest("late", 81, &lb).await;
    let note = world.until_told("late", "SharedLoadBalancerRefused").await;
    assert!(note.contains("TCP port 81 of"), "{note}");
    assert!(note.contains("default/guest"), "{note}");
    world.add_guest("lost", 81, "default/nobody").await;
    let note = world.until_told("lost", "SharedLoadBalancerRefused").await;
    assert!(note.contains("there is no load balancer"), "{note}");
    world.until_shared(&lb, &[80, 81], &["host", "guest"]).await;
    let made = world.octavia_changes();
    assert!(
        made.iter().all(|c| c == "POST /v2/lbaas/loadbalancers"),
        "only their own: {made:?}"
    );
    assert_eq!(world.outside_address("late"), None);
    // The guest leaves: who waited comes.
    let alone = json!({"metadata": {"annotations": {SHARED: Value::Null}}});
    world.patch_service("guest", alone).await;
    world.until_shared(&lb, &[80, 81], &["host", "late"]).await;
    for name in ["host", "guest", "late", "lost"] {
        world.delete_service(name).await;
    }
    world.none_served().await;
}
