//! Load balancers that fail, and what other hands change.

use kuryr_embedded_openstack::{Effect, Fault, Kind, LbKind, Settings};
use serde_json::json;

use crate::world::{Options, World};

impl World {
    /// Changes a load balancer past the controller.
    pub(super) fn change_balancer(&self, id: &str, asked: serde_json::Value) {
        self.change_lb_object(LbKind::LoadBalancer, None, id, asked);
    }

    fn change_lb_object(
        &self,
        kind: LbKind,
        pool: Option<&str>,
        id: &str,
        asked: serde_json::Value,
    ) {
        let asked = asked.as_object().cloned().unwrap();
        let done = self.cloud(|state, caller| {
            let kuryr_embedded_openstack::State { cloud, octavia, .. } = state;
            octavia.update(cloud, caller, kind, pool, id, asked)
        });
        done.unwrap();
    }

    /// Waits until Octavia's clock shows another second than when a load balancer was changed:
    /// it dates changes by the second, and that is how a list tells of them.
    pub(super) async fn a_later_second(&self, lb: &str) {
        let changed = |w: &Self| {
            w.cloud(|state, _| {
                let balancer = state.octavia.get(LbKind::LoadBalancer, lb);
                balancer.unwrap()["updated_at"].clone()
            })
        };
        self.until_true("Octavia's clock goes on", |w| {
            changed(w) != *w.cloud(|state, _| state.octavia.timestamp())
        })
        .await;
    }

    fn vanish(&self, lb: &str) {
        self.cloud(|state, _| state.octavia.vanish(lb, &mut state.cloud));
    }
}

/// One that looks for drift all the time.
pub(super) fn watchful(options: Options) -> Options {
    Options {
        resync: Options::watchful().resync,
        ..options
    }
}

/// A cloud whose operator lets all users fail load balancers over.
fn everybody_is_admin() -> Settings {
    let mut settings = Settings::default();
    for account in &mut settings.accounts {
        account.roles.push("admin".to_owned());
    }
    settings
}

#[tokio::test]
async fn an_ovn_load_balancer_in_error_is_rebuilt_with_its_addresses() {
    let world = World::start(1).await;
    let options = watchful(world.serving("ovn"));
    let _controller = world.controller(options).await;
    let outside = json!({"type": "LoadBalancer"});
    world
        .add_service_with("web", &[80], 3, json!({}), outside)
        .await;
    world.all_served().await;
    let (lb, floating) = (world.balancer_of("web"), world.floating_ips());
    world.cloud(|state, _| state.octavia.break_load_balancer(&lb));
    world.until_told("web", "LoadBalancerError").await;
    world.all_served().await;
    assert_ne!(world.balancer_of("web"), lb);
    let now = world.floating_ips();
    assert_eq!(now[0]["id"], floating[0]["id"], "it is kept");
}

#[tokio::test]
async fn an_amphora_in_error_is_failed_over_once() {
    let world = World::with(1, everybody_is_admin()).await;
    let options = watchful(world.serving("amphora"));
    let _controller = world.controller(options).await;
    world.add_service("web", &[80], 3).await;
    world.all_served().await;
    let lb = world.balancer_of("web");
    // The first try is not even begun: that is none.
    let faults = world.openstack.faults();
    faults.add(Fault::once("PUT", "failover", Effect::Unavailable));
    world.cloud(|state, _| state.octavia.break_load_balancer(&lb));
    world.all_served().await;
    assert_eq!(world.balancer_of("web"), lb);
    assert_eq!(world.openstack.calls().count("PUT", "failover"), 2);
    // A second time it is built anew.
    world.cloud(|state, _| state.octavia.break_load_balancer(&lb));
    world.all_served().await;
    assert_ne!(world.balancer_of("web"), lb);
    assert_eq!(world.openstack.calls().count("PUT", "failover"), 2);
}

#[tokio::test]
async fn an_amphora_in_error_is_rebuilt_where_failover_is_the_admins() {
    let world = World::start(1).await;
    let options = watchful(world.serving("amphora"));
    let _controller = world.controller(options).await;
    world.add_service("web", &[80], 3).await;
    world.all_served().await;
    for _ in 0..2 {
        let lb = world.balancer_of("web");
        world.cloud(|state, _| state.octavia.break_load_balancer(&lb));
        world.all_served().await;
        assert_ne!(world.balancer_of("web"), lb);
    }
    let asked = world.openstack.calls().count("PUT", "failover");
    assert_eq!(asked, 1, "it is not asked for again");
}

#[tokio::test]
async fn a_load_balancer_deleted_by_hand_is_put_back() {
    let world = World::start(1).await;
    let options = watchful(world.serving("ovn"));
    let _controller = world.controller(options).await;
    let outside = json!({"type": "LoadBalancer"});
    world
        .add_service_with("web", &[80], 3, json!({}), outside)
        .await;
    world.add_service("other", &[80], 3).await;
    world.all_served().await;
    let (lb, other) = (world.balancer_of("web"), world.balancer_of("other"));
    let floating = world.floating_ips();
    world.vanish(&lb);
    world.all_served().await;
    assert_eq!(world.balancer_of("other"), other);
    let now = world.floating_ips();
    assert_eq!(now[0]["id"], floating[0]["id"], "it is kept");
}

#[tokio::test]
async fn members_and_listeners_changed_by_hand_are_put_right() {
    let world = World::start(1).await;
    let options = watchful(world.serving("ovn"));
    let _controller = world.controller(options).await;
    world.add_service("web", &[80], 3).await;
    world.all_served().await;
    let lb = world.balancer_of("web");
    world.a_later_second(&lb).await;
    let pool = world.lb_objects(LbKind::Pool).remove(0);
    let pool = pool["id"].as_str().unwrap();
    world.cloud(|state, caller| {
        let kuryr_embedded_openstack::State { cloud, octavia, .. } = state;
        let none = octavia.set_members(cloud, caller, pool, Vec::new(), false);
        none.unwrap();
    });
    world.all_served().await;
    world.a_later_second(&lb).await;
    let listener = world.lb_objects(LbKind::Listener).remove(0);
    let (id, name) = (listener["id"].as_str().unwrap(), listener["name"].clone());
    world.change_lb_object(LbKind::Listener, None, id, json!({"name": "by hand"}));
    world
        .until_true("it has its name", |w| {
            w.lb_objects(LbKind::Listener)[0]["name"] == name
        })
        .await;
    world.all_served().await;
}

#[tokio::test]
async fn what_others_have_is_left_alone() {
    let world = World::start(1).await;
    let options = watchful(world.serving("ovn"));
    let subnet = options.services.clone().unwrap().service_subnets.remove(0);
    let network = options.services.clone().unwrap().settings.external.unwrap();
    let foreign = world.cloud(|state, caller| {
        let asked = json!({"name": "default/gone", "vip_subnet_id": subnet,
            "vip_address": "10.96.200.1", "provider": "ovn"});
        let asked = asked.as_object().cloned().unwrap();
        let kuryr_embedded_openstack::State { cloud, octavia, .. } = state;
        octavia.create_load_balancer(cloud, caller, asked).unwrap()["id"].clone()
    });
    let foreign = foreign.as_str().unwrap();
    let make = || {
        world.create(
            Kind::FloatingIp,
            json!({"floating_network_id": &*network.0}),
        )
    };
    let (unused, own) = (make(), make());
    let address = world.object(Kind::FloatingIp, &own).unwrap()["floating_ip_address"].clone();
    let before = world.object(Kind::FloatingIp, &unused);
    let _controller = world.controller(options).await;
    let spec = json!({"type": "LoadBalancer", "loadBalancerIP": address});
    world
        .add_service_with("web", &[80], 3, json!({}), spec)
        .await;
    world.all_served().await;
    world.delete_service("web").await;
    world.none_served_but(1).await;
    let own = world.object(Kind::FloatingIp, &own).unwrap();
    assert!(own["port_id"].is_null(), "{own:?}");
    assert_eq!(world.object(Kind::FloatingIp, &unused), before);
    assert!(world.cloud(|state, _| state.octavia.get(LbKind::LoadBalancer, foreign).is_some()));
}
