//! What a user of the cloud has made before Kubernetes comes: networks for workers and pods on
//! one router, a security group for pods, and a trunk for each worker.

use serde_json::{Value, json};

use super::{ApiError, Caller, Cloud, Fields, Kind, OpenStack, State};

/// The account whose project the cluster lives in.
const ACCOUNT: (&str, &str) = ("kuryr", "k8s");
const NODES_CIDR: &str = "10.10.0.0/24";
const PODS_CIDR: &str = "10.20.0.0/16";

/// Neutron refused what a tenant is made of.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} in the embedded Neutron: {refused}")]
pub struct TenantError {
    /// What was attempted.
    pub what: String,
    /// What Neutron answered.
    pub refused: ApiError,
}

/// Ids of what was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The account, as `clouds.yaml` names its cloud.
    pub account: String,
    pub pod_network: String,
    pub pod_subnet: String,
    /// Security group of pods: they reach each other, and workers reach them.
    pub pod_security_group: String,
    /// Subnet of workers.
    pub node_subnet: String,
    /// Parent port of each worker's trunk.
    pub parents: Vec<String>,
}

impl Tenant {
    /// Makes all of it for so many workers, without the API: these are not the product's calls.
    ///
    /// # Errors
    /// What Neutron refused.
    pub fn make(openstack: &OpenStack, workers: usize) -> Result<Self, TenantError> {
        openstack.handle().with(|state| {
            let project_id = state
                .identity
                .project_id(ACCOUNT.1)
                .unwrap_or_default()
                .to_owned();
            let caller = Caller {
                project_id,
                admin: false,
            };
            make(&mut Maker { state, caller }, workers).map_err(|refused| TenantError {
                what: refused.0,
                refused: refused.1,
            })
        })
    }
}

/// A refusal, with what was refused.
type Refused = (String, ApiError);

struct Maker<'a> {
    state: &'a mut State,
    caller: Caller,
}

fn make(maker: &mut Maker<'_>, workers: usize) -> Result<Tenant, Refused> {
    let router = maker.create(Kind::Router, json!({"name": "k8s"}))?;
    let (node_network, node_subnet) = maker.network("k8s-nodes", NODES_CIDR, &router)?;
    let (pod_network, pod_subnet) = maker.network("k8s-pods", PODS_CIDR, &router)?;
    let group = json!({"name": "k8s-pods", "description": "Pods of the lab's cluster"});
    let pod_security_group = maker.create(Kind::SecurityGroup, group)?;
    for remote in [
        json!({"remote_group_id": pod_security_group}),
        json!({"remote_ip_prefix": NODES_CIDR}),
    ] {
        let mut rule = json!({
            "security_group_id": pod_security_group, "direction": "ingress", "ethertype": "IPv4",
        });
        merge(&mut rule, remote);
        maker.create(Kind::SecurityGroupRule, rule)?;
    }
    let parents = (1..=workers).map(|number| maker.worker(number, &node_network));
    Ok(Tenant {
        account: ACCOUNT.0.to_owned(),
        parents: parents.collect::<Result<_, _>>()?,
        pod_network,
        pod_subnet,
        pod_security_group,
        node_subnet,
    })
}

impl Maker<'_> {
    /// Makes an object and returns its id.
    fn create(&mut self, kind: Kind, asked: Value) -> Result<String, Refused> {
        let what = || format!("make {} {}", kind.singular(), asked["name"]);
        let refused = |error| (what(), error);
        let asked = asked.as_object().cloned().unwrap_or_default();
        let cloud: &mut Cloud = &mut self.state.cloud;
        let made = cloud
            .create(&self.caller, kind, asked.clone())
            .map_err(refused)?;
        Ok(text(&made, "id"))
    }

    /// A network with a subnet that the router has a leg in: ids of both.
    fn network(
        &mut self,
        name: &str,
        cidr: &str,
        router: &str,
    ) -> Result<(String, String), Refused> {
        let network = self.create(Kind::Network, json!({"name": name}))?;
        let subnet = json!({"name": name, "network_id": network, "cidr": cidr, "ip_version": 4});
        let subnet = self.create(Kind::Subnet, subnet)?;
        let body = Fields::from_iter([("subnet_id".to_owned(), json!(subnet))]);
        let joined = self
            .state
            .cloud
            .add_router_interface(&self.caller, router, &body);
        joined.map_err(|error| (format!("join router to subnet {name}"), error))?;
        Ok((network, subnet))
    }

    /// The trunk of a worker: its parent port's id.
    fn worker(&mut self, number: usize, network: &str) -> Result<String, Refused> {
        let name = worker_name(number);
        let parent = json!({"name": name, "network_id": network});
        let parent = self.create(Kind::Port, parent)?;
        self.create(Kind::Trunk, json!({"name": name, "port_id": parent}))?;
        Ok(parent)
    }
}

/// Name of a worker, by its number from 1.
pub fn worker_name(number: usize) -> String {
    format!("worker{number}")
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

fn text(object: &Fields, name: &str) -> String {
    object
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Settings;

    #[tokio::test]
    async fn each_worker_has_a_trunk_and_no_call_is_counted() {
        let openstack = OpenStack::start(Settings::default()).await.unwrap();
        let tenant = Tenant::make(&openstack, 3).unwrap();
        assert_eq!(tenant.parents.len(), 3);
        assert_eq!(openstack.calls().to_neutron(), 0);
        let addresses = openstack.handle().with(|state| {
            let of = |port: &String| state.cloud.interface_of(port).unwrap().addresses;
            tenant.parents.iter().flat_map(of).collect::<Vec<_>>()
        });
        assert!(
            addresses
                .iter()
                .all(|a| a.to_string().starts_with("10.10.0.")),
            "{addresses:?}"
        );
    }
}
