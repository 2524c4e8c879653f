//! The real kernel, by way of [`kuryr_net`].

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kuryr_net::links::Links;
use kuryr_net::{
    Holder, InterfaceSpec, LocalPort, Method, NetError, Node, OwnedInterface, Plugged, UnplugSpec,
    netns,
};

use super::routes::default_route_links;
use super::{Netns, Plugger};
use crate::config::DaemonConfig;
use crate::error::DaemonError;

/// Plugs into one uplink by one method, both found at the start.
#[derive(Debug)]
pub struct NetPlugger {
    node: Node,
    uplink: String,
    method: Method,
    reason: String,
    /// Where the host's `/proc` is, if not at `/proc`.
    proc_dir: Option<PathBuf>,
}

impl NetPlugger {
    /// Finds the trunk's link and what the kernel can do with it.
    ///
    /// # Errors
    /// There is no such link, or nothing can be plugged into it.
    pub fn find(config: &DaemonConfig) -> Result<Self, DaemonError> {
        let node = node(config);
        let uplink = uplink(config, &node)?;
        let able = kuryr_net::probe(&node, &uplink).map_err(DaemonError::Uplink)?;
        let (works, method) = match config.method {
            Method::Auto => (able.chosen.ok_or(able.reason.clone()), able.chosen),
            Method::Vlan => (able.vlan.map(|()| Method::Vlan), Some(Method::Vlan)),
            Method::Bpf => (able.bpf.map(|()| Method::Bpf), Some(Method::Bpf)),
        };
        let method = match works {
            Ok(method) => method,
            Err(reason) => {
                let method = method.unwrap_or(config.method);
                let reason = format!("method {method}: {reason}");
                return Err(DaemonError::NoMethod { uplink, reason });
            }
        };
        tracing::info!(uplink, %method, reason = able.reason, "pods are plugged into the trunk");
        Ok(Self {
            node,
            uplink,
            method,
            reason: able.reason,
            proc_dir: config.proc_dir.clone(),
        })
    }

    /// The method taken, and why.
    #[must_use]
    pub fn method(&self) -> (Method, &str) {
        (self.method, &self.reason)
    }

    /// Where this process sees a namespace that the runtime names by its path on the host.
    fn path_here(&self, on_host: &Path) -> PathBuf {
        match (&self.proc_dir, on_host.strip_prefix("/proc")) {
            (Some(proc), Ok(below)) => proc.join(below),
            _ => on_host.to_owned(),
        }
    }

    fn spec_here(&self, spec: &InterfaceSpec) -> InterfaceSpec {
        let method = match spec.method {
            Method::Auto => self.method,
            taken => taken,
        };
        InterfaceSpec {
            pod_netns: self.path_here(&spec.pod_netns),
            method,
            ..spec.clone()
        }
    }
}

fn node(config: &DaemonConfig) -> Node {
    let mut node = Node {
        netns: config.node_netns.clone(),
        ..Node::default()
    };
    if let Some(proc) = &config.proc_dir {
        node.proc.clone_from(proc);
    }
    node
}

/// The trunk's link: as configured, else the one with the node's address, else the default route's.
fn uplink(config: &DaemonConfig, node: &Node) -> Result<String, DaemonError> {
    if let Some(name) = &config.link_iface {
        return Ok(name.clone());
    }
    if let Some(address) = config.node_ip {
        let found = kuryr_net::find_uplink(node, address).map_err(DaemonError::Uplink)?;
        return Ok(found.name);
    }
    let links = default_route_links(node.netns.as_deref()).map_err(DaemonError::Uplink)?;
    let first = links.first().cloned().ok_or(DaemonError::NoDefaultRoute)?;
    if links.len() > 1 {
        tracing::warn!(
            links = links.join(", "),
            taken = first,
            "several links have a default route, and the trunk may be another one's: say [kuryr] node_ip \
             (KUBERNETES_NODE_IP) or [binding] link_iface"
        );
    }
    Ok(first)
}

impl Plugger for NetPlugger {
    fn uplink(&self) -> &str {
        &self.uplink
    }

    fn check_uplink(&self) -> Result<(), NetError> {
        match Links::open(self.node.netns.as_deref())?.get(&self.uplink)? {
            Some(_) => Ok(()),
            None => Err(NetError::UplinkMissing {
                uplink: self.uplink.clone(),
            }),
        }
    }

    fn plug(&self, spec: &InterfaceSpec) -> Result<Plugged, NetError> {
        kuryr_net::plug(&self.node, &self.spec_here(spec))
    }

    fn cut(&self, spec: &UnplugSpec) -> Result<(), NetError> {
        kuryr_net::cut(&self.node, spec)
    }

    fn unplug(&self, spec: &UnplugSpec) -> Result<(), NetError> {
        let here = UnplugSpec {
            pod_netns: spec.pod_netns.as_deref().map(|path| self.path_here(path)),
            ..spec.clone()
        };
        kuryr_net::unplug(&self.node, &here)
    }

    fn check(&self, spec: &InterfaceSpec) -> Result<(), NetError> {
        kuryr_net::check(&self.node, &self.spec_here(spec))
    }

    fn list(&self) -> Result<Vec<OwnedInterface>, NetError> {
        kuryr_net::list(&self.node, &self.uplink)
    }

    fn evict(&self, vlan: u16) -> Result<Option<Holder>, NetError> {
        kuryr_net::evict(&self.node, &self.uplink, vlan)
    }

    fn switch_locally(&self, ports: &[LocalPort]) -> Result<Option<usize>, NetError> {
        kuryr_net::switch_locally(&self.node, &self.uplink, ports)
    }

    fn netns(&self, path: &Path) -> Netns {
        let opened = netns::open(Some(&self.path_here(path)));
        match opened {
            Ok(file) => file
                .metadata()
                .map_or(Netns::Unknown, |meta| Netns::There(meta.ino())),
            Err(NetError::Netns { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Netns::Gone
            }
            Err(_) => Netns::Unknown,
        }
    }
}
