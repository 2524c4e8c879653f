//! The cluster that policies are about: namespaces that are alike, each with applications, and a policy for some of them.
//!
//! A namespace has ten applications. A policy selects one, lets another of its namespace in and the same one of the namespaces of a
//! team, and lets out to a third and to the name server. So each pod is a member of what several policies name, and who is where
//! changes with a pod's labels.

use std::str::FromStr;

use serde_json::{Value, json};

/// Applications of a namespace.
const APPS: usize = 10;
/// Pods of a namespace.
const PODS: usize = 50;
/// Teams, each with some of the namespaces.
const TEAMS: usize = 10;
/// Where the name server is.
pub(super) const DNS: &str = "dns";

/// Pods of a node.
const ON_A_NODE: usize = 50;

/// So many pods and policies, evenly over namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub pods: usize,
    pub policies: usize,
}

/// `PODS:POLICIES`.
impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| part.parse().ok().filter(|n| *n > 0);
        let parts = text.split_once(':');
        let parts = parts.and_then(|(pods, policies)| number(pods).zip(number(policies)));
        let (pods, policies) = parts.ok_or_else(|| format!("{text:?} is not PODS:POLICIES"))?;
        Ok(Self { pods, policies })
    }
}

impl Size {
    pub(super) fn nodes(self) -> usize {
        self.pods.div_ceil(ON_A_NODE)
    }

    /// Namespaces that it takes.
    pub(super) fn namespaces(self) -> usize {
        self.pods.div_ceil(PODS).max(1)
    }
}

pub(super) fn namespace(number: usize) -> String {
    format!("shop-{number:03}")
}

pub(super) fn namespace_labels(number: usize) -> Value {
    json!({"team": format!("team-{}", number % TEAMS), "kubernetes.io/metadata.name": namespace(number)})
}

/// A pod's namespace and name.
pub(super) fn pod(number: usize, size: Size) -> (String, String) {
    (
        namespace(number % size.namespaces()),
        format!("pod-{number:05}"),
    )
}

/// The application that a pod is of at first.
pub(super) fn app(number: usize, size: Size) -> usize {
    number / size.namespaces() % APPS
}

/// The one that it is of after its labels are changed.
pub(super) fn other(app: usize) -> usize {
    (app + 1) % APPS
}

pub(super) fn labels(app: usize) -> Value {
    json!({"app": name(app), "part-of": "shop", "pod-template-hash": "6d4b75cb6d"})
}

fn name(app: usize) -> String {
    format!("app-{}", app % APPS)
}

/// The nth policy.
pub(super) fn policy(number: usize, size: Size) -> Value {
    let (space, turn) = (number % size.namespaces(), number / size.namespaces());
    let app = |n: usize| json!({"matchLabels": {"app": name(turn + n)}});
    let team = json!({"matchLabels": {"team": format!("team-{}", space % TEAMS)}});
    let named = json!({"matchLabels": {"kubernetes.io/metadata.name": DNS}});
    let port = |protocol: &str, port: usize| json!({"protocol": protocol, "port": port});
    json!({
        "metadata": {"namespace": namespace(space), "name": format!("policy-{turn:03}")},
        "spec": {
            "podSelector": app(0),
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{
                "from": [
                    {"podSelector": app(1)},
                    {"podSelector": app(0), "namespaceSelector": team},
                ],
                "ports": [port("TCP", 8_000 + turn)],
            }],
            "egress": [
                {"to": [{"podSelector": app(2)}], "ports": [port("TCP", 8_002 + turn)]},
                {"to": [{"namespaceSelector": named}], "ports": [port("UDP", 53), port("TCP", 53)]},
            ],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_and_policies_are_spread_over_namespaces() {
        let size = Size {
            pods: 1_000,
            policies: 200,
        };
        assert_eq!("1000:200".parse(), Ok(size));
        assert!("1000".parse::<Size>().is_err() && "0:1".parse::<Size>().is_err());
        assert_eq!(size.namespaces(), 20);
        assert_eq!(pod(21, size).0, "shop-001");
        let apps: std::collections::BTreeSet<usize> = (0..1_000).map(|n| app(n, size)).collect();
        assert_eq!(apps.len(), APPS);
        assert_eq!(policy(21, size)["metadata"]["namespace"], "shop-001");
    }
}
