//! NetworkPolicies, and what passes by the security groups that come of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, ApiResource, DeleteParams, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kuryr_api::KuryrNetworkPolicy;
use kuryr_api::names::{NETWORKPOLICY_FINALIZER, cluster_tag};
use kuryr_controller::{PolicyConfig, facts};
use kuryr_core::policy::cloud::Enforcement;
use kuryr_core::policy::flow::Flow;
use kuryr_core::policy::{
    Facts, GroupKey, Id, Namespace as NamespaceFact, Policy, Protocol, Purpose, Rule, oracle,
};
use kuryr_embedded_openstack::{Fields, Kind};
use kuryr_openstack::model::SecurityGroup;
use kuryr_truth::cluster::{self, NAMESPACES, PODS, SERVICES};
use kuryr_truth::{Added, Places, Question, Target, Verdict};
use serde_json::{Value, json};

use super::state::text;
use super::{CLUSTER, Options, World};

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

impl World {
    /// A controller that puts policies in force.
    pub(crate) fn enforcing(&self, options: Options) -> Options {
        self.by_policies.store(true, Ordering::Relaxed);
        // Neutron's defaults are 10 and 100.
        self.update_quota("security_group", 1_000);
        self.update_quota("security_group_rule", 10_000);
        let services = options.services.as_ref();
        let service_subnets = services.map(|s| s.service_subnets.clone());
        Options {
            policies: Some(PolicyConfig {
                service_subnets: service_subnets.unwrap_or_default(),
                provider: Some("ovn".to_owned()),
            }),
            ..options
        }
    }

    /// Creates a policy, or replaces it.
    pub(crate) async fn put_policy(&self, policy: Value) {
        let namespace = text(&policy, "/metadata/namespace");
        let name = text(&policy, "/metadata/name");
        let api: Api<NetworkPolicy> = Api::namespaced(self.client.clone(), &namespace);
        let old = api.get_opt(&name).await.unwrap();
        let mut policy = policy;
        let params = PostParams::default();
        let done = match old {
            None => api.create(&params, &object(policy)).await,
            Some(old) => {
                policy["metadata"]["resourceVersion"] = json!(old.metadata.resource_version);
                api.replace(&name, &params, &object(policy)).await
            }
        };
        done.unwrap();
    }

    /// Deletes all policies.
    pub(crate) async fn delete_policies(&self) {
        for policy in self.policy_table() {
            let namespace = text(&policy, "/metadata/namespace");
            let api: Api<NetworkPolicy> = Api::namespaced(self.client.clone(), &namespace);
            let name = text(&policy, "/metadata/name");
            api.delete(&name, &DeleteParams::default()).await.unwrap();
        }
    }

    fn policy_table(&self) -> Vec<Value> {
        self.table("networkpolicies.networking.k8s.io")
    }

    /// The cluster of the truth table, and where everything is.
    pub(crate) async fn truth_cluster(&self) -> Places {
        for name in NAMESPACES {
            let api: Api<Namespace> = Api::all(self.client.clone());
            let labels = cluster::namespace_labels(name);
            let namespace = object(json!({"metadata": {"name": name, "labels": labels}}));
            api.create(&PostParams::default(), &namespace)
                .await
                .unwrap();
            for pod in PODS {
                self.add_truth_pod(name, pod).await;
            }
        }
        self.all_ready().await;
        self.report_addresses().await;
        for service in &SERVICES {
            self.add_truth_service(service).await;
        }
        self.places()
    }

    /// One of its pods.
    pub(crate) async fn add_truth_pod(&self, namespace: &str, pod: &str) {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let made = object(json!({
            "metadata": {"name": pod, "labels": cluster::pod_labels(pod)},
            "spec": {
                "nodeName": format!("node{}", cluster::node(pod)),
                "containers": [{"name": "c", "image": "i", "ports": cluster::container_ports(pod)}],
            },
        }));
        api.create(&PostParams::default(), &made).await.unwrap();
    }

    /// Patches labels of a pod, such as `x/a`, or of a namespace.
    pub(crate) async fn relabel(&self, who: &str, labels: Value) {
        let labels = json!({"metadata": {"labels": labels}});
        let (params, patch) = (PatchParams::default(), Patch::Merge(&labels));
        if let Some((namespace, pod)) = who.split_once('/') {
            let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
            api.patch(pod, &params, &patch).await.unwrap();
        } else {
            let api: Api<Namespace> = Api::all(self.client.clone());
            api.patch(who, &params, &patch).await.unwrap();
        }
    }

    /// What kubelets do when pods run: they say their addresses.
    pub(crate) async fn report_addresses(&self) {
        for claim in self.all_claims() {
            let Some((port, _, true)) = claim.vif else {
                continue;
            };
            let address = self.address_of(&port);
            let api: Api<Pod> = Api::namespaced(self.client.clone(), &claim.namespace);
            let status = json!({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}});
            let patch = Patch::Merge(&status);
            api.patch_status(&claim.name, &PatchParams::default(), &patch)
                .await
                .unwrap();
        }
    }

    async fn add_truth_service(&self, service: &cluster::Service) {
        let api: Api<Service> = Api::namespaced(self.client.clone(), service.namespace);
        let made = object(json!({"metadata": {"name": service.name}, "spec": service.spec()}));
        api.create(&PostParams::default(), &made).await.unwrap();
        let ports = service.ports.iter().map(|(protocol, port, target)| {
            let name = format!("{}-{port}", protocol.to_lowercase());
            json!({"name": name, "protocol": protocol, "port": target})
        });
        let endpoints = service.pods.iter().map(|pod| {
            let address = self.pod_address(service.namespace, pod);
            json!({"addresses": [address], "conditions": {"ready": true}})
        });
        let slice = object(json!({
            "metadata": {"name": service.name, "labels": {"kubernetes.io/service-name": service.name}},
            "addressType": "IPv4",
            "ports": ports.collect::<Vec<_>>(),
            "endpoints": endpoints.collect::<Vec<_>>(),
        }));
        let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), service.namespace);
        api.create(&PostParams::default(), &slice).await.unwrap();
    }

    fn pod_address(&self, namespace: &str, pod: &str) -> String {
        let claims = self.all_claims();
        let of = |c: &&super::Claim| c.namespace == namespace && c.name == pod;
        let claim = claims.iter().find(of).unwrap();
        self.address_of(&claim.vif.as_ref().unwrap().0)
    }

    /// Where everything is.
    pub(crate) fn places(&self) -> Places {
        let mut addresses: BTreeMap<String, IpAddr> = BTreeMap::new();
        for namespace in NAMESPACES {
            for pod in PODS {
                let address = self.pod_address(namespace, pod).parse().unwrap();
                addresses.insert(format!("{namespace}/{pod}"), address);
            }
        }
        for service in self.table("services") {
            let name = text(&service, "/metadata/name");
            let namespace = text(&service, "/metadata/namespace");
            if let Ok(address) = text(&service, "/spec/clusterIP").parse() {
                addresses.insert(format!("{namespace}/{name}"), address);
            }
        }
        for (at, parent) in self.tenant.parents.iter().enumerate() {
            let address = self.address_of(parent).parse().unwrap();
            addresses.insert(format!("node{}", at + 1), address);
        }
        Places {
            prefix: String::new(),
            addresses,
            pods: "10.20.0.0/16".parse().unwrap(),
        }
    }

    /// All policies, as they are read.
    fn policies(&self) -> Vec<Policy> {
        let all = self.policy_table().into_iter();
        all.map(|policy| facts::policies::policy(&object(policy)))
            .collect()
    }

    /// All security groups of the project, and the rules of each.
    fn all_groups(&self) -> BTreeMap<GroupKey, BTreeSet<Rule>> {
        let groups = self.objects(Kind::SecurityGroup).into_iter();
        let groups = groups.map(|fields| object::<SecurityGroup>(Value::Object(fields)));
        let rules = groups.map(|group| {
            let key = Purpose::Operator(group.id.as_str().into()).into();
            (key, facts::policies::operators_rules(&group))
        });
        rules.collect()
    }

    /// What passes now.
    fn enforcement<T>(&self, ask: impl FnOnce(&Enforcement<'_>) -> T) -> T {
        let groups = self.all_groups();
        let carried: Vec<(IpAddr, BTreeSet<GroupKey>)> = self
            .ports_of(CLUSTER)
            .iter()
            .map(|port| {
                let groups = port.groups.iter();
                let groups = groups.map(|id| Purpose::Operator(id.as_str().into()).into());
                (self.address_of(&port.id).parse().unwrap(), groups.collect())
            })
            .collect();
        let ports = carried.iter().enumerate();
        ask(&Enforcement {
            groups: groups.iter().collect(),
            ports: ports
                .map(|(n, (address, groups))| (*address, (n, groups)))
                .collect(),
        })
    }

    /// What passes is what policies allow.
    pub(crate) fn check_truth(&self, places: &Places) -> Result<(), String> {
        self.check_truth_with(places, &Added::new())
    }

    /// The same, where pods and namespaces have these labels besides their usual ones.
    pub(crate) fn check_truth_with(&self, places: &Places, added: &Added) -> Result<(), String> {
        let facts = kuryr_truth::facts(places, self.policies(), added).unwrap();
        self.enforcement(|cloud| {
            for question in kuryr_truth::questions() {
                let wanted = kuryr_truth::verdict(&facts, places, &question).unwrap();
                let seen = seen(cloud, places, &question);
                if seen != wanted {
                    return Err(format!("{question}: {seen:?}, to be {wanted:?}"));
                }
            }
            Ok(())
        })
    }

    /// The same between all pods of the cluster, whichever they are.
    pub(crate) fn check_pods_flows(&self) -> Result<(), String> {
        let mut all = Facts::default();
        for namespace in self.table("namespaces") {
            let name: Id = text(&namespace, "/metadata/name").into();
            let labels = BTreeMap::new();
            let namespace = NamespaceFact {
                name: name.clone(),
                labels,
            };
            all.namespaces.insert(name, Arc::new(namespace));
        }
        for claim in self.all_claims() {
            let pods = self.table("pods");
            let is_its = |p: &&Value| text(p, "/metadata/uid") == claim.uid;
            let (Some(pod), Some((port, _, _))) = (pods.iter().find(is_its), &claim.vif) else {
                return Err(format!("{claim:?} is not ready"));
            };
            let mut pod = facts::policies::pod(&object(pod.clone()));
            pod.addresses = vec![self.address_of(port).parse().unwrap()];
            all.pods.insert(pod.key.clone(), Arc::new(pod));
        }
        let policies = self.policies().into_iter();
        all.policies = policies.map(|p| (p.key.clone(), Arc::new(p))).collect();
        let addresses: Vec<IpAddr> = all.pods.values().map(|p| p.addresses[0]).collect();
        self.enforcement(|cloud| {
            for (from, to) in addresses
                .iter()
                .flat_map(|a| addresses.iter().map(move |b| (*a, *b)))
            {
                let protocol = Protocol::Tcp;
                let flow = Flow {
                    from,
                    to,
                    protocol,
                    port: 80,
                };
                if cloud.passes(&flow) != oracle::allows(&all, &flow) {
                    return Err(format!("{flow:?}: {}", cloud.passes(&flow)));
                }
            }
            Ok(())
        })
    }

    /// The KuryrNetworkPolicy of this name, in namespace `default`.
    pub(crate) fn policy_claim(&self, name: &str) -> Option<Value> {
        let all = self.table("kuryrnetworkpolicies.openstack.org").into_iter();
        let mut own = all.filter(|o| o["metadata"]["name"] == name);
        own.find(|o| o["metadata"]["namespace"] == "default")
    }

    /// Creates a KuryrNetworkPolicy as upstream left it.
    pub(crate) async fn put_policy_claim(&self, name: &str, spec: Value, status: Value) {
        let resource = ApiResource::erase::<KuryrNetworkPolicy>(&());
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), "default", &resource);
        let made = object(json!({
            "apiVersion": "openstack.org/v1", "kind": "KuryrNetworkPolicy",
            "metadata": {"name": name, "finalizers": [NETWORKPOLICY_FINALIZER]},
            "spec": spec, "status": status,
        }));
        api.create(&PostParams::default(), &made).await.unwrap();
    }

    /// Security groups of the cluster's policies.
    pub(crate) fn policy_groups(&self) -> Vec<Fields> {
        let mark = cluster_tag(CLUSTER);
        let mut all = self.objects(Kind::SecurityGroup);
        all.retain(|group| group["description"] == *mark);
        all
    }

    /// Security groups of policies, for a failed test's reader.
    pub(super) fn dump_groups(&self) -> Vec<String> {
        let shown = |rule: &Value| {
            let words = [
                "direction",
                "ethertype",
                "protocol",
                "port_range_min",
                "port_range_max",
                "remote_ip_prefix",
                "remote_group_id",
            ];
            words.map(|word| rule[word].to_string()).join(" ")
        };
        let groups = self.policy_groups().into_iter();
        groups
            .map(|group| {
                let rules = group["security_group_rules"].as_array();
                let rules: Vec<String> = rules.into_iter().flatten().map(shown).collect();
                format!("{} {}: {}", group["id"], group["name"], rules.join("; "))
            })
            .collect()
    }

    /// Calls that were to change security groups or what ports carry, by method and path.
    pub(crate) fn policy_changes(&self) -> Vec<String> {
        let mut calls = self.openstack.calls().all();
        calls.retain(|c| {
            let is_about = c.path.contains("/security-group") || c.path.contains("/ports/");
            c.changes() && is_about && c.method != "DELETE"
                || c.changes() && c.path.contains("/security-group")
        });
        let words = calls.iter().map(|c| format!("{} {}", c.method, c.path));
        words.collect()
    }
}

fn seen(cloud: &Enforcement<'_>, places: &Places, question: &Question) -> Verdict {
    match &question.to {
        Target::Pod(pod) => {
            let flow = Flow {
                from: places.address(&question.from).unwrap(),
                to: places.address(pod).unwrap(),
                protocol: question.protocol,
                port: question.port,
            };
            match cloud.passes(&flow) {
                true => Verdict::Answered,
                false => Verdict::Silence,
            }
        }
        Target::Service(service) => {
            let calls = kuryr_truth::calls(places, question, service).unwrap();
            let passages = calls.iter().map(|call| cloud.carries(call));
            let passages: Vec<_> = passages.collect();
            let answered = passages.iter().filter(|p| p.first && p.later).count();
            match passages.iter().filter(|p| p.first).count() {
                0 => Verdict::Silence,
                first if first == answered && answered == calls.len() => Verdict::Answered,
                _ => Verdict::Either,
            }
        }
    }
}
