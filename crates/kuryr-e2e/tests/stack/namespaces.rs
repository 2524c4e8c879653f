//! Namespaces with networks of their own: who reaches whom across them, by which security groups and Services, and their end.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::{Api, ResourceExt};
use kuryr_api::KuryrNetwork;
use kuryr_e2e::pods::{Pods, Running, sleeper};
use kuryr_e2e::progress::until;
use kuryr_e2e::reach::{Answers, By, Field, Place, ask};
use kuryr_e2e::world::{FIRST, World};
use kuryr_e2e::{Outcome, fail};
use serde_json::json;

use crate::scenario;

const SPACES: usize = 3;
/// Pods of each, in turn on the nodes.
const PODS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(120);
/// Where pods answer, and where their Service does.
const TARGET: u16 = 8080;
const PORT: u16 = 80;
const MANY: usize = 5;

#[test]
fn namespaces_are_networks() {
    scenario("namespaces", async |world| {
        let progress = world.progress.clone();
        world.stop_programs().await?;
        world.kit.namespaces = true;
        progress
            .step("programs that make networks", world.start_programs())
            .await?;
        let spaces: Vec<Pods> = (0..SPACES)
            .map(|n| Pods::new(world.kube().clone(), &format!("kuryr-e2e-{n}")))
            .collect();
        for space in &spaces {
            space.open().await?;
        }
        let outcome = life(world, &spaces).await;
        if outcome.is_err() {
            for space in &spaces {
                let _ = space.close().await;
            }
        }
        outcome
    });
}

async fn life(world: &mut World, spaces: &[Pods]) -> Outcome {
    let progress = world.progress.clone();
    let vm = progress.step("a virtual machine runs", world.vm()).await?;
    first_pod(world, &spaces[0]).await?;
    let pods = progress
        .step("pods of three namespaces ready", fill(world, spaces))
        .await?;
    each_in_its_network(world, spaces, &pods).await?;
    let all: Vec<Running> = pods.iter().flatten().cloned().collect();
    let mut more = world.node_places();
    more.push(vm);
    let mut field = world.field(&all, more)?;
    let pairs = progress
        .step("every pair reached", field.all_reach(PATIENCE))
        .await?;
    progress.say(format!(
        "    {pairs} pairs of {} pods on {SPACES} networks, the nodes and the virtual machine",
        all.len()
    ));
    groups_hold(world, &mut field).await?;
    drop(field);
    if world.stack.backend == "ovn" {
        progress
            .step("Services across networks", services(world, spaces, &pods))
            .await?;
    }
    end(world, spaces).await
}

/// The first pod of a namespace, and how long it took.
async fn first_pod(world: &World, space: &Pods) -> Outcome {
    let begin = Instant::now();
    let pod = sleeper("s0p0", &world.nodes[0].name);
    space.create([pod]).await?;
    space.ready_one("s0p0").await?;
    world.progress.say(format!(
        "    the first pod of a namespace is ready after {:.1} s",
        begin.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// All others.
async fn fill(world: &World, spaces: &[Pods]) -> Outcome<Vec<Vec<Running>>> {
    for (n, space) in spaces.iter().enumerate() {
        let pod = |p: usize| {
            let node = &world.nodes[p % world.nodes.len()].name;
            sleeper(&format!("s{n}p{p}"), node)
        };
        let from = usize::from(n == 0);
        space.create((from..PODS).map(pod)).await?;
    }
    let mut all = Vec::new();
    for space in spaces {
        all.push(space.ready(PODS).await?);
    }
    Ok(all)
}

/// The pods of each namespace are in the prefix that its KuryrNetwork says, and in no other's.
async fn each_in_its_network(world: &World, spaces: &[Pods], pods: &[Vec<Running>]) -> Outcome {
    let mut prefixes = BTreeSet::new();
    for (space, pods) in spaces.iter().zip(pods) {
        let what = format!("the network of {} is told", space.namespace);
        let api: Api<KuryrNetwork> = Api::namespaced(world.kube().clone(), &space.namespace);
        let cidr = until(what, PATIENCE, async || {
            let told = api.get(&space.namespace).await?.status.unwrap_or_default();
            match (told.subnet_cidr, told.router_id) {
                (Some(cidr), Some(_)) => Ok(cidr),
                _ => fail("not all of it is"),
            }
        })
        .await?;
        let prefix: ipnet::IpNet = cidr.parse()?;
        if let Some(astray) = pods.iter().find(|p| !prefix.contains(&p.address)) {
            return fail(format!("{astray:?} is not in {prefix}"));
        }
        prefixes.insert(prefix);
    }
    match prefixes.len() == spaces.len() {
        true => Ok(()),
        false => fail(format!("two namespaces have one prefix: {prefixes:?}")),
    }
}

/// A rule that names the pods' group holds across their networks, and for nobody else.
async fn groups_hold(world: &World, field: &mut Field) -> Outcome {
    let pod = |name: &str| name.starts_with("pod ");
    let other = |name: &str| name == "vm";
    world.tenant.shut_out(&world.group).await?;
    world.tenant.let_members_in(&world.group).await?;
    let total = SPACES * PODS;
    let decides = until(
        "members reach each other, and the virtual machine none",
        PATIENCE,
        async || {
            let counts = field.burst(1).await;
            let (members, strangers) = (counts.between(pod, pod), counts.between(other, pod));
            match (strangers, members as usize == total * (total - 1)) {
                (0, true) => Ok(()),
                _ => fail(format!("{members} and {strangers} datagrams arrived")),
            }
        },
    );
    world
        .progress
        .step("the group lets its members in, nobody else", decides)
        .await?;
    let counts = field.burst(MANY).await;
    let (members, strangers) = (counts.between(pod, pod), counts.between(other, pod));
    world.progress.say(format!(
        "    {members} datagrams between pods of {SPACES} networks arrived, {strangers} of the virtual machine's"
    ));
    if strangers > 0 || (members as usize) < total * (total - 1) {
        return fail("the group is not what decides across networks");
    }
    world.tenant.shut_out(&world.group).await?;
    world.tenant.let_in(&world.group).await
}

/// A Service of each namespace, asked by a pod of each other.
async fn services(world: &World, spaces: &[Pods], pods: &[Vec<Running>]) -> Outcome {
    let mut answers = Answers::default();
    let mut addresses = Vec::new();
    for (space, pods) in spaces.iter().zip(pods) {
        for pod in &pods[1..] {
            answers.serve(&world.place(pod)?, TARGET)?;
            let labels = json!({"metadata": {"labels": {"app": "web"}}});
            let patch = kube::api::Patch::Merge(&labels);
            let params = kube::api::PatchParams::default();
            space.api().patch(&pod.name, &params, &patch).await?;
        }
        addresses.push(make_service(space).await?);
    }
    for (asked, vip) in pods.iter().zip(&addresses) {
        let expected: BTreeSet<String> = asked[1..]
            .iter()
            .map(|pod| format!("pod {}", pod.name))
            .collect();
        for askers in pods {
            let asker = world.place(&askers[0])?;
            for by in [By::Tcp, By::Udp] {
                answered(&asker, *vip, by, &expected).await?;
            }
        }
    }
    for space in spaces {
        let services = space.services();
        services.delete("web", &DeleteParams::default()).await?;
    }
    Ok(())
}

async fn make_service(space: &Pods) -> Outcome<IpAddr> {
    let port = |name: &str, protocol: &str| json!({"name": name, "port": PORT, "targetPort": TARGET, "protocol": protocol});
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [port("t", "TCP"), port("u", "UDP")]},
    });
    let service: Service = serde_json::from_value(service)?;
    let services = space.services();
    let made = services.create(&PostParams::default(), &service).await?;
    let address = made.spec.and_then(|s| s.cluster_ip);
    Ok(address.unwrap_or_default().parse()?)
}

/// All of them answer, and nobody else.
async fn answered(asker: &Place, vip: IpAddr, by: By, expected: &BTreeSet<String>) -> Outcome {
    let what = format!("{expected:?} answer {} by {by:?}", asker.name);
    until(what, PATIENCE, async || {
        let mut seen = BTreeSet::new();
        for _ in 0..expected.len() * 12 {
            seen.insert(ask(asker, SocketAddr::new(vip, PORT), by).await?);
        }
        match seen == *expected {
            true => Ok(()),
            false => fail(format!("{seen:?} did")),
        }
    })
    .await
}

/// Namespaces go, each in another way, and the controller is killed meanwhile.
async fn end(world: &mut World, spaces: &[Pods]) -> Outcome {
    let progress = world.progress.clone();
    let api: Api<Namespace> = Api::all(world.kube().clone());
    let now = DeleteParams::default();
    // All at once; its KuryrNetwork first, as nobody should; its KuryrPorts first.
    api.delete(&spaces[0].namespace, &now).await?;
    delete_all::<KuryrNetwork>(world, &spaces[1]).await?;
    api.delete(&spaces[1].namespace, &now).await?;
    delete_all::<kuryr_api::KuryrPort>(world, &spaces[2]).await?;
    spaces[2].delete_all().await?;
    world.kill_controller(FIRST).await?;
    progress.say("controller killed while namespaces end");
    world.start_programs().await?;
    let begin = Instant::now();
    let closed = async {
        for space in spaces {
            space.close().await?;
        }
        world.until_nothing_left().await
    };
    progress
        .step("three namespaces gone, nothing of them left", closed)
        .await?;
    progress.say(format!(
        "    {:.1} s after the controller was there again",
        begin.elapsed().as_secs_f64()
    ));
    Ok(())
}

async fn delete_all<K: kube::Resource<DynamicType = ()>>(world: &World, space: &Pods) -> Outcome {
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> =
        Api::namespaced_with(world.kube().clone(), &space.namespace, &resource);
    for object in api.list(&ListParams::default()).await? {
        api.delete(&object.name_any(), &DeleteParams::default())
            .await?;
    }
    Ok(())
}
