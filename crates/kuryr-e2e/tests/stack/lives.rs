//! Pods that are not simply there: on the node's own network, completed, made again.

use std::time::Duration;

use kube::ResourceExt;
use kuryr_api::names::POD_FINALIZER;
use kuryr_e2e::pods::{pod, sleeper};
use kuryr_e2e::progress::until;
use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, fail};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(90);

/// A pod on its node's network, and one that completes.
pub(crate) fn unusual(node: &str) -> [Value; 2] {
    [
        pod(
            "host",
            node,
            &["sleep", "100000"],
            &json!({"hostNetwork": true}),
        ),
        pod("once", node, &["true"], &json!({"restartPolicy": "Never"})),
    ]
}

/// A pod on the node's network is left alone. Others are ready already, so the controller has
/// seen it.
pub(crate) async fn host_network(world: &World) -> Outcome {
    let host = world.pods.ready_one("host").await?;
    let node = world
        .stack
        .ids
        .nodes
        .get(&host.node)
        .map(|node| node.address);
    let claim = world.pods.ports().get_opt("host").await?;
    let object = world.pods.api().get("host").await?;
    let held = object.finalizers().iter().any(|f| f == POD_FINALIZER);
    match node == Some(host.address) && claim.is_none() && !held {
        true => Ok(()),
        false => fail(format!("{host:?} has {claim:?}, our finalizer: {held}")),
    }
}

/// A completed pod gives its port back while its object stays.
pub(crate) async fn completed(world: &World) -> Outcome {
    until(
        "the pod has completed and its port is gone",
        PATIENCE,
        async || {
            let object = world.pods.api().get("once").await?;
            let phase = object
                .status
                .as_ref()
                .and_then(|s| s.phase.as_deref())
                .unwrap_or_default();
            let claims = world.pods.versions().await?;
            let ports = world.tenant.ours().await?.len();
            let free = !claims.contains_key("once") && ports == claims.len();
            match phase == "Succeeded" && free {
                true => Ok(()),
                false => fail(format!(
                    "phase {phase}, {ports} ports, KuryrPorts {claims:?}"
                )),
            }
        },
    )
    .await?;
    let object = world.pods.api().get("once").await?;
    let held = object.finalizers().iter().any(|f| f == POD_FINALIZER);
    match object.metadata.deletion_timestamp.is_none() && !held {
        true => Ok(()),
        false => fail(format!(
            "the completed pod is deleted, or held: {:?}",
            object.metadata
        )),
    }
}

/// A pod made again under its name, however the old one went, has a port that works.
pub(crate) async fn made_again(world: &World) -> Outcome {
    let other = world.pods.ready_one("p1").await?;
    for by_force in [false, true] {
        let old = world.pods.ready_one("p0").await?;
        match by_force {
            true => world.pods.delete_by_force("p0").await?,
            false => world.pods.delete(["p0"]).await?,
        }
        until("the name is free", PATIENCE, async || {
            world.pods.create([sleeper("p0", &old.node)]).await
        })
        .await?;
        let new = world.pods.ready_other("p0", &old.uid).await?;
        world
            .field(&[new.clone(), other.clone()], [])?
            .all_reach(PATIENCE)
            .await?;
        let claim = world.pods.ports().get("p0").await?;
        if claim.spec.pod_uid != new.uid {
            return fail(format!(
                "the KuryrPort is of pod {}, not {}",
                claim.spec.pod_uid, new.uid
            ));
        }
    }
    Ok(())
}
