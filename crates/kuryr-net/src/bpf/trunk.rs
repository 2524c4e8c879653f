//! One trunk: the programs on one uplink and the VLANs they lead to pods.

use std::os::fd::AsFd;

use aya::maps::{IterableMap, MapError};
use aya::programs::ProgramFd;
use tracing::warn;

use super::object::{self, FROM_POD, TO_POD, TrunkMap};
use crate::links::Links;
use crate::{MacAddr, NetError};

/// First word of a key, as in bpf/trunk.c.
const DIRECTION_TO_POD: u32 = 0;
const DIRECTION_FROM_POD: u32 = 1;
/// What was changed on the uplink and is to be set back with the last pod: `{vlan filter}`.
const NOTES: [u32; 2] = [2, 0];
/// Flag of an entry to a pod, as in bpf/trunk.c.
const INTO_PEER: u32 = 1;
/// `BPF_NOEXIST` of linux/bpf.h.
const ONLY_NEW: u64 = 1;
/// Hardware that drops frames of VLANs that no vlan link asked for.
const VLAN_FILTER: &str = "rx-vlan-filter";

/// How frames of a VLAN reach the other end of its veth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The other end is in another namespace, and the frame is there at once.
    IntoPeer,
    /// The frame is sent out of this end, as any.
    Send,
}

/// A VLAN's entry: which veth it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The VLAN, 0 for frames without one.
    pub(crate) vlan: u16,
    /// The index of the veth's end in the uplink's namespace.
    pub(crate) link: u32,
    mac: Option<MacAddr>,
}

/// The programs and the map of one uplink.
pub(crate) struct Trunk<'a> {
    links: &'a Links,
    uplink: (u32, &'a str),
    map: TrunkMap,
    /// Known if the programs were loaded just now.
    from_pod: Option<ProgramFd>,
}

impl<'a> Trunk<'a> {
    /// The trunk on the uplink, if there is one: its filter names the program, the program
    /// its map. So a daemon that starts again needs no file to find it.
    pub(crate) fn find(
        links: &'a Links,
        index: u32,
        name: &'a str,
    ) -> Result<Option<Self>, NetError> {
        for filter in links.filters(index)?.iter().filter(|f| f.name == TO_POD) {
            if let Some(map) = object::map_of(filter.program)? {
                return Ok(Some(Self {
                    links,
                    uplink: (index, name),
                    map,
                    from_pod: None,
                }));
            }
        }
        Ok(None)
    }

    /// The trunk on the uplink, made if there is none that can take a pod.
    pub(crate) fn find_or_load(
        links: &'a Links,
        index: u32,
        name: &'a str,
    ) -> Result<Self, NetError> {
        if let Some(mut trunk) = Self::find(links, index, name)? {
            trunk.from_pod = object::from_pod_of(trunk.map_id()?);
            if trunk.from_pod.is_some() {
                return Ok(trunk);
            }
            // No pod is left whose veth would hold the other program.
            trunk.unload()?;
        }
        let loaded = object::load()?;
        links.attach(index, TO_POD, loaded.to_pod.as_fd())?;
        let mut trunk = Self {
            links,
            uplink: (index, name),
            map: loaded.map,
            from_pod: Some(loaded.from_pod),
        };
        trunk.open_vlan_filter();
        Ok(trunk)
    }

    /// Leads a VLAN (0: frames without one) to a veth and back.
    ///
    /// # Errors
    /// `Ok(Err(…))` if the VLAN leads elsewhere already.
    pub(crate) fn add(
        &mut self,
        vlan: u16,
        link: u32,
        delivery: Delivery,
        mac: Option<MacAddr>,
    ) -> Result<Result<(), Taken>, NetError> {
        if let Some(taken) = self.get(vlan)? {
            return Ok(if taken.link == link {
                Ok(())
            } else {
                Err(taken)
            });
        }
        let from_pod = self
            .from_pod
            .as_ref()
            .ok_or_else(|| self.failed(vlan, "the program is not loaded"))?;
        let flags = if delivery == Delivery::IntoPeer {
            INTO_PEER
        } else {
            0
        };
        let [low, high] = words(mac);
        self.map
            .insert(from_pod_key(link), [self.uplink.0, vlan.into(), 0, 0], 0)
            .map_err(|e| self.failed(vlan, e))?;
        self.links.attach(link, FROM_POD, from_pod.as_fd())?;
        self.map
            .insert(to_pod_key(vlan), [link, flags, low, high], ONLY_NEW)
            .map_err(|e| self.failed(vlan, e))?;
        if let Some(mac) = mac {
            self.links.add_unicast(self.uplink.0, mac)?;
        }
        Ok(Ok(()))
    }

    /// Where a VLAN leads.
    pub(crate) fn get(&self, vlan: u16) -> Result<Option<Taken>, NetError> {
        match self.map.get(&to_pod_key(vlan), 0) {
            Ok(value) => Ok(Some(taken(vlan, value))),
            Err(MapError::KeyNotFound) => Ok(None),
            Err(error) => Err(self.failed(vlan, error)),
        }
    }

    /// Whether frames from the veth are tagged with the VLAN.
    pub(crate) fn leads_back(&self, link: u32, vlan: u16) -> Result<bool, NetError> {
        match self.map.get(&from_pod_key(link), 0) {
            Ok(value) => Ok(value[..2] == [self.uplink.0, vlan.into()]),
            Err(MapError::KeyNotFound) => Ok(false),
            Err(error) => Err(self.failed(vlan, error)),
        }
    }

    /// All VLANs that lead somewhere.
    pub(crate) fn all(&self) -> Result<Vec<Taken>, NetError> {
        let mut all = Vec::new();
        for entry in self.map.iter() {
            let (key, value) = entry.map_err(|e| self.failed(0, e))?;
            if key[0] == DIRECTION_TO_POD {
                all.extend(u16::try_from(key[1]).map(|vlan| taken(vlan, value)));
            }
        }
        Ok(all)
    }

    /// Removes an entry in both directions. The filter on the veth goes with the veth.
    pub(crate) fn remove(&mut self, entry: &Taken) -> Result<(), NetError> {
        self.remove_key(from_pod_key(entry.link), entry.vlan)?;
        self.remove_key(to_pod_key(entry.vlan), entry.vlan)?;
        // Two networks may have a port of the same MAC address each.
        match entry.mac {
            Some(mac) if !self.all()?.iter().any(|other| other.mac == Some(mac)) => {
                self.links.remove_unicast(self.uplink.0, mac)
            }
            _ => Ok(()),
        }
    }

    /// Removes what leads from a veth, and to it by the VLAN; an entry of the VLAN that leads
    /// elsewhere is left alone.
    pub(crate) fn release(&mut self, vlan: u16, link: u32) -> Result<(), NetError> {
        match self.get(vlan)? {
            Some(entry) if entry.link == link => self.remove(&entry),
            _ => self.remove_key(from_pod_key(link), vlan),
        }
    }

    /// Takes the programs off the uplink unless a veth that still exists needs them. Entries
    /// of veths that are gone (with their pod's namespace) are removed on the way.
    pub(crate) fn unload_if_unused(mut self) -> Result<(), NetError> {
        for entry in self.all()? {
            if self.links.by_index(entry.link)?.is_some() {
                return Ok(());
            }
            self.remove(&entry)?;
        }
        self.unload()
    }

    fn unload(&mut self) -> Result<(), NetError> {
        let (index, name) = self.uplink;
        if self.map.get(&NOTES, 0).is_ok_and(|notes| notes[0] == 1) {
            let closed = self
                .links
                .ethtool()
                .switch(name, true, |feature| feature == VLAN_FILTER);
            closed.map_err(|e| NetError::kernel(format!("set {VLAN_FILTER} of {name} back"), e))?;
        }
        self.links.detach(index)?;
        self.links.remove_unused_clsact(index)
    }

    /// Has hardware pass tagged frames though no vlan link asks for their VLANs.
    fn open_vlan_filter(&mut self) {
        let name = self.uplink.1;
        match self
            .links
            .ethtool()
            .switch(name, false, |feature| feature == VLAN_FILTER)
        {
            Ok(false) => {}
            Ok(true) => {
                if let Err(error) = self.map.insert(NOTES, [1, 0, 0, 0], 0) {
                    warn!(uplink = name, %error, "{VLAN_FILTER} was switched off and will not be set back");
                }
            }
            Err(error) => {
                warn!(uplink = name, %error, "{VLAN_FILTER} could not be switched off: if it is on, pods receive nothing")
            }
        }
    }

    fn remove_key(&mut self, key: [u32; 2], vlan: u16) -> Result<(), NetError> {
        match self.map.remove(&key) {
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(MapError::SyscallError(error))
                if error.io_error.raw_os_error() == Some(libc::ENOENT) =>
            {
                Ok(())
            }
            Err(error) => Err(self.failed(vlan, error)),
        }
    }

    fn map_id(&self) -> Result<u32, NetError> {
        let info = IterableMap::map(&self.map).info();
        info.map(|info| info.id()).map_err(|e| self.failed(0, e))
    }

    fn failed(&self, vlan: u16, reason: impl std::fmt::Display) -> NetError {
        NetError::bpf(
            format!("the bpf trunk of {}, VLAN {vlan}", self.uplink.1),
            reason,
        )
    }
}

fn to_pod_key(vlan: u16) -> [u32; 2] {
    [DIRECTION_TO_POD, vlan.into()]
}

fn from_pod_key(link: u32) -> [u32; 2] {
    [DIRECTION_FROM_POD, link]
}

fn taken(vlan: u16, [link, _, low, high]: [u32; 4]) -> Taken {
    let [a, b, c, d] = low.to_ne_bytes();
    let [e, f, ..] = high.to_ne_bytes();
    let mac = MacAddr([a, b, c, d, e, f]);
    Taken {
        vlan,
        link,
        mac: mac.is_unicast().then_some(mac),
    }
}

/// A MAC address in two words of a map's value; zero for none.
fn words(mac: Option<MacAddr>) -> [u32; 2] {
    let [a, b, c, d, e, f] = mac.unwrap_or(MacAddr([0; 6])).0;
    [
        u32::from_ne_bytes([a, b, c, d]),
        u32::from_ne_bytes([e, f, 0, 0]),
    ]
}
