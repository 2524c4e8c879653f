//! KuryrPorts as people and the API server see them.

use kube::Error;
use kube::api::{DynamicObject, PostParams};
use kuryr_e2e::world::World;
use kuryr_e2e::{Outcome, fail, stack};
use serde_json::json;

/// `kubectl` shows a pod's address, node and VLAN, and that it is active.
pub(crate) async fn columns(world: &World) -> Outcome {
    let pod = world.pods.ready_one("p0").await?;
    let claim = serde_json::to_value(world.pods.ports().get("p0").await?)?;
    let port = claim.pointer("/status/vifs/eth0/vif/versioned_object.data/id");
    let subports = world.tenant.subports().await?;
    let Some((_, subport)) = subports
        .iter()
        .find(|(_, s)| Some(&json!(s.port_id)) == port)
    else {
        return fail(format!(
            "port {port:?} of pod p0 is no subport of a node: {subports:?}"
        ));
    };
    let mut kubectl = world.stack.kubectl();
    kubectl.args(["get", "kuryrports", "p0", "-n", &world.pods.namespace]);
    let shown = stack::output(kubectl).await?;
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let head = ["NAME", "IP", "NODE", "VLAN", "ACTIVE", "AGE"];
    let (address, vlan) = (pod.address.to_string(), subport.segmentation_id.to_string());
    let row = ["p0", &address, &pod.node, &vlan, "true"];
    match &rows[..] {
        [first, second] if first[..] == head && second[..5] == row => Ok(()),
        _ => fail(format!("{head:?} and {row:?} expected:\n{shown}")),
    }
}

/// The API server refuses KuryrPorts that make no sense.
pub(crate) async fn nonsense(world: &World) -> Outcome {
    let good = serde_json::to_value(world.pods.ports().get("p0").await?)?;
    let data = "/status/vifs/eth0/vif/versioned_object.data";
    for (at, nonsense) in [
        (format!("{data}/vlan_id"), json!(5000)),
        (format!("{data}/vlan_id"), json!("five")),
        (format!("{data}/active"), json!("yes")),
        ("/spec/podUid".to_owned(), json!("")),
        ("/status/vifs".to_owned(), json!([])),
    ] {
        let mut object = good.clone();
        object["metadata"] = json!({"name": "nonsense"});
        let Some(place) = object.pointer_mut(&at) else {
            return fail(format!("a KuryrPort has no {at}: {good}"));
        };
        *place = nonsense.clone();
        let object: DynamicObject = serde_json::from_value(object)?;
        match world
            .pods
            .raw_ports()
            .create(&PostParams::default(), &object)
            .await
        {
            Err(Error::Api(status)) if status.code == 422 => {}
            other => return fail(format!("{at} = {nonsense}: 422 expected: {other:?}")),
        }
    }
    Ok(())
}
