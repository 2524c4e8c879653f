//! Packets through the topology: hypervisors, a router, security groups. Needs root; namespaces are named `labt…`.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use kuryr_embedded_openstack::{Caller, Fields, Kind, OpenStack, Settings};
use kuryr_lab::topology::{LabId, Topology, TopologyError, TopologySpec, Vm, VmSpec};
use kuryr_net::netns;
use serde_json::{Value, json};

struct Lab {
    openstack: OpenStack,
    topology: Topology,
    caller: Caller,
}

/// A lab of its own, or `None` with a note where the machine can't carry one.
async fn lab(name: &str) -> Option<Lab> {
    lab_of(name, 2).await
}

async fn lab_of(name: &str, hypervisors: usize) -> Option<Lab> {
    let openstack = OpenStack::start(Settings::default()).await.unwrap();
    let spec = TopologySpec {
        lab: LabId::new(name).unwrap(),
        hypervisors,
    };
    let topology = match Topology::start(spec, openstack.handle().clone()).await {
        Ok(topology) => topology,
        Err(error) if std::env::var("CI").as_deref() != Ok("true") => {
            eprintln!("skipped: {error}");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let project_id = openstack
        .handle()
        .with(|state| state.identity.project_id("k8s").unwrap().to_owned());
    Some(Lab {
        openstack,
        topology,
        caller: Caller {
            project_id,
            admin: false,
        },
    })
}

impl Lab {
    fn create(&self, kind: Kind, fields: Value) -> Value {
        let fields: Fields = fields.as_object().unwrap().clone();
        let made = self
            .openstack
            .handle()
            .with(|state| state.cloud.create(&self.caller, kind, fields).unwrap());
        Value::Object(made)
    }

    fn network(&self, name: &str, cidr: &str) -> (String, String) {
        let network = id(&self.create(Kind::Network, json!({ "name": name })));
        let subnet = json!({"network_id": network, "cidr": cidr, "ip_version": 4});
        (network, id(&self.create(Kind::Subnet, subnet)))
    }

    fn group(&self, rules: &[Value]) -> String {
        let group = id(&self.create(Kind::SecurityGroup, json!({"name": "g"})));
        for rule in rules {
            self.rule(&group, rule.clone());
        }
        group
    }

    fn rule(&self, group: &str, mut rule: Value) -> String {
        rule["security_group_id"] = json!(group);
        rule["direction"] = json!("ingress");
        id(&self.create(Kind::SecurityGroupRule, rule))
    }

    fn delete(&self, kind: Kind, id: &str) {
        self.openstack
            .handle()
            .with(|state| state.cloud.delete(&self.caller, kind, id, None).unwrap());
    }

    async fn vm(&self, name: &str, hypervisor: &str, network: &str, group: &str) -> Vm {
        let port = id(&self.create(
            Kind::Port,
            json!({"network_id": network, "security_groups": [group]}),
        ));
        let spec = VmSpec {
            name: name.to_owned(),
            hypervisor: hypervisor.to_owned(),
            port,
        };
        self.topology.add_vm(spec).await.unwrap()
    }

    async fn router(&self, subnets: &[&str]) -> String {
        let router = id(&self.create(Kind::Router, json!({"name": "r"})));
        for subnet in subnets {
            let body = json!({ "subnet_id": subnet });
            let body = body.as_object().unwrap();
            self.openstack.handle().with(|state| {
                state
                    .cloud
                    .add_router_interface(&self.caller, &router, body)
                    .unwrap()
            });
        }
        self.topology.settled().await.unwrap();
        router
    }
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

fn address(vm: &Vm) -> String {
    vm.addresses[0].addr().to_string()
}

fn in_netns(netns: &Path, program: &str, arguments: &[&str]) -> bool {
    let run = || {
        Command::new(program)
            .args(arguments)
            .output()
            .unwrap()
            .status
            .success()
    };
    netns::run_in(Some(netns), run).unwrap()
}

/// Whether an echo comes back. Several are sent, so that a lost first one (ARP) is no failure.
fn pings(from: &Vm, to: &str) -> bool {
    in_netns(
        &from.netns,
        "ping",
        &["-q", "-c", "3", "-i", "0.2", "-W", "1", to],
    )
}

fn leftovers(prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(netns::NAMED_DIR).unwrap();
    let names = entries.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    names.filter(|name| name.starts_with(prefix)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn vms_reach_each_other_across_hypervisors_and_leave_nothing() {
    let Some(lab) = lab("labt1").await else {
        return;
    };
    let (network, _) = lab.network("n", "10.71.0.0/24");
    let group = lab.group(&[json!({"protocol": "icmp"})]);
    let one = lab.vm("one", "hv1", &network, &group).await;
    let two = lab.vm("two", "hv2", &network, &group).await;
    let three = lab.vm("three", "hv2", &network, &group).await;
    for (from, to) in [(&one, &two), (&two, &one), (&two, &three)] {
        assert!(pings(from, &address(to)), "{} to {}", from.name, to.name);
    }
    // The whole MTU of the tenant network, not fragmented: 28 bytes are IP's and ICMP's headers.
    let size = (1442 - 28).to_string();
    assert!(in_netns(
        &one.netns,
        "ping",
        &["-q", "-c1", "-W1", "-M", "do", "-s", &size, &address(&two)]
    ));
    let port = lab
        .openstack
        .handle()
        .with(|state| state.cloud.peek(Kind::Port, &one.port).unwrap().clone());
    assert_eq!(
        (&port["status"], &port["binding:host_id"]),
        (&json!("ACTIVE"), &json!("hv1"))
    );
    lab.topology.shutdown().await.unwrap();
    assert_eq!(leftovers("labt1-"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn security_groups_hold() {
    let Some(lab) = lab("labt2").await else {
        return;
    };
    let (network, _) = lab.network("n", "10.72.0.0/24");
    let closed = lab.group(&[]);
    let open = lab.group(&[]);
    let one = lab.vm("one", "hv1", &network, &closed).await;
    let two = lab.vm("two", "hv2", &network, &open).await;
    assert!(!pings(&one, &address(&two)), "no rule, no traffic");

    let rule = lab.rule(
        &open,
        json!({"protocol": "icmp", "remote_group_id": closed}),
    );
    lab.topology.settled().await.unwrap();
    assert!(
        pings(&one, &address(&two)),
        "a rule for the other's group, and the reply by its state"
    );
    assert!(
        !pings(&two, &address(&one)),
        "the other direction has no rule"
    );

    lab.delete(Kind::SecurityGroupRule, &rule);
    lab.topology.settled().await.unwrap();
    assert!(
        !pings(&one, &address(&two)),
        "a removed rule stops the traffic"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_established_connection_ends_with_its_rule() {
    let Some(lab) = lab("labt3").await else {
        return;
    };
    let (network, _) = lab.network("n", "10.73.0.0/24");
    let group = lab.group(&[]);
    let rule = lab.rule(
        &group,
        json!({"protocol": "tcp", "port_range_min": 7000, "port_range_max": 7001}),
    );
    let client = lab.vm("client", "hv1", &network, &group).await;
    let server = lab.vm("server", "hv2", &network, &group).await;
    let (mut near, mut far) = connect(&client, &server, 7001);
    assert!(says(&mut near, &mut far), "the rule lets the connection in");
    lab.delete(Kind::SecurityGroupRule, &rule);
    lab.topology.settled().await.unwrap();
    assert!(
        !says(&mut near, &mut far),
        "without the rule nothing arrives any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_joins_networks_and_a_foreign_source_is_dropped() {
    let Some(lab) = lab("labt4").await else {
        return;
    };
    let (left, left_subnet) = lab.network("left", "10.74.0.0/24");
    let (right, right_subnet) = lab.network("right", "10.75.0.0/24");
    let group = lab.group(&[json!({"protocol": "icmp"})]);
    let one = lab.vm("one", "hv1", &left, &group).await;
    let two = lab.vm("two", "hv2", &right, &group).await;
    assert!(!pings(&one, &address(&two)), "no router yet");
    lab.router(&[&left_subnet, &right_subnet]).await;
    assert!(pings(&one, &address(&two)));
    assert!(pings(&two, &address(&one)));
    assert!(in_netns(
        &one.netns,
        "ip",
        &["address", "add", "10.74.0.222/32", "dev", "eth0"]
    ));
    assert!(!in_netns(
        &one.netns,
        "ping",
        &[
            "-q",
            "-c2",
            "-i0.2",
            "-W1",
            "-I",
            "10.74.0.222",
            &address(&two)
        ]
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subport_is_a_vlan_of_its_parent() {
    let Some(lab) = lab("labt5").await else {
        return;
    };
    let (nodes, _) = lab.network("nodes", "10.76.0.0/24");
    let (pods, _) = lab.network("pods", "10.77.0.0/24");
    let group = lab.group(&[json!({"protocol": "icmp"})]);
    let parent = id(&lab.create(
        Kind::Port,
        json!({"network_id": nodes, "security_groups": [group]}),
    ));
    let trunk = id(&lab.create(Kind::Trunk, json!({ "port_id": parent })));
    let spec = VmSpec {
        name: "node1".to_owned(),
        hypervisor: "hv1".to_owned(),
        port: parent,
    };
    let node = lab.topology.add_vm(spec).await.unwrap();
    let other = lab.vm("vm", "hv2", &pods, &group).await;

    let subport = lab.create(
        Kind::Port,
        json!({"network_id": pods, "security_groups": [group]}),
    );
    let body = json!({"sub_ports": [{"port_id": subport["id"], "segmentation_type": "vlan", "segmentation_id": 101}]});
    lab.openstack.handle().with(|state| {
        state
            .cloud
            .add_subports(&lab.caller, &trunk, &body)
            .unwrap()
    });
    lab.topology.settled().await.unwrap();

    let pod = netns::create("labt5-pod").unwrap();
    let spec = kuryr_net::InterfaceSpec {
        ifname: "eth0".to_owned(),
        pod_netns: pod.clone(),
        uplink: "eth0".to_owned(),
        vlan: 101,
        mac: subport["mac_address"].as_str().unwrap().parse().unwrap(),
        mtu: 1442,
        addresses: vec![
            format!(
                "{}/24",
                subport["fixed_ips"][0]["ip_address"].as_str().unwrap()
            )
            .parse()
            .unwrap(),
        ],
        gateways: Vec::new(),
        routes: Vec::new(),
        host_name: "tappod".to_owned(),
        method: kuryr_net::Method::Auto,
        alias: None,
    };
    kuryr_net::plug(&kuryr_net::Node::in_netns(&node.netns), &spec).unwrap();
    let from_pod = || {
        in_netns(
            &pod,
            "ping",
            &["-q", "-c3", "-i0.2", "-W1", &address(&other)],
        )
    };
    assert!(from_pod(), "the pod reaches a VM on the other hypervisor");
    assert!(
        pings(
            &other,
            subport["fixed_ips"][0]["ip_address"].as_str().unwrap()
        ),
        "and the VM the pod"
    );

    lab.openstack.handle().with(|state| {
        state
            .cloud
            .remove_subports(&lab.caller, &trunk, &body)
            .unwrap()
    });
    lab.topology.settled().await.unwrap();
    assert!(!from_pod(), "a removed subport carries nothing");
}

/// A TCP connection between two VMs; the sockets stay in their namespaces.
fn connect(client: &Vm, server: &Vm, port: u16) -> (std::net::TcpStream, std::net::TcpStream) {
    let at = (address(server), port);
    let listener = netns::run_in(Some(&server.netns), || {
        std::net::TcpListener::bind(&at).unwrap()
    })
    .unwrap();
    let near = netns::run_in(Some(&client.netns), || {
        std::net::TcpStream::connect(&at).unwrap()
    })
    .unwrap();
    let (far, _) = listener.accept().unwrap();
    far.set_read_timeout(Some(std::time::Duration::from_secs(1)))
        .unwrap();
    (near, far)
}

/// Whether a byte gets from one end to the other.
fn says(near: &mut std::net::TcpStream, far: &mut std::net::TcpStream) -> bool {
    use std::io::{Read, Write};
    near.write_all(b"x").unwrap();
    far.read_exact(&mut [0]).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hypervisors_make_no_loop() {
    let Some(lab) = lab_of("labt6", 3).await else {
        return;
    };
    let (network, _) = lab.network("n", "10.78.0.0/24");
    let group = lab.group(&[json!({"protocol": "icmp"})]);
    let mut vms = Vec::new();
    for (name, host) in [("one", "hv1"), ("two", "hv2"), ("three", "hv3")] {
        vms.push(lab.vm(name, host, &network, &group).await);
    }
    for from in &vms {
        for to in vms.iter().filter(|to| to.name != from.name) {
            let to = address(to);
            let ping = || {
                let mut ping = Command::new("ping");
                ping.args(["-q", "-c", "3", "-i", "0.2", "-W", "1", &to]);
                ping.output().unwrap()
            };
            let output = netns::run_in(Some(&from.netns), ping).unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && !said.contains("duplicates"),
                "{said}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_lab_left_is_removed_and_a_running_one_is_not() {
    if lab("labt7").await.is_none() {
        return;
    }
    for left in ["labt7-old", "labt7x-other"] {
        let _ = netns::delete(left);
        netns::create(left).unwrap();
    }
    let running = lab("labt7").await.unwrap();
    assert!(!leftovers("labt7-").contains(&"labt7-old".to_owned()));
    assert_eq!(leftovers("labt7x-"), ["labt7x-other"], "another lab's");
    netns::delete("labt7x-other").unwrap();

    let again = TopologySpec {
        lab: LabId::new("labt7").unwrap(),
        hypervisors: 1,
    };
    let refused = Topology::start(again, running.openstack.handle().clone()).await;
    assert!(
        matches!(refused, Err(TopologyError::Running { .. })),
        "{refused:?}"
    );
    assert!(
        leftovers("labt7-").contains(&"labt7-hv2".to_owned()),
        "it still runs"
    );
    drop(running);
    assert_eq!(leftovers("labt7-"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_passes_and_is_filtered_too() {
    let Some(lab) = lab("labt8").await else {
        return;
    };
    let (network, _) = lab.network("n", "10.79.0.0/24");
    lab.create(
        Kind::Subnet,
        json!({"network_id": network, "cidr": "fd00:79::/64", "ip_version": 6}),
    );
    let group = lab.group(&[]);
    let one = lab.vm("one", "hv1", &network, &group).await;
    let two = lab.vm("two", "hv2", &network, &group).await;
    let six = two
        .addresses
        .iter()
        .find(|address| address.addr().is_ipv6());
    let six = six.unwrap().addr().to_string();
    assert!(!pings(&one, &six), "no rule, no traffic");
    lab.rule(&group, json!({"protocol": "icmp", "ethertype": "IPv6"}));
    lab.topology.settled().await.unwrap();
    assert!(pings(&one, &six));
    assert!(!pings(&one, &address(&two)), "the rule is for IPv6 only");
}
