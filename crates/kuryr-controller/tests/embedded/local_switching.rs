//! What the leader says of which networks may be switched on the nodes.

use kuryr_api::names::OPEN_NETWORKS_ANNOTATION;
use kuryr_embedded_openstack::Kind;
use serde_json::json;

use crate::world::{CLUSTER, Options, World};

impl World {
    /// The networks that are said to be open; `None` if nothing was said yet.
    fn open(&self) -> Option<String> {
        let name = format!("kuryr-{CLUSTER}-local-switching");
        let leases = self.table("leases.coordination.k8s.io");
        let lease = leases.iter().find(|l| l["metadata"]["name"] == name)?;
        let said = &lease["metadata"]["annotations"][OPEN_NETWORKS_ANNOTATION];
        said.as_str().map(str::to_owned)
    }

    async fn until_open(&self, networks: &str) {
        let what = format!("open: {networks:?}");
        self.until_true(&what, |world| world.open().as_deref() == Some(networks))
            .await;
    }
}

fn saying() -> Options {
    Options {
        local_switching: true,
        ..Options::default()
    }
}

#[tokio::test]
async fn it_is_open_as_long_as_the_groups_rules_let_everything_pass() {
    let world = World::start(1).await;
    let _controller = world.controller(saying()).await;
    let network = world.tenant.pod_network.clone();
    world.until_open(&network).await;
    let group = &world.tenant.pod_security_group;
    let rules = world.objects(Kind::SecurityGroupRule);
    // The project's default group has such a rule, too.
    let within = rules
        .iter()
        .find(|r| r["remote_group_id"] == **group && r["security_group_id"] == **group);
    let within = within.unwrap()["id"].as_str().unwrap();
    world.delete(Kind::SecurityGroupRule, within);
    world.until_open("").await;
    world.create(
        Kind::SecurityGroupRule,
        json!({"security_group_id": group, "direction": "ingress", "ethertype": "IPv4"}),
    );
    world.until_open(&network).await;
}

#[tokio::test]
async fn the_next_leader_says_it_again() {
    let world = World::start(1).await;
    let network = world.tenant.pod_network.clone();
    let controller = world.controller(saying()).await;
    world.until_open(&network).await;
    controller.stop().await;
    let holder = |world: &World| {
        let name = format!("kuryr-{CLUSTER}-local-switching");
        let leases = world.table("leases.coordination.k8s.io");
        let lease = leases.iter().find(|l| l["metadata"]["name"] == name);
        lease.unwrap()["spec"]["renewTime"].clone()
    };
    let before = holder(&world);
    let _next = world.controller(saying()).await;
    world
        .until_true("renewed", |world| holder(world) != before)
        .await;
}

#[tokio::test]
async fn nothing_is_said_unless_it_is_wanted() {
    let world = World::start(1).await;
    let _controller = world.controller(Options::default()).await;
    world.add_pods("pod", 1, 1).await;
    world.all_ready().await;
    assert_eq!(world.open(), None);
}
