//! The two namespaces that an interface joins: the node's and the pod's.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::bpf::{Trunk, Turn};
use crate::links::{Link, Links};
use crate::spec::{ALIAS_PREFIX, alias_owner};
use crate::{NetError, Node, netns};

/// The group (`IFLA_GROUP`) of links that are ours, "ku": set when a link is made, so that it
/// is known for ours even if we die before it has its alias.
pub(crate) const GROUP: u32 = 0x6b75;

/// Whether we made the link.
pub(crate) fn ours(link: &Link) -> bool {
    link.alias.starts_with(ALIAS_PREFIX) || link.group == GROUP
}

/// Whether we made the link, and for the owner that the alias names. One that has no alias yet was half made.
pub(crate) fn ours_for(link: &Link, alias: &str) -> bool {
    ours(link) && (link.alias.is_empty() || alias_owner(&link.alias) == alias_owner(alias))
}

/// The node's namespace.
pub(crate) struct NodeSide<'a> {
    pub(crate) node: &'a Node,
    pub(crate) links: Links,
}

impl<'a> NodeSide<'a> {
    pub(crate) fn open(node: &'a Node) -> Result<Self, NetError> {
        Ok(Self {
            node,
            links: Links::open(node.netns.as_deref())?,
        })
    }

    pub(crate) fn file(&self) -> Result<File, NetError> {
        netns::open(self.node.netns.as_deref())
    }

    pub(crate) fn uplink(&self, name: &str) -> Result<Link, NetError> {
        self.links
            .get(name)?
            .ok_or_else(|| NetError::UplinkMissing {
                uplink: name.to_owned(),
            })
    }

    /// Waits for the turn to change the node's trunks.
    pub(crate) fn turn(&self) -> Result<Turn, NetError> {
        Turn::wait(self.node.netns.as_deref())
    }

    /// Removes every way to and from the veths of these indices, which are deleted already,
    /// and to the VLAN if it leads to a veth that is gone; with the last one, the programs.
    pub(crate) fn forget(
        &self,
        uplink: &Link,
        veths: &[u32],
        vlan: Option<u16>,
    ) -> Result<(), NetError> {
        if !Trunk::is_on(&self.links, uplink.index)? {
            return Ok(());
        }
        let _turn = self.turn()?;
        let Some(mut trunk) = Trunk::find(&self.links, uplink.index, &uplink.name)? else {
            return Ok(());
        };
        let mut left: BTreeSet<u32> = veths.iter().copied().collect();
        let taken = vlan.map(|vlan| trunk.get(vlan)).transpose()?.flatten();
        if let Some(entry) = taken
            && (left.remove(&entry.link) || self.links.by_index(entry.link)?.is_none())
        {
            trunk.remove(&entry)?;
        }
        if !left.is_empty() {
            for entry in trunk.all()? {
                if left.contains(&entry.link) {
                    trunk.remove(&entry)?;
                }
            }
            for veth in left {
                trunk.release(veth)?;
            }
        }
        trunk.unload_if_unused()
    }

    /// Every network namespace of the machine that this process can see, once each, the
    /// node's own among them: named ones first, then those of processes.
    pub(crate) fn namespaces(&self) -> Vec<(PathBuf, File)> {
        let named = self.node.netns_dirs.iter().flat_map(|dir| entries(dir));
        let processes = entries(&self.node.proc)
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().bytes().all(|c| c.is_ascii_digit()))
            })
            .map(|path| path.join("ns/net"));
        let mut seen = HashSet::new();
        let own = self.node.netns.iter().cloned();
        // A namespace that is gone by now is none; neither is a file that never was one.
        own.chain(named)
            .chain(processes)
            .filter_map(|path| {
                let identity = identity(&path).ok()?;
                if !seen.insert(identity) {
                    return None;
                }
                let file = netns::open(Some(&path)).ok()?;
                Some((path, file))
            })
            .collect()
    }
}

/// The pod's namespace.
pub(crate) struct PodSide {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) links: Links,
}

impl PodSide {
    pub(crate) fn open(path: &Path) -> Result<Self, NetError> {
        Ok(Self {
            path: path.to_owned(),
            file: netns::open(Some(path))?,
            links: Links::open(Some(path))?,
        })
    }

    /// As [`Self::open`]; `None` if the namespace is gone.
    pub(crate) fn open_if_there(path: &Path) -> Result<Option<Self>, NetError> {
        match Self::open(path) {
            Ok(side) => Ok(Some(side)),
            Err(NetError::Netns { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
}

/// Device and inode: the same for every path to a namespace.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
