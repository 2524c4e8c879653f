//! What is there, read from the services' own state: looking costs no call.

use kuryr_api::names::cluster_tag;
use kuryr_embedded_kubernetes::store::TableName;
use kuryr_embedded_openstack::{Fields, Kind};
use serde_json::Value;

use super::World;

/// A pod that is bound and wants a port.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) node: String,
}

/// A KuryrPort.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) node: String,
    pub(crate) deleting: bool,
    /// Port, VLAN, and whether it is said to be active.
    pub(crate) vif: Option<(String, u16, bool)>,
}

/// A Neutron port.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) groups: Vec<String>,
    /// Trunk and VLAN.
    pub(crate) place: Option<(String, u16)>,
}

/// An Event about a pod.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) pod: String,
    pub(crate) reason: String,
    pub(crate) note: String,
}

pub(super) fn text(value: &Value, path: &str) -> String {
    let found = value.pointer(path).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

impl World {
    pub(crate) fn table(&self, name: &str) -> Vec<Value> {
        let objects = self.kube.store().all(&TableName::from(name));
        objects.iter().map(|o| o.value.clone()).collect()
    }

    /// Pods that are to have a port.
    pub(crate) fn all_pods(&self) -> Vec<Pod> {
        let over = |pod: &Value| matches!(&*text(pod, "/status/phase"), "Succeeded" | "Failed");
        let pods = self.table("pods").into_iter();
        let pods = pods.filter(|p| !over(p) && p.pointer("/metadata/deletionTimestamp").is_none());
        pods.map(|pod| Pod {
            namespace: text(&pod, "/metadata/namespace"),
            name: text(&pod, "/metadata/name"),
            uid: text(&pod, "/metadata/uid"),
            node: text(&pod, "/spec/nodeName"),
        })
        .collect()
    }

    /// All KuryrPorts.
    pub(crate) fn all_claims(&self) -> Vec<Claim> {
        let claims = self.table("kuryrports.openstack.org");
        claims.iter().map(claim).collect()
    }

    /// The KuryrPort of a pod of the usual namespace.
    pub(crate) fn claim(&self, pod: &str) -> Option<Claim> {
        self.all_claims().into_iter().find(|c| c.name == pod)
    }

    /// The port that a pod of the usual namespace has.
    pub(crate) fn port_of(&self, pod: &str) -> Option<Port> {
        let (id, _, _) = self.claim(pod)?.vif?;
        self.port(&id)
    }

    /// A port by its id.
    pub(crate) fn port(&self, id: &str) -> Option<Port> {
        let fields = self.object(Kind::Port, id)?;
        Some(self.as_port(&fields))
    }

    /// The ports that carry a cluster's tag.
    pub(crate) fn ports_of(&self, cluster: &str) -> Vec<Port> {
        let tag = cluster_tag(cluster);
        let ours = |port: &&Fields| port["tags"].as_array().unwrap().iter().any(|t| *t == *tag);
        let all = self.objects(Kind::Port);
        all.iter().filter(ours).map(|p| self.as_port(p)).collect()
    }

    fn as_port(&self, fields: &Fields) -> Port {
        let id = fields["id"].as_str().unwrap().to_owned();
        let place = self.cloud(|state, _| state.cloud.membership(&id).cloned());
        let groups = fields["security_groups"].as_array().unwrap();
        Port {
            status: fields["status"].as_str().unwrap().to_owned(),
            groups: groups.iter().map(|g| text(g, "")).collect(),
            place: place.map(|m| (m.trunk, m.vlan)),
            id,
        }
    }

    /// The trunk that a node is on, by its address.
    pub(crate) fn trunk_of(&self, node: &str) -> Option<String> {
        let nodes = self.table("nodes");
        let node = nodes.iter().find(|n| text(n, "/metadata/name") == node)?;
        let addresses = node.pointer("/status/addresses")?.as_array()?;
        let address = addresses.iter().find(|a| a["type"] == "InternalIP")?;
        let address = address["address"].as_str()?;
        let trunks = self.objects(Kind::Trunk);
        let of = |t: &Fields| t["port_id"].as_str().unwrap().to_owned();
        let trunk = trunks.iter().find(|t| self.address_of(&of(t)) == address)?;
        Some(trunk["id"].as_str().unwrap().to_owned())
    }

    /// All Events.
    pub(crate) fn events(&self) -> Vec<Event> {
        let events = self.table("events");
        let event = |e: &Value| Event {
            // Stored as core/v1 or events.k8s.io/v1, which differ in names.
            pod: text(e, "/involvedObject/name") + &text(e, "/regarding/name"),
            reason: text(e, "/reason"),
            note: text(e, "/message") + &text(e, "/note"),
        };
        events.iter().map(event).collect()
    }

    /// Whether an Event with this reason is about the pod; its words.
    pub(crate) fn told(&self, pod: &str, reason: &str) -> Option<String> {
        let mut events = self.events().into_iter();
        let found = events.find(|e| e.pod == pod && e.reason == reason);
        found.map(|e| e.note)
    }

    /// Ports that were made by calls so far.
    pub(crate) fn ports_made(&self) -> usize {
        let calls = self.openstack.calls().all();
        let made = calls
            .iter()
            .filter(|c| c.method == "POST" && c.path.ends_with("/ports") && c.status == 201);
        made.map(|c| c.items.max(1)).sum()
    }
}

fn claim(object: &Value) -> Claim {
    let vif = object
        .pointer("/status/vifs/eth0/vif")
        .and_then(|vif| vif.get("versioned_object.data"));
    Claim {
        namespace: text(object, "/metadata/namespace"),
        name: text(object, "/metadata/name"),
        uid: text(object, "/spec/podUid"),
        node: text(object, "/spec/podNodeName"),
        deleting: object.pointer("/metadata/deletionTimestamp").is_some(),
        vif: vif.map(|data| {
            let vlan = data["vlan_id"].as_u64().unwrap_or(0);
            (
                text(data, "/id"),
                u16::try_from(vlan).unwrap(),
                data["active"] == true,
            )
        }),
    }
}
