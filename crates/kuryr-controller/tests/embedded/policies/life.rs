//! Policies come, change and go, and pods with them.

use serde_json::json;

use super::{ALL, NONE_TO_DB, from_to, three, to_db};
use crate::world::{Options, Pools, World};

async fn a_policy_comes_and_goes(pools: Pools) {
    let world = World::start(2).await;
    let _controller = world.controller(Options::enforcing().pools(pools)).await;
    three(&world).await;
    world.all_ready().await;
    world.add_policy("db", from_to("web", "db")).await;
    world.only(&ALL, 80, &to_db("web")).await;
    world.only(&ALL, 81, &NONE_TO_DB).await;
    world.until_told("db", "InForce").await;
    world.change_policy("db", from_to("other", "db")).await;
    world.only(&ALL, 80, &to_db("other")).await;
    world.delete_policy("db").await;
    world.no_policy_left().await;
}

#[tokio::test]
async fn a_policy_is_in_force_changes_and_leaves_nothing() {
    a_policy_comes_and_goes(Pools::Off).await;
}

#[tokio::test]
async fn so_it_is_where_ports_wait_in_pools() {
    a_policy_comes_and_goes(Pools::On).await;
}

#[tokio::test]
async fn a_changed_label_is_one_call_about_its_own_port() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::enforcing()).await;
    three(&world).await;
    world.add_policy("db", from_to("web", "db")).await;
    world.only(&ALL, 80, &to_db("web")).await;
    // Both labels have been seen: what they need is there.
    world.relabel("other", "web").await;
    let mut both = to_db("web");
    both.push(("other", "db"));
    world.only(&ALL, 80, &both).await;
    world.openstack.calls().clear();
    world.relabel("web", "none").await;
    world.only(&ALL, 80, &to_db("other")).await;
    assert_eq!(world.neutron_changes(), ["PUT /v2.0/ports/{id}"]);
}

#[tokio::test]
async fn a_pod_that_comes_later_is_isolated_and_a_peer_from_the_start() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::enforcing()).await;
    world.add_policy("db", from_to("web", "db")).await;
    three(&world).await;
    world.only(&ALL, 80, &to_db("web")).await;
    world.add_app("web2", "node2", "web").await;
    world.only(&["web2", "db"], 80, &[("web2", "db"), ("db", "web2")]).await;
    world.delete_pods().await;
    world.all_gone().await;
    world.delete_policy("db").await;
    world.no_policy_left().await;
}

#[tokio::test]
async fn egress_is_limited_too() {
    let world = World::start(2).await;
    let _controller = world.controller(Options::enforcing()).await;
    three(&world).await;
    let spec = json!({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]});
    world.add_policy("quiet", spec).await;
    let rest = [("db", "web"), ("db", "other"), ("other", "web"), ("other", "db")];
    world.only(&ALL, 80, &rest).await;
    world.delete_policy("quiet").await;
    world.no_policy_left().await;
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let world = World::start(2).await;
    let first = world.controller(Options::enforcing()).await;
    three(&world).await;
    world.add_policy("db", from_to("web", "db")).await;
    world.only(&ALL, 80, &to_db("web")).await;
    first.kill();
    world.expire_lease().await;
    world.openstack.calls().clear();
    let _second = world.controller(Options::enforcing()).await;
    let listed = |w: &World| w.openstack.calls().count("GET", "security-groups") > 0;
    world.until_true("all is listed", listed).await;
    // A pod that comes now is served after all that.
    world.add_app("web2", "node2", "web").await;
    world.only(&["web2", "db"], 80, &[("web2", "db"), ("db", "web2")]).await;
    let changes = world.neutron_changes();
    let of_groups = |c: &&String| c.contains("security-group") || c.contains("PUT /v2.0/ports");
    assert_eq!(changes.iter().find(of_groups), None, "{changes:?}");
}

#[tokio::test]
async fn what_others_change_in_a_group_is_put_right() {
    let world = World::start(2).await;
    let watchful = Options {
        policies: true,
        ..Options::watchful()
    };
    let _controller = world.controller(watchful).await;
    three(&world).await;
    world.add_policy("db", from_to("web", "db")).await;
    world.only(&ALL, 80, &to_db("web")).await;
    let effect = world.policy_groups().into_iter().find(|group| {
        let rules = group["security_group_rules"].as_array().unwrap();
        rules.iter().any(|r| r["port_range_min"] == 80)
    });
    let effect = effect.unwrap()["id"].clone();
    world.create(
        kuryr_lab::openstack::Kind::SecurityGroupRule,
        json!({"security_group_id": effect, "direction": "ingress", "ethertype": "IPv4"}),
    );
    world.only(&ALL, 80, &to_db("web")).await;
    world.only(&ALL, 81, &NONE_TO_DB).await;
}
