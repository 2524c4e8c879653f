//! NetworkPolicies become security groups, whatever happens meanwhile.

mod faults;
mod life;
mod sharing;

use kuryr_lab::openstack::Kind;
use serde_json::{Value, json};

use crate::world::World;

/// Pods with this label are reached on 80 by those with the other, and by nobody else.
pub(super) fn from_to(from: &str, to: &str) -> Value {
    json!({
        "podSelector": {"matchLabels": {"app": to}},
        "ingress": [{
            "from": [{"podSelector": {"matchLabels": {"app": from}}}],
            "ports": [{"port": 80}],
        }],
    })
}

/// Three pods on two nodes: `web`, `db`, `other`, each with its name as label. The operator's group
/// lets in by address: by membership it would keep out pods that policies take out of it.
pub(super) async fn three(world: &World) {
    let group = &world.tenant.pod_security_group;
    world.create(
        Kind::SecurityGroupRule,
        json!({"security_group_id": group, "direction": "ingress", "ethertype": "IPv4",
            "remote_ip_prefix": "10.0.0.0/8"}),
    );
    world.add_app("web", "node1", "web").await;
    world.add_app("db", "node2", "db").await;
    world.add_app("other", "node1", "other").await;
}

/// Their names.
pub(super) const ALL: [&str; 3] = ["web", "db", "other"];

/// All pairs of them but those to `db`.
pub(super) const NONE_TO_DB: [(&str, &str); 4] = [
    ("web", "other"),
    ("db", "web"),
    ("db", "other"),
    ("other", "web"),
];

/// All those, and one more to `db`.
pub(super) fn to_db(from: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut pairs = NONE_TO_DB.to_vec();
    pairs.push((from, "db"));
    pairs
}
