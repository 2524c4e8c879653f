//! What a node shows: its links, its tc filters, its pods' namespaces; our plugin on it.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};

use kuryr_net::netns;
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::stack::{self, Stack};
use crate::{Outcome, fail};

/// Before whatever configuration the node has: the runtime takes the first by name.
const CONFIGURATION: &str = "05-kuryr-e2e.conflist";
/// The plugin's name on the node, unlike that of one that was installed there.
const PLUGIN: &str = "kuryr-cni-e2e";

/// A node of the stack.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: String,
    /// Its network.
    pub netns: PathBuf,
    disk: PathBuf,
}

/// A link, as `ip -j link` has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Link {
    /// Index, never given twice in a namespace.
    pub ifindex: u32,
    /// Name.
    pub ifname: String,
}

impl Node {
    /// All nodes of the stack.
    #[must_use]
    pub fn all(stack: &Stack) -> Vec<Self> {
        let of = |(name, ids): (&String, &stack::NodeIds)| Self {
            name: name.clone(),
            netns: netns::path(&ids.netns),
            disk: stack.disk(name),
        };
        stack.ids.nodes.iter().map(of).collect()
    }

    /// Puts the plugin and its configuration on the node.
    ///
    /// # Errors
    /// They can't be written.
    pub fn install(&self, plugin: &Path) -> Outcome {
        place(&self.plugin(), |new| fs::copy(plugin, new).map(drop))?;
        let configuration = format!(
            r#"{{"cniVersion": "0.4.0", "name": "kuryr", "plugins": [{{"type": "{PLUGIN}"}}]}}"#
        );
        place(&self.configuration(), |new| fs::write(new, &configuration))?;
        Ok(())
    }

    /// Takes both away again.
    ///
    /// # Errors
    /// They are there and can't be removed.
    pub fn uninstall(&self) -> Outcome {
        for file in [self.configuration(), self.plugin()] {
            match fs::remove_file(&file) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return fail(format!("can't remove {}: {e}", file.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn plugin(&self) -> PathBuf {
        self.disk.join("opt-cni/bin").join(PLUGIN)
    }

    fn configuration(&self) -> PathBuf {
        self.disk.join("etc-cni/net.d").join(CONFIGURATION)
    }

    /// The links of its network.
    ///
    /// # Errors
    /// `ip` fails.
    pub async fn links(&self) -> Outcome<BTreeSet<Link>> {
        stack::json(self.inside("ip", &["-j", "link"])).await
    }

    /// The tc filters and queueing disciplines of its links, a line each.
    ///
    /// # Errors
    /// `tc` fails.
    pub async fn traffic_control(&self) -> Outcome<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let disciplines = stack::output(self.inside("tc", &["qdisc", "show"])).await?;
        found.extend(disciplines.lines().map(|line| line.trim().to_owned()));
        for link in self.links().await? {
            for side in ["ingress", "egress"] {
                let command = self.inside("tc", &["filter", "show", "dev", &link.ifname, side]);
                // A link may have gone since.
                let filters = stack::output(command).await.unwrap_or_default();
                let of = |line: &str| format!("{} {side} {}", link.ifname, line.trim());
                found.extend(filters.lines().map(of));
            }
        }
        Ok(found)
    }

    /// The namespaces of its pods.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn pod_networks(&self) -> Outcome<BTreeSet<PathBuf>> {
        let dir = self.disk.join("netns");
        let entries = fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        Ok(entries
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()?)
    }

    /// The namespace of the pod that has this address. Only the kernel is asked: a socket can be
    /// bound to an address where it is, and nowhere else.
    ///
    /// # Errors
    /// No pod on this node has it.
    pub fn network_of(&self, address: IpAddr) -> Outcome<PathBuf> {
        let is_there = |path: &PathBuf| {
            let bound = netns::run_in(Some(path), || UdpSocket::bind((address, 0)).is_ok());
            bound.unwrap_or(false)
        };
        match self.pod_networks()?.into_iter().find(is_there) {
            Some(path) => Ok(path),
            None => fail(format!("no pod's network on {} has {address}", self.name)),
        }
    }

    /// Bytes that it has sent by the link of its default route, its trunk.
    ///
    /// # Errors
    /// `ip` fails, or there is no such route.
    pub async fn bytes_sent(&self) -> Outcome<u64> {
        let routes: Vec<Value> =
            stack::json(self.inside("ip", &["-j", "route", "show", "default"])).await?;
        let link = routes.first().and_then(|route| route["dev"].as_str());
        let link = link.ok_or_else(|| format!("{} has no default route", self.name))?;
        let shown: Vec<Value> =
            stack::json(self.inside("ip", &["-j", "-s", "link", "show", "dev", link])).await?;
        let bytes = shown
            .first()
            .and_then(|link| link["stats64"]["tx"]["bytes"].as_u64());
        bytes.ok_or_else(|| format!("{link} of {} shows no bytes", self.name).into())
    }

    fn inside(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.netns.display()))
            .arg(program)
            .args(args);
        command
    }
}

/// Writes beside and renames: nobody reads half a file.
fn place(file: &Path, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Outcome {
    let new = file.with_extension("new");
    write(&new)
        .and_then(|()| fs::rename(&new, file))
        .map_err(|e| format!("can't write {}: {e}", file.display()).into())
}
