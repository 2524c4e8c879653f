//! KuryrNetworkPolicies: what they say, and what becomes of upstream's.

use kuryr_embedded_openstack::Kind;
use serde_json::{Value, json};

use crate::world::{Options, World};

/// Pods may be called by those with this label at one port.
fn policy(port: u16) -> Value {
    json!({
        "metadata": {"namespace": "default", "name": "web"},
        "spec": {
            "podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]},
            "ingress": [{
                "from": [{"podSelector": {"matchLabels": {"app": "web"}}}],
                "ports": [{"port": port}],
            }],
        },
    })
}

/// Ids of rules that the KuryrNetworkPolicy lists, and of those that its group has in Neutron.
fn listed_and_there(world: &World) -> Option<(Vec<String>, Vec<String>)> {
    let claim = world.policy_claim("web")?;
    let group = claim["status"]["securityGroupId"].as_str()?;
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    let id = |id: &Value| id.as_str().map(str::to_owned);
    let listed = claim["status"]["securityGroupRules"].as_array()?.iter();
    let listed = listed.filter_map(|rule| id(&rule["id"]));
    let all = world.objects(Kind::SecurityGroupRule).into_iter();
    let there = all.filter(|rule| rule["security_group_id"] == group);
    let there = there.filter_map(|rule| id(&rule["id"]));
    Some((sorted(listed.collect()), sorted(there.collect())))
}

fn says(world: &World, port: u16) -> bool {
    let claim = world.policy_claim("web").unwrap_or_default();
    let rule = &claim["spec"]["ingressSgRules"][0]["sgRule"];
    let is_of_port = rule["port_range_min"] == port && rule["remote_group_id"].is_string();
    is_of_port && listed_and_there(world).is_some_and(|(listed, there)| listed == there)
}

#[tokio::test]
async fn it_says_what_its_policys_groups_are_until_the_policy_is_gone() {
    let world = World::start(2).await;
    let _controller = world.controller(world.enforcing(Options::default())).await;
    world.add_pods("pod", 2, 2).await;
    world.all_ready().await;
    world.put_policy(policy(80)).await;
    world.until_true("it is said", |w| says(w, 80)).await;
    let claim = world.policy_claim("web").unwrap();
    assert_eq!(claim["spec"]["policyTypes"], json!(["Ingress"]));
    let link = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/web";
    assert_eq!(claim["metadata"]["annotations"]["networkPolicyLink"], link);
    assert_eq!(
        claim["metadata"]["ownerReferences"][0]["kind"],
        "NetworkPolicy"
    );
    assert_eq!(claim["spec"]["egressSgRules"], json!([]));
    assert_eq!(claim["spec"]["podSelector"], claim["status"]["podSelector"]);
    world.put_policy(policy(81)).await;
    world.until_true("the edit is said", |w| says(w, 81)).await;
    // Of a selector that is edited nothing is left.
    let mut all = policy(81);
    all["spec"]["podSelector"] = json!({});
    world.put_policy(all).await;
    world
        .until_true("all pods", |w| {
            let claim = w.policy_claim("web").unwrap_or_default();
            says(w, 81) && claim["spec"]["podSelector"] == json!({})
        })
        .await;
    world.remove("KuryrNetworkPolicy", "web").await;
    world.until_true("it is said again", |w| says(w, 81)).await;
    world.delete_policies().await;
    world
        .until_true("it is gone", |w| w.policy_claim("web").is_none())
        .await;
}

#[tokio::test]
async fn a_controller_that_comes_after_writes_none_again() {
    let world = World::start(2).await;
    let options = world.enforcing(Options::default());
    let first = world.controller(options.clone()).await;
    world.add_pods("pod", 2, 2).await;
    world.all_ready().await;
    world.put_policy(policy(80)).await;
    world.until_true("it is said", |w| says(w, 80)).await;
    first.stop().await;
    let version = |w: &World| w.policy_claim("web").unwrap()["metadata"]["resourceVersion"].clone();
    let before = version(&world);
    let _second = world.controller(options).await;
    let mut other = policy(80);
    other["metadata"]["name"] = json!("other");
    world.put_policy(other).await;
    world
        .until_true("another is said", |w| w.policy_claim("other").is_some())
        .await;
    assert_eq!(version(&world), before);
}

/// A security group as upstream made it for the policy, which pods' ports carry.
async fn upstreams(world: &World, description: &str) -> String {
    let asked = json!({"name": "sg-default-web", "description": description});
    let group = world.create(Kind::SecurityGroup, asked);
    for port in world.ports_of(crate::world::CLUSTER) {
        world.update(Kind::Port, &port.id, json!({"security_groups": [group]}));
    }
    let rule =
        json!({"direction": "ingress", "ethertype": "IPv4", "id": "r", "security_group_id": group});
    let spec = json!({
        "podSelector": {"matchLabels": {"app": "old"}},
        "policyTypes": ["Ingress"],
        "ingressSgRules": [{"sgRule": {"direction": "ingress", "ethertype": "IPv4"}}],
        "egressSgRules": [],
    });
    let status = json!({"securityGroupId": group, "securityGroupRules": [rule]});
    world.put_policy_claim("web", spec, status).await;
    group
}

#[tokio::test]
async fn upstreams_is_taken_over_and_its_group_goes_once_no_port_carries_it() {
    let world = World::start(2).await;
    let options = world.enforcing(Options::default());
    let first = world.controller(options.clone()).await;
    world.add_pods("pod", 2, 2).await;
    world.all_ready().await;
    first.stop().await;
    let group = upstreams(&world, "Kuryr-Kubernetes Network Policy default/web SG").await;
    world.put_policy(policy(80)).await;
    let _second = world.controller(options).await;
    world.until_true("it is ours", |w| says(w, 80)).await;
    assert!(world.object(Kind::SecurityGroup, &group).is_none());
    world.check_pods_flows().unwrap();
}

#[tokio::test]
async fn anothers_group_in_a_kuryrnetworkpolicy_is_left_alone() {
    let world = World::start(2).await;
    let group = upstreams(&world, "the operator's").await;
    let _controller = world.controller(world.enforcing(Options::default())).await;
    world
        .until_true("it is let go of", |w| w.policy_claim("web").is_none())
        .await;
    assert!(world.object(Kind::SecurityGroup, &group).is_some());
}
