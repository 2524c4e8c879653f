//! What the controller may do, by `deploy/rbac`: enough, nothing besides, and each thing that is missing is said.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use kuryr_embedded_kubernetes::Attributes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::{CONTROLLER, Controller, Log, Options, World};

/// A verb on a resource of a group.
type Right = (String, String, String);

/// Rights that only other clusters or accidents need, and why.
const NOT_IN_A_LIFE: [(&str, &str, &str); 2] = [
    // Clusters without EndpointSlices.
    ("", "endpoints", "list"),
    ("", "endpoints", "watch"),
];

/// What the controller's account is granted by a file of `deploy/rbac`.
fn granted_by(file: &str) -> BTreeSet<Right> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rbac");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    let all: Vec<Value> = documents.map(|d| Value::deserialize(d).unwrap()).collect();
    let ours = |o: &&Value| {
        let name = o["metadata"]["name"].as_str().unwrap();
        o["rules"].is_array() && name.starts_with("kuryr-controller")
    };
    let list = |rule: &Value, name: &str| -> Vec<String> {
        serde_json::from_value(rule[name].clone()).unwrap()
    };
    let mut rights = BTreeSet::new();
    for rule in all
        .iter()
        .filter(ours)
        .flat_map(|o| o["rules"].as_array().unwrap())
    {
        for group in list(rule, "apiGroups") {
            for resource in list(rule, "resources") {
                for verb in list(rule, "verbs") {
                    rights.insert((group.clone(), resource.clone(), verb));
                }
            }
        }
    }
    rights
}

fn granted() -> BTreeSet<Right> {
    granted_by("accounts.yaml")
}

fn is_in_a_life((group, resource, verb): &Right) -> bool {
    !NOT_IN_A_LIFE
        .iter()
        .any(|(g, r, v)| group == g && resource == r && verb == v)
}

fn right(asked: &Attributes) -> Right {
    (
        asked.group.clone(),
        asked.resource.clone(),
        asked.verb.to_owned(),
    )
}

/// An annotation of a Service that is told and passed over.
fn wrong(value: Value) -> Value {
    json!({"openstack.org/kuryr-timeout-client-data": value})
}

/// A policy of pods that are isolated in one direction.
fn isolating(direction: &str) -> Value {
    json!({
        "metadata": {"namespace": "default", "name": "web"},
        "spec": {"podSelector": {}, "policyTypes": [direction]},
    })
}

/// Waits until the policy's KuryrNetworkPolicy says this direction, or is gone.
async fn until_claimed(world: &World, direction: Option<&str>) {
    let is_said = |w: &World| {
        let claim = w.policy_claim("web");
        let said = claim.map(|claim| claim["spec"]["policyTypes"].clone());
        said == direction.map(|direction| json!([direction]))
    };
    world.until_true("the KuryrNetworkPolicy", is_said).await;
}

/// A world whose controllers may do what is granted, what they did, and what was refused to them.
struct Guarded {
    world: World,
    used: Arc<Mutex<BTreeSet<Right>>>,
    refused: Arc<Mutex<BTreeSet<Right>>>,
    log: Log,
    _controller: Controller,
}

impl Guarded {
    async fn start(granted: BTreeSet<Right>) -> Self {
        let world = World::start(1).await;
        let (used, refused) = (Arc::default(), Arc::default());
        let (uses, refuses) = (Arc::clone(&used), Arc::clone(&refused));
        world.kube.authorizer().set(move |headers, asked| {
            // The test itself may do all.
            if !headers.contains_key(CONTROLLER) {
                return Ok(());
            }
            let right = right(asked);
            let (list, result): (&Mutex<BTreeSet<Right>>, _) = match granted.contains(&right) {
                true => (&uses, Ok(())),
                false => (&refuses, Err("kuryr-controller".to_owned())),
            };
            list.lock().unwrap().insert(right);
            result
        });
        let log = Log::default();
        let serving = world.serving("ovn");
        let options = Options {
            log: Some(log.clone()),
            lease: (Duration::from_secs(3), Duration::from_millis(300)),
            ..world.enforcing(world.namespaced(serving))
        };
        let controller = world.controller(options).await;
        Self {
            world,
            used,
            refused,
            log,
            _controller: controller,
        }
    }

    /// Waits for something, or for a refusal of this right, whichever is first.
    async fn until(&self, refused: Option<&Right>, what: impl Future<Output = ()>) -> bool {
        let seen = async {
            while !refused.is_some_and(|r| self.refused.lock().unwrap().contains(r)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = what => false,
            () = seen => true,
        }
    }

    /// Pods come, and a Service that can't have all that it asks for, and go again.
    async fn life(&self, refused: Option<&Right>) {
        let world = &self.world;
        world.add_pods("pod", 2, 1).await;
        let outside = json!({"type": "LoadBalancer"});
        world
            .add_service_with("web", &[80], 1, wrong("soon".into()), outside)
            .await;
        let made = async {
            world.all_ready().await;
            world.all_served().await;
            world.until_told("web", "InvalidValue").await;
            world.put_policy(isolating("Ingress")).await;
            until_claimed(world, Some("Ingress")).await;
            world.put_policy(isolating("Egress")).await;
            until_claimed(world, Some("Egress")).await;
            // Of pods and Services that are gone, without owners for Kubernetes to collect them by.
            let spec = json!({"podUid": "gone", "podNodeName": "node1"});
            world.leave("KuryrPort", "gone", spec).await;
            world.leave("KuryrLoadBalancer", "gone", json!({})).await;
            let spec = json!({"podSelector": {}, "policyTypes": [], "ingressSgRules": [], "egressSgRules": []});
            world.leave("KuryrNetworkPolicy", "gone", spec).await;
            let is_gone = |w: &World| w.policy_claim("gone").is_none();
            world
                .until_true("what no policy has is gone", is_gone)
                .await;
            // Deleted by hand they are let go, and made anew.
            world.remove("KuryrPort", "pod1").await;
            world.remove("KuryrNetwork", "default").await;
            world.remove("KuryrNetworkPolicy", "web").await;
            world.remove("KuryrLoadBalancer", "web").await;
            world.all_ready().await;
            let is_told = |w: &World| w.told_networks().iter().any(|t| !t.router.is_empty());
            world.until_true("a KuryrNetwork again", is_told).await;
            let over = json!({"metadata": {"annotations": wrong(Value::Null)}, "spec": {"type": "ClusterIP"}});
            world.patch_service("web", over).await;
            world.all_served().await;
            // What is told again is written into the Event that is there.
            let again = json!({"metadata": {"annotations": wrong("soon".into())}});
            world.patch_service("web", again).await;
            let again = |w: &World| {
                let told = w.table("events");
                told.iter().any(|e| e["series"]["count"].is_u64())
            };
            world.until_true("told again", again).await;
            world.all_served().await;
        };
        if self.until(refused, made).await {
            return;
        }
        let gone = async {
            until_claimed(world, Some("Egress")).await;
            world.delete_policies().await;
            until_claimed(world, None).await;
            world.delete_service("web").await;
            world.delete_pods().await;
            world.all_gone().await;
            world.none_served().await;
        };
        self.until(refused, gone).await;
    }
}

#[tokio::test]
async fn what_is_granted_is_enough_and_all_of_it_is_used() {
    let granted = granted();
    let guarded = Guarded::start(granted.clone()).await;
    guarded.life(None).await;
    let refused = guarded.refused.lock().unwrap().clone();
    let takeover = granted_by("takeover.yaml");
    assert!(refused.is_subset(&takeover), "{refused:?}");
    let used = guarded.used.lock().unwrap().clone();
    let idle: Vec<_> = granted
        .difference(&used)
        .filter(|r| is_in_a_life(r))
        .collect();
    assert!(idle.is_empty(), "granted and never used: {idle:?}");
}

/// Each by itself: the log names verb and resource, as the API server does.
#[tokio::test]
async fn each_right_that_is_missing_is_said() {
    let all = granted();
    let each = all.iter().filter(|r| is_in_a_life(r)).map(|taken| {
        let mut left = all.clone();
        left.remove(taken);
        async move {
            let guarded = Guarded::start(left).await;
            guarded.life(Some(taken)).await;
            let (group, resource, verb) = taken;
            let sentence = format!(r#"cannot {verb} resource "{resource}" in API group "{group}""#);
            let mut waited = 0;
            while !guarded.log.text().replace('\\', "").contains(&sentence) {
                assert!(
                    waited < 300,
                    "{taken:?} is not said:\n{}",
                    guarded.log.text()
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
                waited += 1;
            }
            assert!(guarded.refused.lock().unwrap().contains(taken), "{taken:?}");
        }
    });
    futures::stream::iter(each.collect::<Vec<_>>())
        .buffer_unordered(4)
        .collect::<Vec<()>>()
        .await;
}
