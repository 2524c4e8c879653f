//! Pods as large as pods are, and KuryrPorts as the controller writes them.

use std::net::IpAddr;

use ipnet::IpNet;
use kuryr_api::names::{DEFAULT_IFNAME, KURYRPORT_FINALIZER, NODE_LABEL, node_label};
use kuryr_api::vif::{Vif, VifNetwork, VifSubnet};
use serde_json::{Value, json};

use super::site::NAMESPACE;

/// A pod of an ordinary Deployment, bound to a node: about 3 KB with its status.
pub(crate) fn pod(name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": NAMESPACE,
            "labels": {
                "app.kubernetes.io/name": "shop", "app.kubernetes.io/component": "frontend",
                "app.kubernetes.io/part-of": "scale", "pod-template-hash": "6d4b75cb6d",
            },
            "annotations": {
                "checksum/config": "0f343b0931126a20f133d67c2b018a3b5e2f1c8a9d0e4b7c6a5f4e3d2c1b0a99",
                "prometheus.io/scrape": "true", "prometheus.io/port": "9100",
            },
        },
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "serviceAccountName": "default",
            "volumes": [
                {"name": "config", "configMap": {"name": "shop-config", "defaultMode": 420}},
                {"name": "cache", "emptyDir": {"sizeLimit": "64Mi"}},
            ],
            "containers": [container("main"), container("sidecar")],
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists",
                    "effect": "NoExecute", "tolerationSeconds": 300},
                {"key": "node.kubernetes.io/unreachable", "operator": "Exists",
                    "effect": "NoExecute", "tolerationSeconds": 300},
            ],
        },
    })
}

fn container(name: &str) -> Value {
    let probe = json!({
        "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
        "initialDelaySeconds": 5, "timeoutSeconds": 1, "periodSeconds": 10,
    });
    json!({
        "name": name,
        "image": "registry.example/shop/frontend:1.42.0",
        "imagePullPolicy": "IfNotPresent",
        "command": ["/usr/bin/shop", "--listen=0.0.0.0:8080", "--log-format=json"],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "DATABASE_URL", "value": "postgres://shop@database.shop.svc.cluster.local:5432/shop"},
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/shop", "readOnly": true},
            {"name": "cache", "mountPath": "/var/cache/shop"},
        ],
        "livenessProbe": probe, "readinessProbe": probe,
    })
}

/// What its kubelet says of a pod that runs.
pub(crate) fn running(address: &str) -> Value {
    let at = "2026-01-01T00:00:00Z";
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": at});
    let container = |name: &str| {
        json!({
            "name": name, "ready": true, "started": true, "restartCount": 0,
            "image": "registry.example/shop/frontend:1.42.0",
            "imageID": "registry.example/shop/frontend@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "containerID": "containerd://2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            "state": {"running": {"startedAt": at}},
        })
    };
    let conditions = [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ];
    json!({
        "phase": "Running",
        "podIP": address, "podIPs": [{"ip": address}], "startTime": at, "qosClass": "Burstable",
        "conditions": (conditions.map(condition)),
        "containerStatuses": (["main", "sidecar"].map(container)),
    })
}

/// A port as a KuryrPort has it.
pub(crate) struct SeededVif<'a> {
    pub(crate) port: &'a str,
    pub(crate) mac: &'a str,
    pub(crate) vlan: u16,
    pub(crate) address: IpAddr,
    pub(crate) network: &'a str,
    pub(crate) cidr: IpNet,
}

/// The KuryrPort of a pod that has its port.
pub(crate) fn claim(pod: &str, uid: &str, node: &str, vif: &SeededVif<'_>) -> Value {
    let wire = Vif {
        port_id: vif.port.to_owned(),
        mac: vif.mac.to_owned(),
        vlan: vif.vlan,
        active: true,
        network: VifNetwork {
            id: vif.network.to_owned(),
            name: "pods".to_owned(),
            mtu: 1442,
            subnets: vec![VifSubnet {
                cidr: vif.cidr,
                gateway: vif.cidr.hosts().next(),
                dns: Vec::new(),
                routes: Vec::new(),
                ips: vec![vif.address],
            }],
        },
    };
    json!({
        "apiVersion": "openstack.org/v1",
        "kind": "KuryrPort",
        "metadata": {
            "name": pod, "namespace": NAMESPACE,
            "labels": { NODE_LABEL: node_label(node) },
            "finalizers": [KURYRPORT_FINALIZER],
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}],
        },
        "spec": {"podUid": uid, "podNodeName": node, "podStatic": false},
        "status": {"vifs": {DEFAULT_IFNAME: {"default": true, "vif": wire.to_wire()}}},
    })
}
