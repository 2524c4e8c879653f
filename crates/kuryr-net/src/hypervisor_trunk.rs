//! The other end of a trunk, for a lab's hypervisor: what Neutron's agent does with a trunk
//! port's VLANs.
//!
//! A VM is a namespace; the hypervisor's end of its interface is the *tap*. Each port has a
//! *leg*: a veth end in the hypervisor's namespace whose other end is a port of its network's
//! bridge. The same bpf programs as on a node take a VLAN's frames from the tap to the leg,
//! without the tag, and back with it; frames without a tag are the parent port's.

use std::path::{Path, PathBuf};

use crate::bpf::{Delivery, Trunk, Turn};
use crate::links::{Link, Links};
use crate::spec::vlan_id;
use crate::{Holder, NetError};

/// One VM's trunk on its hypervisor. Holds no state: what it makes stays when it is dropped.
#[derive(Debug)]
pub struct HypervisorTrunk {
    netns: Option<PathBuf>,
    links: Links,
    tap: Link,
}

impl HypervisorTrunk {
    /// The trunk by way of `tap` in the hypervisor's namespace (`None`: the caller's own).
    ///
    /// # Errors
    /// [`NetError::Netns`], [`NetError::UplinkMissing`] if there is no such tap.
    pub fn open(netns: Option<&Path>, tap: &str) -> Result<Self, NetError> {
        let links = Links::open(netns)?;
        let missing = || NetError::UplinkMissing {
            uplink: tap.to_owned(),
        };
        let tap = links.get(tap)?.ok_or_else(missing)?;
        Ok(Self {
            netns: netns.map(Path::to_owned),
            links,
            tap,
        })
    }

    /// Joins a VLAN of the tap (`None`: its untagged frames, the parent port's) to a leg, and
    /// sets the leg up. Safe to repeat.
    ///
    /// # Errors
    /// [`NetError::VlanInUse`] if the VLAN is joined to another leg.
    pub fn join(&self, vlan: Option<u16>, leg: &str) -> Result<(), NetError> {
        let id = checked(vlan)?;
        let leg = self.links.require(leg)?;
        let _turn = Turn::wait(self.netns.as_deref())?;
        let mut trunk = Trunk::find_or_load(&self.links, self.tap.index, &self.tap.name)?;
        if let Err(taken) = trunk.add(id, leg.index, Delivery::Send, None)? {
            let other = self.links.by_index(taken.link)?;
            let Some(other) = other else {
                trunk.remove(&taken)?;
                let again = trunk.add(id, leg.index, Delivery::Send, None)?;
                return again
                    .map_err(|_| self.in_use(id, &leg))
                    .and_then(|()| self.leg_up(&leg));
            };
            return Err(self.in_use(id, &other));
        }
        self.leg_up(&leg)
    }

    /// Takes a VLAN (`None`: the untagged frames) off its leg. Safe to repeat.
    ///
    /// # Errors
    /// [`NetError::Kernel`], [`NetError::Bpf`].
    pub fn part(&self, vlan: Option<u16>) -> Result<(), NetError> {
        let id = checked(vlan)?;
        let _turn = Turn::wait(self.netns.as_deref())?;
        let Some(mut trunk) = Trunk::find(&self.links, self.tap.index, &self.tap.name)? else {
            return Ok(());
        };
        if let Some(entry) = trunk.get(id)? {
            trunk.remove(&entry)?;
            if self.links.by_index(entry.link)?.is_some() {
                self.links.detach(entry.link)?;
                self.links.remove_unused_clsact(entry.link)?;
            }
        }
        trunk.unload_if_unused()
    }

    /// The VLANs that are joined (`None`: the untagged frames), each with its leg's name.
    ///
    /// # Errors
    /// [`NetError::Kernel`], [`NetError::Bpf`].
    pub fn joined(&self) -> Result<Vec<(Option<u16>, String)>, NetError> {
        let Some(trunk) = Trunk::find(&self.links, self.tap.index, &self.tap.name)? else {
            return Ok(vec![]);
        };
        let mut joined = Vec::new();
        for entry in trunk.all()? {
            if let Some(leg) = self.links.by_index(entry.link)? {
                joined.push(((entry.vlan != 0).then_some(entry.vlan), leg.name));
            }
        }
        joined.sort();
        Ok(joined)
    }

    fn leg_up(&self, leg: &Link) -> Result<(), NetError> {
        self.links.no_own_ipv6_address(leg.index)?;
        self.links.set_up(leg.index)
    }

    fn in_use(&self, vlan: u16, by: &Link) -> NetError {
        let holder = Holder {
            link_name: by.name.clone(),
            alias: by.alias.clone(),
            netns: None,
        };
        NetError::VlanInUse {
            uplink: self.tap.name.clone(),
            vlan,
            holder,
        }
    }
}

/// The map has untagged frames as VLAN 0.
fn checked(vlan: Option<u16>) -> Result<u16, NetError> {
    match vlan {
        None => Ok(0),
        Some(id) => vlan_id(id).map(|()| id),
    }
}
