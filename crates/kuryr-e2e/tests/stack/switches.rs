//! A hypervisor's switch dies under pods and Services, as one with a fault would.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use kuryr_e2e::progress::until;
use kuryr_e2e::reach::{Answers, By};
use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, fail};

use crate::scenario;
use crate::services::{MOST, Scene, backends};

/// A switch wires its ports anew when it starts, and nodes that were cut off are Ready again some time later.
const PATIENCE: Duration = Duration::from_secs(180);
/// Pods behind the Service.
const SERVING: usize = 3;

#[test]
fn a_switch_that_dies_comes_back_with_all_that_it_carried() {
    scenario("switch", async |world| {
        let progress = world.progress.clone();
        let vm = progress.step("a virtual machine runs", world.vm()).await?;
        let mut answers = Answers::default();
        let client = progress
            .step("6 pods ready", backends(world, &mut answers))
            .await?;
        let scene = Scene {
            world,
            askers: vec![client, vm.clone()],
        };
        let vip = served(&scene).await?;
        let pods = world.pods.ready(MOST + 1).await?;
        let mut field = world.field(&pods, world.node_places().into_iter().chain([vm]))?;
        let hypervisors = world
            .stack
            .ids
            .nodes
            .values()
            .map(|n| n.hypervisor.as_str());
        for hypervisor in hypervisors.collect::<BTreeSet<_>>() {
            killed(world, hypervisor).await?;
            let what = format!("every pair reached after the switch of {hypervisor} died");
            progress.step(what, field.all_reach(PATIENCE)).await?;
            if let Some(vip) = vip {
                let what = format!("{SERVING} pods answer at the Service's address");
                let answered = scene.answered(vip, SERVING, By::Tcp);
                progress.step(what, answered).await?;
            }
        }
        progress
            .step("nodes are ready", world.nodes_ready())
            .await?;
        world.sleepers(0, 2).await?;
        progress
            .step("pods made afterwards are ready", world.pods.ready(MOST + 3))
            .await?;
        match vip {
            Some(_) => scene.delete().await,
            None => Ok(()),
        }
    });
}

/// A Service that answers, where the stack's load balancers carry traffic.
async fn served(scene: &Scene<'_>) -> Outcome<Option<IpAddr>> {
    let progress = &scene.world.progress;
    if scene.world.stack.backend != "ovn" {
        progress
            .say("without a Service: only Octavia's OVN provider carries traffic on this stack");
        return Ok(None);
    }
    scene.select(SERVING).await?;
    let vip = scene.make().await?;
    progress
        .step("a Service answers", scene.answered(vip, SERVING, By::Tcp))
        .await?;
    Ok(Some(vip))
}

/// Ends a switch's process by the signal of a failed assertion, and waits until its end was noted.
async fn killed(world: &World, hypervisor: &str) -> Outcome {
    let switch = format!("{hypervisor}-vswitchd");
    let deaths = async || -> Outcome<usize> {
        let all = world.stack.deaths().await?;
        Ok(all.lines().filter(|l| l.starts_with(&switch)).count())
    };
    let before = deaths().await?;
    world.stack.kill(&switch, "ABRT").await?;
    until("its end is noted", PATIENCE, async || {
        match deaths().await? > before {
            true => Ok(()),
            false => fail("it is not"),
        }
    })
    .await
}
