//! Security groups of policies: told, and never changed.

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use kube::api::PostParams;
use kuryr_controller::PolicyConfig;
use kuryr_core::doctor::FindingKind;
use kuryr_embedded_openstack::Kind;
use serde_json::json;

use crate::world::{World, kinds};

/// Two pods that a policy isolates, in force; no controller any more.
async fn enforced() -> World {
    let mut world = World::start(1).await;
    world.config.policies = Some(PolicyConfig::default());
    world.add_pod("pod1", 1).await;
    world.add_pod("pod2", 1).await;
    let policy = json!({
        "metadata": {"name": "web"},
        "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]},
    });
    let api: Api<NetworkPolicy> = Api::default_namespaced(world.client.clone());
    let policy = serde_json::from_value(policy).unwrap();
    api.create(&PostParams::default(), &policy).await.unwrap();
    let controller = world.controller().await;
    world.until_ready(2).await;
    world
        .until("all is as the policy asks", async || {
            world.look().await.is_healthy()
        })
        .await;
    controller.stop().await;
    world.openstack.calls().clear();
    world
}

/// The group of the policy itself.
fn own_group(world: &World) -> String {
    let groups = world.objects(Kind::SecurityGroup).into_iter();
    let is_own = |name: &str| name.contains("ingress of policy default/web");
    let mut own = groups.filter(|g| g["name"].as_str().is_some_and(is_own));
    own.next().unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rule_that_somebody_made_is_told_and_stays() {
    let world = enforced().await;
    world.pretend_leader().await;
    let open = json!({"security_group_id": own_group(&world), "direction": "ingress", "ethertype": "IPv4"});
    world.create(Kind::SecurityGroupRule, open);
    let fixed = world.fix().await;
    assert_eq!(kinds(&fixed.after), [FindingKind::PolicyRulesDiffer]);
    assert_eq!(world.openstack.calls().changing(), 0);
}

#[tokio::test]
async fn groups_that_somebody_gave_a_port_are_told_and_stay() {
    let world = enforced().await;
    world.pretend_leader().await;
    let port = world.port_of("pod1").await;
    world.update_port(&port, json!({"security_groups": []}));
    let fixed = world.fix().await;
    assert_eq!(kinds(&fixed.after), [FindingKind::SecurityGroupsDiffer]);
    let what = &fixed.after.findings[0].what;
    assert!(what.contains("ingress of policy default/web"), "{what}");
    assert_eq!(world.openstack.calls().changing(), 0);
}

#[tokio::test]
async fn what_policies_left_when_they_were_switched_off_is_told() {
    let mut world = enforced().await;
    world.pretend_leader().await;
    world.config.policies = None;
    let found = kinds(&world.look().await);
    assert!(found.contains(&FindingKind::PolicyGroupLeaked), "{found:?}");
    assert!(
        found.contains(&FindingKind::SecurityGroupsDiffer),
        "{found:?}"
    );
}
