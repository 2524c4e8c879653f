//! NetworkPolicies by packets: the truth table between pods of three namespaces, their Services and nodes.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use kuryr_controller::facts;
use kuryr_core::policy::{Facts, Protocol};
use kuryr_e2e::pods::{Pods, pod};
use kuryr_e2e::progress::until;
use kuryr_e2e::reach::{By, Place, Reply, Survey};
use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, fail};
use kuryr_truth::cluster::{self, NAMESPACES, PODS, PORTS, SERVICES};
use kuryr_truth::{
    Added, Case, Places, Question, Target, TruthError, Verdict, cases, questions, relabel, updates,
    verdict,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::scenario;

/// What namespaces' names begin with.
const PREFIX: &str = "kuryr-e2e-";
/// How long what passes may take to be what policies allow.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long an answer may take that is to come: a lost SYN is sent again after one and after three seconds, and a switch without
/// help of the kernel looks at the first packet of each connection.
const TO_ANSWER: Duration = Duration::from_secs(5);
/// How long silence is listened to.
const TO_LISTEN: Duration = Duration::from_millis(1_200);
/// Questions under way at once: a switch without help of the kernel loses packets of more.
const AT_ONCE: usize = 64;
/// Of so many cases one is asked in each scenario: together a third of them.
const EACH: usize = 6;
/// Which cases are asked: `all`, else the third.
const CASES: &str = "KURYR_E2E_CASES";

#[test]
fn policies_decide_who_reaches_whom() {
    scenario("policies", async |world| table(world, false).await);
}

#[test]
fn policies_decide_across_networks() {
    scenario("policies-across-networks", async |world| {
        table(world, true).await
    });
}

async fn table(world: &mut World, namespaces: bool) -> Outcome {
    let progress = world.progress.clone();
    world.stop_programs().await?;
    world.kit.policies = true;
    world.kit.namespaces |= namespaces;
    let part = if namespaces { EACH / 2 } else { 0 };
    let start = world.start_programs();
    progress
        .step("programs that enforce policies", start)
        .await?;
    let spaces = NAMESPACES.map(|name| Pods::new(world.kube().clone(), &format!("{PREFIX}{name}")));
    let outcome = async {
        for (space, name) in spaces.iter().zip(NAMESPACES) {
            space.open().await?;
            label(world, &space.namespace, name).await?;
        }
        life(world, &spaces, part).await
    };
    let outcome = outcome.await;
    let closed = close(world, &spaces).await;
    outcome.and(closed)
}

async fn label(world: &World, namespace: &str, short: &str) -> Outcome {
    let api: Api<Namespace> = Api::all(world.kube().clone());
    patch_labels(&api, namespace, &cluster::namespace_labels(short)).await
}

async fn patch_labels<K>(api: &Api<K>, name: &str, labels: &Value) -> Outcome
where
    K: Clone + Debug + DeserializeOwned,
{
    let labels = json!({"metadata": {"labels": labels}});
    let patch = Patch::Merge(&labels);
    api.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

async fn close(world: &World, spaces: &[Pods]) -> Outcome {
    delete_all_policies(world, spaces).await?;
    for space in spaces {
        space.delete_all().await?;
    }
    for space in spaces {
        space.close().await?;
    }
    world.until_nothing_left().await
}

async fn life(world: &World, spaces: &[Pods], part: usize) -> Outcome {
    let progress = world.progress.clone();
    let mut scene = progress
        .step("9 pods ready", Scene::open(world, spaces))
        .await?;
    if world.stack.backend == "ovn" {
        let services = scene.add_services(spaces);
        progress
            .step("their Services have addresses", services)
            .await?;
    }
    let all = std::env::var(CASES).is_ok_and(|cases| cases == "all");
    let chosen: Vec<Case> = cases()?
        .into_iter()
        .enumerate()
        .filter(|(n, _)| all || n % EACH == part)
        .map(|(_, case)| case)
        .collect();
    let begin = Instant::now();
    let mut asked = 0;
    for case in &chosen {
        if let Err(TruthError::Nowhere(what)) = case.objects(&scene.places) {
            progress.say(format!(
                "{}: not asked, as {what} has no address",
                case.name
            ));
            continue;
        }
        let held = async {
            delete_all_policies(world, spaces).await?;
            scene.holds(spaces, case).await
        };
        progress
            .step(format!("{}: {}", case.name, case.shows), held)
            .await?;
        asked += 1;
    }
    if part == 0 {
        asked += updated(&mut scene, spaces).await?;
    }
    progress.say(format!(
        "    {asked} cases of {} questions each, {:.0} s",
        scene.questions().len(),
        begin.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Policies and labels that are edited; how many cases that makes.
async fn updated(scene: &mut Scene<'_>, spaces: &[Pods]) -> Outcome<usize> {
    let world = scene.world;
    delete_all_policies(world, spaces).await?;
    let all = updates()?;
    for case in &all {
        scene.relabel(spaces, &case.labels).await?;
        let held = scene.holds(spaces, case);
        let title = format!("{}: {}", case.name, case.shows);
        world.progress.step(title, held).await?;
    }
    scene.relabel(spaces, &Added::new()).await?;
    Ok(all.len())
}

/// Pods that answer, and where everything is.
struct Scene<'a> {
    world: &'a World,
    survey: Survey,
    /// Pods and nodes by the names that cases give them.
    at: BTreeMap<String, Place>,
    places: Places,
    /// Labels that pods and namespaces have besides their usual ones.
    added: Added,
}

impl<'a> Scene<'a> {
    async fn open(world: &'a World, spaces: &[Pods]) -> Outcome<Self> {
        for space in spaces {
            let made = PODS.map(|name| {
                let node = &world.nodes[cluster::node(name) - 1].name;
                let mut made = pod(name, node, &["sleep", "100000"], &json!({}));
                made["metadata"]["labels"] = cluster::pod_labels(name);
                made["spec"]["containers"][0]["ports"] = cluster::container_ports(name);
                made
            });
            space.create(made).await?;
        }
        let (mut survey, mut at) = (Survey::default(), BTreeMap::new());
        for (space, short) in spaces.iter().zip(NAMESPACES) {
            for pod in space.ready(PODS.len()).await? {
                let place = world.place(&pod)?;
                for port in PORTS {
                    survey.serve(&place, port)?;
                }
                at.insert(format!("{short}/{}", pod.name), place);
            }
        }
        for (n, place) in world.node_places().into_iter().enumerate() {
            at.insert(format!("node{}", n + 1), place);
        }
        let addresses = at.iter().map(|(name, place)| (name.clone(), place.address));
        let places = Places {
            prefix: PREFIX.to_owned(),
            addresses: addresses.collect(),
            pods: pods_network(world).await?,
        };
        Ok(Self {
            world,
            survey,
            at,
            places,
            added: Added::new(),
        })
    }

    /// All questions that can be asked here.
    fn questions(&self) -> Vec<Question> {
        let all = questions().into_iter();
        all.filter(|question| self.can_ask(question)).collect()
    }

    /// Pods and namespaces get these labels besides their usual ones, and lose others.
    async fn relabel(&mut self, spaces: &[Pods], added: &Added) -> Outcome {
        for (who, labels) in relabel(&self.added, added) {
            let (short, pod) = who.split_once('/').unwrap_or((&who, ""));
            let mut space = spaces.iter().zip(NAMESPACES);
            let Some((space, _)) = space.find(|(_, name)| *name == short) else {
                return fail(format!("{short} is no namespace"));
            };
            if pod.is_empty() {
                let api: Api<Namespace> = Api::all(self.world.kube().clone());
                patch_labels(&api, &space.namespace, &labels).await?;
            } else {
                patch_labels(&space.api(), pod, &labels).await?;
            }
        }
        self.added.clone_from(added);
        Ok(())
    }

    async fn add_services(&mut self, spaces: &[Pods]) -> Outcome {
        for service in &SERVICES {
            let space = spaces.iter().zip(NAMESPACES);
            let Some((space, _)) = space.into_iter().find(|(_, n)| *n == service.namespace) else {
                return fail("a Service of no namespace");
            };
            let made = json!({"metadata": {"name": service.name}, "spec": service.spec()});
            let made: Service = serde_json::from_value(made)?;
            let made = space
                .services()
                .create(&PostParams::default(), &made)
                .await?;
            let address = made.spec.and_then(|s| s.cluster_ip).unwrap_or_default();
            let name = format!("{}/{}", service.namespace, service.name);
            self.places
                .addresses
                .insert(name, address.parse::<IpAddr>()?);
            self.behind(space, service).await?;
        }
        Ok(())
    }

    /// Waits until Kubernetes says what is behind a Service.
    async fn behind(&self, space: &Pods, service: &cluster::Service) -> Outcome {
        let api: Api<Endpoints> = Api::namespaced(self.world.kube().clone(), &space.namespace);
        let what = format!("{} has its endpoints", service.name);
        until(what, PATIENCE, async || {
            let subsets = api.get(service.name).await?.subsets.unwrap_or_default();
            let ready = subsets.iter().flat_map(|s| s.addresses.iter().flatten());
            match ready.count() {
                some if some == service.pods.len() => Ok(()),
                others => fail(format!("it has {others}")),
            }
        })
        .await
    }

    /// What passes comes to be what the case allows.
    async fn holds(&self, spaces: &[Pods], case: &Case) -> Outcome {
        for policy in case.objects(&self.places)? {
            let policy: NetworkPolicy = serde_json::from_value(policy)?;
            put_policy(self.world, policy).await?;
        }
        let facts = self.facts(spaces).await?;
        let what = format!("{}: packets and policies agree", case.name);
        let all = self.questions();
        let wrong = Mutex::new(Vec::new());
        // At first most that is new is not in force yet: it is not waited long for answers then.
        let patience = Mutex::new(TO_LISTEN);
        until(what, PATIENCE, async || {
            // What was wrong is asked alone until it is right, and then all of it once more.
            let last = std::mem::take(&mut *lock(&wrong));
            let to_answer = std::mem::replace(&mut *lock(&patience), TO_ANSWER);
            if !last.is_empty() {
                *lock(&wrong) = self.differs(&facts, &last, to_answer).await?;
            }
            if lock(&wrong).is_empty() {
                *lock(&wrong) = self.differs(&facts, &all, to_answer).await?;
            }
            let wrong = lock(&wrong);
            match wrong.first() {
                None => Ok(()),
                Some(first) => fail(format!("{} answers are wrong, as of {first}", wrong.len())),
            }
        })
        .await
    }

    /// The cluster with its policies as Kubernetes has them: an old one leaves new fields out.
    async fn facts(&self, spaces: &[Pods]) -> Outcome<Facts> {
        let mut policies = Vec::new();
        for space in spaces {
            let api: Api<NetworkPolicy> =
                Api::namespaced(self.world.kube().clone(), &space.namespace);
            let all = api.list(&ListParams::default()).await?;
            policies.extend(all.iter().map(facts::policies::policy));
        }
        Ok(kuryr_truth::facts(&self.places, policies, &self.added)?)
    }

    /// Asks all of them at once, and gives those that came out otherwise than they are to.
    async fn differs(
        &self,
        facts: &Facts,
        all: &[Question],
        to_answer: Duration,
    ) -> Outcome<Vec<Question>> {
        let wanted = all.iter().map(|q| verdict(facts, &self.places, q));
        let wanted: Vec<Verdict> = wanted.collect::<Result<_, _>>()?;
        let asked = all.iter().zip(&wanted).map(|(question, wanted)| {
            let patience = match wanted {
                Verdict::Silence => TO_LISTEN,
                Verdict::Answered | Verdict::Either => to_answer,
            };
            self.ask(question, patience)
        });
        let asked: Vec<_> = asked.collect();
        let replies = stream::iter(asked).buffered(AT_ONCE);
        let replies: Vec<Reply> = replies.try_collect().await?;
        let together = all.iter().zip(wanted).zip(replies);
        let wrong = together.filter(|((_, wanted), reply)| !is_right(*wanted, *reply));
        Ok(wrong.map(|((question, _), _)| question.clone()).collect())
    }

    fn can_ask(&self, question: &Question) -> bool {
        match &question.to {
            Target::Pod(_) => true,
            Target::Service(service) => self.places.has(service),
        }
    }

    async fn ask(&self, question: &Question, patience: Duration) -> Outcome<Reply> {
        let name = match &question.to {
            Target::Pod(pod) => pod.clone(),
            Target::Service(service) => format!("{}/{}", service.namespace, service.name),
        };
        let target = SocketAddr::new(self.places.address(&name)?, question.port);
        let by = match question.protocol {
            Protocol::Udp => By::Udp,
            _ => By::Tcp,
        };
        let Some(from) = self.at.get(&question.from) else {
            return fail(format!("{} is nowhere", question.from));
        };
        Ok(self.survey.ask(from, target, by, patience).await)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_right(wanted: Verdict, reply: Reply) -> bool {
    match wanted {
        Verdict::Answered => reply == Reply::Answered,
        Verdict::Silence => reply == Reply::Silence,
        Verdict::Either => reply != Reply::Half,
    }
}

/// Creates a policy, or puts it in the place of the one of its name.
async fn put_policy(world: &World, mut policy: NetworkPolicy) -> Outcome {
    let namespace = policy.namespace().unwrap_or_default();
    let api: Api<NetworkPolicy> = Api::namespaced(world.kube().clone(), &namespace);
    let params = PostParams::default();
    match api.get_opt(&policy.name_any()).await? {
        None => api.create(&params, &policy).await?,
        Some(old) => {
            policy.metadata.resource_version = old.metadata.resource_version;
            api.replace(&policy.name_any(), &params, &policy).await?
        }
    };
    Ok(())
}

async fn delete_all_policies(world: &World, spaces: &[Pods]) -> Outcome {
    for space in spaces {
        delete_policies(world, space).await?;
    }
    Ok(())
}

async fn delete_policies(world: &World, space: &Pods) -> Outcome {
    let api: Api<NetworkPolicy> = Api::namespaced(world.kube().clone(), &space.namespace);
    let all = api.list(&ListParams::default()).await?;
    let deleted = all.iter().map(|policy| {
        let (api, name) = (api.clone(), policy.name_any());
        async move { api.delete(&name, &DeleteParams::default()).await }
    });
    try_join_all(deleted).await?;
    Ok(())
}

/// The network that all pods are in.
async fn pods_network(world: &World) -> Outcome<IpNet> {
    if world.kit.namespaces {
        let pool = &world.stack.ids.subnet_pool;
        let pool = world.tenant.neutron.get_subnetpool(pool).await?;
        let prefix = pool.prefixes.first().copied();
        return prefix.map_or_else(|| fail("the subnet pool is empty"), Ok);
    }
    let Some(subnet) = world.stack.ids.subnets.get("k8s-pods") else {
        return fail("the stack has no subnet of pods");
    };
    Ok(world.tenant.neutron.get_subnet(subnet).await?.cidr)
}
