//! Services: reached at their addresses, by pods, a virtual machine and from outside.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Service};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kuryr_e2e::progress::until;
use kuryr_e2e::reach::{Answers, By, Place, ask};
use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, fail, pods};
use serde_json::{Value, json};

use crate::scenario;

const PATIENCE: Duration = Duration::from_secs(120);
/// Pods behind the Service when it has most.
pub(crate) const MOST: usize = 5;
/// Where they answer.
const TARGET: u16 = 8080;
/// Where the Service does.
const PORT: u16 = 80;
const NAME: &str = "web";

#[test]
fn a_service_over_two_hypervisors() {
    scenario("services", async |world| {
        if world.stack.backend != "ovn" {
            world
                .progress
                .say("skipped: only Octavia's OVN provider carries traffic on this stack");
            return Ok(());
        }
        let progress = world.progress.clone();
        let vm = progress.step("a virtual machine runs", world.vm()).await?;
        let mut answers = Answers::default();
        let client = progress
            .step("6 pods ready", backends(world, &mut answers))
            .await?;
        let scene = Scene {
            world,
            askers: vec![client, vm],
        };
        scene.select(3).await?;
        let vip = progress.step("it has an address", scene.make()).await?;
        for (count, by) in [(3, By::Tcp), (3, By::Udp), (5, By::Tcp), (2, By::Udp)] {
            scene.select(count).await?;
            let what = format!("{count} pods answer by {by:?}");
            progress.step(what, scene.answered(vip, count, by)).await?;
        }
        scene.select(0).await?;
        progress.step("nobody answers", scene.silent(vip)).await?;
        scene.select(2).await?;
        progress
            .step("2 pods answer again", scene.answered(vip, 2, By::Tcp))
            .await?;
        progress
            .step("reached from outside", scene.outside(vip))
            .await?;
        progress
            .step("what can't be is said", scene.said_what_cannot_be())
            .await?;
        progress.step("nothing of it is left", scene.delete()).await
    });
}

/// [`MOST`] pods that answer their names, and one that asks.
pub(crate) async fn backends(world: &World, answers: &mut Answers) -> Outcome<Place> {
    let node = |i: usize| &world.nodes[i % world.nodes.len()].name;
    let backend = |i: usize| pods::sleeper(&format!("b{i}"), node(i));
    world.pods.create((0..MOST).map(backend)).await?;
    world
        .pods
        .create([pods::sleeper("client", node(0))])
        .await?;
    let mut client = None;
    for pod in world.pods.ready(MOST + 1).await? {
        let place = world.place(&pod)?;
        if pod.name == "client" {
            client = Some(place);
        } else {
            answers.serve(&place, TARGET)?;
        }
    }
    client.map_or_else(|| fail("the client is not there"), Ok)
}

/// A Service over those pods, and who asks it.
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a World,
    pub(crate) askers: Vec<Place>,
}

impl Scene<'_> {
    /// Lets the Service select so many pods.
    pub(crate) async fn select(&self, count: usize) -> Outcome {
        for i in 0..MOST {
            let label = (i < count).then_some(NAME);
            let patch = json!({ "metadata": { "labels": { "app": label } } });
            let api = self.world.pods.api();
            api.patch(
                &format!("b{i}"),
                &PatchParams::default(),
                &Patch::Merge(&patch),
            )
            .await?;
        }
        Ok(())
    }

    /// Makes the Service; gives its address.
    pub(crate) async fn make(&self) -> Outcome<IpAddr> {
        let port = |name: &str, protocol: &str| json!({"name": name, "port": PORT, "targetPort": TARGET, "protocol": protocol});
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
            "spec": {"selector": {"app": NAME}, "ports": [port("t", "TCP"), port("u", "UDP")]},
        });
        let service: Service = serde_json::from_value(service)?;
        let made = self
            .world
            .pods
            .services()
            .create(&PostParams::default(), &service)
            .await?;
        let address = made.spec.and_then(|s| s.cluster_ip).unwrap_or_default();
        Ok(address.parse()?)
    }

    async fn patch(&self, patch: Value) -> Outcome {
        let patch = Patch::Merge(&patch);
        self.world
            .pods
            .services()
            .patch(NAME, &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }

    /// All that are selected answer, and no others, whoever asks.
    pub(crate) async fn answered(&self, vip: IpAddr, count: usize, by: By) -> Outcome {
        let expected: BTreeSet<String> = (0..count).map(|i| format!("pod b{i}")).collect();
        for asker in &self.askers {
            until(
                format!("{count} answer to {}", asker.name),
                PATIENCE,
                async || {
                    let mut seen = BTreeSet::new();
                    for _ in 0..count * 12 {
                        seen.insert(ask(asker, SocketAddr::new(vip, PORT), by).await?);
                    }
                    match seen == expected {
                        true => Ok(()),
                        false => fail(format!("{seen:?} did")),
                    }
                },
            )
            .await?;
        }
        Ok(())
    }

    async fn silent(&self, vip: IpAddr) -> Outcome {
        until("nobody answers", PATIENCE, async || {
            match ask(&self.askers[0], SocketAddr::new(vip, PORT), By::Tcp).await {
                Ok(who) => fail(format!("{who} does")),
                Err(_) => Ok(()),
            }
        })
        .await
    }

    /// As type LoadBalancer it has a floating IP that this machine reaches; as ClusterIP again
    /// it has none.
    async fn outside(&self, vip: IpAddr) -> Outcome {
        self.patch(json!({"spec": {"type": "LoadBalancer"}}))
            .await?;
        let outside = until("it has an address outside", PATIENCE, async || {
            match self.ingress().await? {
                Some(address) => Ok(address),
                None => fail("it has none"),
            }
        })
        .await?;
        let here = Place {
            name: "outside".to_owned(),
            netns: PathBuf::from("/proc/self/ns/net"),
            address: IpAddr::from([0, 0, 0, 0]),
        };
        until("somebody answers outside", PATIENCE, async || {
            ask(&here, SocketAddr::new(outside, PORT), By::Tcp).await
        })
        .await?;
        self.answered(vip, 2, By::Tcp).await?;
        self.patch(json!({"spec": {"type": "ClusterIP"}})).await?;
        until(
            "its address outside is gone",
            PATIENCE,
            async || match self.ingress().await? {
                Some(address) => fail(format!("it has {address}")),
                None => Ok(()),
            },
        )
        .await
    }

    async fn ingress(&self) -> Outcome<Option<IpAddr>> {
        let status = self.world.pods.services().get(NAME).await?.status;
        let first = status.and_then(|s| s.load_balancer?.ingress?.into_iter().next());
        Ok(match first.and_then(|i| i.ip) {
            Some(ip) => Some(ip.parse()?),
            None => None,
        })
    }

    /// The OVN provider does not keep a client with one pod: an Event says so.
    async fn said_what_cannot_be(&self) -> Outcome {
        self.patch(json!({"spec": {"sessionAffinity": "ClientIP"}}))
            .await?;
        let events: Api<Event> =
            Api::namespaced(self.world.kube().clone(), &self.world.pods.namespace);
        let of = format!("involvedObject.kind=Service,involvedObject.name={NAME}");
        until("an Event says it", PATIENCE, async || {
            let all = events.list(&ListParams::default().fields(&of)).await?;
            let said = |e: &Event| e.reason.as_deref() == Some("SessionAffinityNotKept");
            match all.items.iter().any(said) {
                true => Ok(()),
                false => fail(format!("{} others do", all.items.len())),
            }
        })
        .await
    }

    pub(crate) async fn delete(&self) -> Outcome {
        self.world
            .pods
            .services()
            .delete(NAME, &DeleteParams::default())
            .await?;
        until("no load balancer is left", PATIENCE, async || {
            let left = self.world.tenant.balancing().await?;
            match left.is_empty() {
                true => Ok(()),
                false => fail(format!("{left:?}")),
            }
        })
        .await
    }
}
