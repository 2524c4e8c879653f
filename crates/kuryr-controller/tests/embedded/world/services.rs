//! Services, their endpoints, and the load balancers that come of them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kuryr_api::names::cluster_tag;
use kuryr_controller::ServiceConfig;
use kuryr_core::service::Settings;
use kuryr_embedded_openstack::{Caller, Fields, Kind, LbKind};
use serde_json::{Value, json};

use super::cluster::NAMESPACE;
use super::state::text;
use super::{CLUSTER, Options, World};

/// What is in a load balancer: its listeners by protocol and port, each with its members.
pub(crate) type Inside = BTreeSet<(String, u64, BTreeSet<String>)>;

fn fields(value: Value) -> Fields {
    value.as_object().cloned().unwrap()
}

fn number(object: &Fields, name: &str) -> u64 {
    object[name].as_u64().unwrap_or_default()
}

impl World {
    /// Options of controllers that serve Services by a provider: in networks that this makes.
    pub(crate) fn serving(&self, provider: &str) -> Options {
        let router = self.objects(Kind::Router).remove(0)["id"].clone();
        let router = router.as_str().unwrap();
        let network = self.create(Kind::Network, json!({"name": "k8s-services"}));
        let subnet = self.create(
            Kind::Subnet,
            json!({"network_id": network, "cidr": "10.96.0.0/16", "ip_version": 4,
                "gateway_ip": "10.96.255.254"}),
        );
        let external = self.cloud(|state, caller| {
            let joined = fields(json!({"subnet_id": subnet}));
            let joined = state.cloud.add_router_interface(caller, router, &joined);
            joined.unwrap();
            let admin = Caller {
                admin: true,
                ..caller.clone()
            };
            let public = fields(json!({"name": "public", "router:external": true}));
            let public = state.cloud.create(&admin, Kind::Network, public).unwrap();
            let id = public["id"].clone();
            let cidr = json!({"network_id": id, "cidr": "172.24.4.0/24", "ip_version": 4});
            let made = state.cloud.create(&admin, Kind::Subnet, fields(cidr));
            made.unwrap();
            let gateway = fields(json!({"external_gateway_info": {"network_id": id}}));
            let set = state
                .cloud
                .update(&admin, Kind::Router, router, gateway, None);
            set.unwrap();
            id.as_str().unwrap().to_owned()
        });
        let settings = Settings {
            provider: Some(provider.into()),
            external: Some((external.as_str().into(), None)),
            gather: 2_000,
            look_first: 20,
            orphan_grace: 300,
            ..Settings::default()
        };
        Options {
            services: Some(ServiceConfig {
                settings,
                service_subnets: vec![subnet],
                member_subnets: vec![self.tenant.pod_subnet.clone()],
                subnet_pools: vec![],
                admitted_subnets: None,
            }),
            ..Options::default()
        }
    }

    /// Services of the usual namespace.
    pub(crate) fn services(&self) -> Api<Service> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Creates a Service with these TCP ports and so many endpoints.
    pub(crate) async fn add_service(&self, name: &str, ports: &[u16], endpoints: usize) {
        self.add_service_with(name, ports, endpoints, json!({}), json!({}))
            .await;
    }

    /// The same with annotations and more of a spec.
    pub(crate) async fn add_service_with(
        &self,
        name: &str,
        ports: &[u16],
        endpoints: usize,
        annotations: Value,
        spec: Value,
    ) {
        self.scale(name, ports, endpoints).await;
        let mut whole = json!({
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"selector": {"app": name}, "ports": service_ports(ports)},
        });
        let all = whole["spec"].as_object_mut().unwrap();
        all.extend(fields(spec));
        let service = serde_json::from_value(whole).unwrap();
        let api = self.services();
        api.create(&PostParams::default(), &service).await.unwrap();
    }

    /// Gives a Service so many endpoints, in slices of at most 100.
    pub(crate) async fn scale(&self, name: &str, ports: &[u16], endpoints: usize) {
        let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), NAMESPACE);
        let ports: Vec<Value> = ports
            .iter()
            .map(|p| json!({"name": format!("p{p}"), "port": 8000 + p % 1000, "protocol": "TCP"}))
            .collect();
        let all: Vec<usize> = (0..endpoints).collect();
        let mut parts: Vec<&[usize]> = all.chunks(100).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        for (at, part) in parts.into_iter().enumerate() {
            let endpoint = |n: &usize| {
                json!({"addresses": [format!("10.20.{}.{}", 100 + n / 200, 10 + n % 200)],
                    "conditions": {"ready": true}})
            };
            let slice = json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": format!("{name}-{at}"),
                    "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4", "ports": ports,
                "endpoints": part.iter().map(endpoint).collect::<Vec<_>>(),
            });
            let apply = PatchParams::apply("test").force();
            let (name, slice) = (format!("{name}-{at}"), Patch::Apply(&slice));
            api.patch(&name, &apply, &slice).await.unwrap();
        }
    }

    /// Changes a Service by a merge patch.
    pub(crate) async fn patch_service(&self, name: &str, patch: Value) {
        let patch = Patch::Merge(&patch);
        let done = self
            .services()
            .patch(name, &PatchParams::default(), &patch)
            .await;
        done.unwrap();
    }

    /// Deletes a Service with its slices.
    pub(crate) async fn delete_service(&self, name: &str) {
        let now = DeleteParams::default();
        self.services().delete(name, &now).await.unwrap();
        let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), NAMESPACE);
        for slice in self.slices_of(name) {
            let slice = text(&slice, "/metadata/name");
            api.delete(&slice, &now).await.unwrap();
        }
    }

    fn slices_of(&self, service: &str) -> Vec<Value> {
        let mut all = self.table("endpointslices.discovery.k8s.io");
        all.retain(|s| s["metadata"]["labels"]["kubernetes.io/service-name"] == service);
        all
    }

    /// Objects of Octavia.
    pub(crate) fn lb_objects(&self, kind: LbKind) -> Vec<Fields> {
        self.cloud(|state, _| {
            let ids = state.octavia.ids(kind);
            let all = ids.iter().filter_map(|id| state.octavia.get(kind, id));
            all.cloned().collect()
        })
    }

    /// The load balancers that have the cluster's tag.
    pub(crate) fn balancers(&self) -> Vec<Fields> {
        let tag = json!(cluster_tag(CLUSTER));
        let mut all = self.lb_objects(LbKind::LoadBalancer);
        all.retain(|lb| lb["tags"].as_array().is_some_and(|t| t.contains(&tag)));
        all
    }

    /// The id of the one load balancer of a Service of the usual namespace.
    pub(crate) fn balancer_of(&self, service: &str) -> String {
        let name = format!("{NAMESPACE}/{service}");
        let all = self.balancers();
        let found = all.iter().find(|lb| lb["name"] == *name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    /// Calls that were to change something in Octavia, by method and path.
    pub(crate) fn octavia_changes(&self) -> Vec<String> {
        let mut calls = self.openstack.calls().all();
        calls.retain(|c| c.changes() && c.path.starts_with("/v2/lbaas"));
        let words = calls.iter().map(|c| format!("{} {}", c.method, c.path));
        words.collect()
    }

    /// Floating IPs that were made for Services of the cluster.
    pub(crate) fn floating_ips(&self) -> Vec<Fields> {
        let tag = cluster_tag(CLUSTER);
        let mut all = self.objects(Kind::FloatingIp);
        all.retain(|ip| ip["description"].as_str().unwrap_or("").starts_with(&tag));
        all
    }

    /// The address in a Service's status.
    pub(crate) fn outside_address(&self, name: &str) -> Option<String> {
        let all = self.service_table();
        let service = all.iter().find(|s| text(s, "/metadata/name") == name)?;
        let shown = text(service, "/status/loadBalancer/ingress/0/ip");
        (!shown.is_empty()).then_some(shown)
    }

    fn vip_ports(&self) -> usize {
        let networks = self.objects(Kind::Network);
        let services = networks.iter().find(|n| n["name"] == "k8s-services");
        let network = services.unwrap()["id"].clone();
        let leg = |p: &Fields| p["device_owner"] == "network:router_interface";
        let ports = self.objects(Kind::Port).into_iter();
        ports
            .filter(|p| p["network_id"] == network && !leg(p))
            .count()
    }

    fn service_table(&self) -> Vec<Value> {
        let mut all = self.table("services");
        all.retain(|s| text(s, "/metadata/name") != "kubernetes");
        all
    }

    /// Waits until each Service has what it is to have, and nothing is left over.
    pub(crate) async fn all_served(&self) {
        self.until(|world| {
            let services = world.service_table();
            services.iter().try_for_each(|s| world.check_service(s))?;
            let (have, want) = (world.balancers().len(), services.len());
            let outside = services.iter().filter(|s| is_external(s)).count();
            let floating = world.floating_ips().len();
            let right = have == want && floating == outside;
            right.then_some(()).ok_or(format!(
                "{have} load balancers for {want} Services, {floating} floating IPs for {outside}"
            ))
        })
        .await;
    }

    /// Waits until one Service of the usual namespace has what it is to have.
    pub(crate) async fn served(&self, name: &str) {
        self.until(|world| {
            let all = world.service_table();
            let service = all.iter().find(|s| text(s, "/metadata/name") == name);
            world.check_service(service.ok_or("no such Service")?)
        })
        .await;
    }

    /// Waits until no Service is there, and nothing of them.
    pub(crate) async fn none_served(&self) {
        self.none_served_but(0).await;
    }

    /// The same, with so many ports of others among the VIPs.
    pub(crate) async fn none_served_but(&self, ports: usize) {
        self.until(|world| {
            let left = [
                ("Services", world.service_table().len()),
                ("load balancers", world.balancers().len()),
                (
                    "KuryrLoadBalancers",
                    world.table("kuryrloadbalancers.openstack.org").len(),
                ),
                ("floating IPs", world.floating_ips().len()),
                ("ports", world.vip_ports() - ports),
            ];
            let some: Vec<_> = left.iter().filter(|(_, n)| *n > 0).collect();
            some.is_empty().then_some(()).ok_or(format!("{some:?}"))
        })
        .await;
    }

    fn check_service(&self, service: &Value) -> Result<(), String> {
        let (name, uid) = (
            text(service, "/metadata/name"),
            text(service, "/metadata/uid"),
        );
        let key = format!("{}/{name}", text(service, "/metadata/namespace"));
        let mut lbs = self.balancers();
        lbs.retain(|lb| lb["name"] == *key);
        let [lb] = &lbs[..] else {
            return Err(format!("{key} has {} load balancers", lbs.len()));
        };
        let vip = lb["vip_address"].as_str().unwrap_or_default();
        if lb["provisioning_status"] != "ACTIVE" || vip != text(service, "/spec/clusterIP") {
            return Err(format!("{key} has {lb:?}"));
        }
        let (is, want) = (self.inside(lb), self.wanted(service, &name));
        if is != want {
            return Err(format!("{key} has {is:?} instead of {want:?}"));
        }
        let claims = self.table("kuryrloadbalancers.openstack.org");
        let claim = claims.iter().find(|c| text(c, "/metadata/name") == name);
        let claim = claim.ok_or(format!("{key} has no KuryrLoadBalancer"))?;
        let status = &claim["status"];
        let count = |what: &str| status[what].as_array().map_or(0, Vec::len);
        let members: usize = want.iter().map(|(_, _, m)| m.len()).sum();
        let right = status["loadbalancer"]["id"] == lb["id"]
            && text(claim, "/metadata/ownerReferences/0/uid") == uid
            && (count("listeners"), count("pools"), count("members"))
                == (want.len(), want.len(), members);
        right.then_some(()).ok_or(format!("{key}: {claim}"))?;
        self.check_outside(service, lb, claim)
    }

    fn check_outside(&self, service: &Value, lb: &Fields, claim: &Value) -> Result<(), String> {
        let shown = text(service, "/status/loadBalancer/ingress/0/ip");
        let claimed = text(claim, "/status/service_pub_ip_info/ip_addr");
        if text(service, "/spec/type") != "LoadBalancer" {
            let none = shown.is_empty() && claimed.is_empty();
            return none
                .then_some(())
                .ok_or(format!("{shown} {claimed} of no use"));
        }
        let all = self.objects(Kind::FloatingIp);
        let leads = |ip: &Fields| ip["port_id"] == lb["vip_port_id"];
        let ip = all.iter().find(|ip| ip["floating_ip_address"] == *shown);
        let right = ip.is_some_and(leads) && claimed == shown;
        right
            .then_some(())
            .ok_or(format!("{shown:?} is shown, {claimed:?} claimed, {ip:?}"))
    }

    /// Listeners of a load balancer, each with its members.
    pub(crate) fn inside(&self, lb: &Fields) -> Inside {
        let mut listeners = self.lb_objects(LbKind::Listener);
        listeners.retain(|l| l["loadbalancer_id"] == lb["id"]);
        let members = self.lb_objects(LbKind::Member);
        let of = |l: &Fields| {
            let own = members
                .iter()
                .filter(|m| m["pool_id"] == l["default_pool_id"]);
            own.map(|m| {
                format!(
                    "{}:{}",
                    m["address"].as_str().unwrap(),
                    number(m, "protocol_port")
                )
            })
            .collect()
        };
        let one = |l: &Fields| {
            let protocol = l["protocol"].as_str().unwrap().to_owned();
            (protocol, number(l, "protocol_port"), of(l))
        };
        listeners.iter().map(one).collect()
    }

    fn wanted(&self, service: &Value, name: &str) -> Inside {
        let slices = self.slices_of(name);
        let members = |port: &Value| {
            let mut all = BTreeSet::new();
            for slice in &slices {
                let ports = slice["ports"].as_array().into_iter().flatten();
                for number in ports
                    .filter(|p| p["name"] == port["name"])
                    .map(|p| &p["port"])
                {
                    let endpoints = slice["endpoints"].as_array().into_iter().flatten();
                    all.extend(endpoints.map(|e| format!("{}:{number}", text(e, "/addresses/0"))));
                }
            }
            all
        };
        let ports = service["spec"]["ports"].as_array().unwrap().iter();
        ports
            .map(|p| {
                (
                    text(p, "/protocol"),
                    p["port"].as_u64().unwrap(),
                    members(p),
                )
            })
            .collect()
    }
}

/// Ports of a Service's spec, named by their numbers.
pub(crate) fn service_ports(ports: &[u16]) -> Vec<Value> {
    let port = |p: &u16| json!({"name": format!("p{p}"), "port": p, "protocol": "TCP"});
    ports.iter().map(port).collect()
}

/// Whether it is to have a floating IP from the pool.
fn is_external(service: &Value) -> bool {
    text(service, "/spec/type") == "LoadBalancer"
        && text(service, "/spec/loadBalancerIP").is_empty()
}
