//! The whole: many pods on two hypervisors, a virtual machine, a security group; everything of
//! ours killed in the middle.

use std::time::Duration;

use kuryr_e2e::pods::Running;
use kuryr_e2e::progress::until;
use kuryr_e2e::reach::{Field, Place, copy};
use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, fail};

use crate::scenario;

const PODS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// Datagrams between each pair when silence is to be shown.
const MANY: usize = 5;

#[test]
fn twenty_pods_on_two_hypervisors() {
    scenario("twenty-pods", async |world| {
        let progress = world.progress.clone();
        world.sleepers(0, PODS / 2).await?;
        let first = progress
            .step("10 pods ready", world.pods.ready(PODS / 2))
            .await?;
        let vm = progress.step("a virtual machine runs", world.vm()).await?;

        world.sleepers(PODS / 2, PODS / 2).await?;
        killed_at_work(world, &first).await?;
        let pods = progress
            .step("20 pods ready", world.pods.ready(PODS))
            .await?;
        addresses_differ(&pods)?;

        let mut more = world.node_places();
        more.push(vm.clone());
        let mut field = world.field(&pods, more)?;
        let pairs = progress
            .step("every pair reached", field.all_reach(PATIENCE))
            .await?;
        progress.say(format!(
            "    {pairs} pairs of {PODS} pods, the nodes and the virtual machine"
        ));
        progress
            .step("streams by TCP", streams(world, &pods, &vm))
            .await?;
        security_group_decides(world, &mut field).await?;
        drop(field);
        killed_at_clearing(world).await
    });
}

/// Ports are being made, all of our programs are killed; what was plugged goes on working.
async fn killed_at_work(world: &mut World, plugged: &[Running]) -> Outcome {
    let progress = world.progress.clone();
    until(
        "ports of the second half are there",
        PATIENCE,
        async || match world.tenant.ours().await?.len() > plugged.len() {
            true => Ok(()),
            false => fail("there is none"),
        },
    )
    .await?;
    world.kill_all().await?;
    progress.say("controller and daemons killed while they make ports");
    let mut field = world.field(plugged, [])?;
    progress
        .step(
            "pods reach each other without our programs",
            field.all_reach(PATIENCE),
        )
        .await?;
    progress
        .step("programs started again", world.start_programs())
        .await
}

/// Pods are being deleted, all of our programs are killed; the end looks at what is left.
async fn killed_at_clearing(world: &mut World) -> Outcome {
    world.pods.delete_all().await?;
    until("the first ports are gone", PATIENCE, async || {
        match world.tenant.ours().await?.len() {
            PODS => fail("all are there"),
            left => Ok(left),
        }
    })
    .await?;
    world.kill_all().await?;
    world
        .progress
        .say("controller and daemons killed while they take ports away");
    world.start_programs().await
}

fn addresses_differ(pods: &[Running]) -> Outcome {
    let mut addresses: Vec<_> = pods.iter().map(|pod| pod.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    match addresses.len() == pods.len() {
        true => Ok(()),
        false => fail(format!("two pods have the same address: {pods:?}")),
    }
}

/// A pod to the next on the same node, to one on the other, to the virtual machine, and back.
async fn streams(world: &World, pods: &[Running], vm: &Place) -> Outcome {
    const LENGTH: usize = 2 << 20;
    let of = |node: usize| {
        pods.iter()
            .filter(move |pod| pod.node == world.nodes[node].name)
    };
    let Some(a) = of(0).next() else {
        return fail("no pod on the first node");
    };
    let (a, others) = (world.place(a)?, [of(0).nth(1), of(1).next()]);
    let others = others.into_iter().flatten().map(|pod| world.place(pod));
    let mut others = others.collect::<Outcome<Vec<_>>>()?;
    others.push(vm.clone());
    for other in &others {
        copy(&a, other, LENGTH, PATIENCE).await?;
        copy(other, &a, LENGTH, PATIENCE).await?;
    }
    Ok(())
}

/// Without its rule the group lets nothing in to pods, and what leaves them goes on.
async fn security_group_decides(world: &World, field: &mut Field) -> Outcome {
    let progress = &world.progress;
    let pod = |name: &str| name.starts_with("pod ");
    let anyone = |_: &str| true;
    world.tenant.shut_out(&world.group).await?;
    let silence = until(
        "nothing reaches a pod any more",
        PATIENCE,
        async || match field.burst(1).await.between(anyone, pod) {
            0 => Ok(()),
            count => fail(format!("{count} datagrams did")),
        },
    );
    progress.step("rule removed, silence", silence).await?;
    let counts = field.burst(MANY).await;
    let (inward, outward) = (
        counts.between(anyone, pod),
        counts.between(pod, |n| n == "vm"),
    );
    progress.say(format!(
        "    {inward} datagrams reached a pod, {outward} from pods the virtual machine"
    ));
    if inward > 0 || outward == 0 {
        return fail("the security group is not what decides");
    }
    world.tenant.let_in(&world.group).await?;
    progress
        .step("rule back, every pair reached", field.all_reach(PATIENCE))
        .await
        .map(drop)
}
