//! One trunk: the programs on one uplink and the VLANs they lead to pods.

use std::os::fd::{AsFd, OwnedFd};

use aya::maps::{IterableMap, MapError};

use super::endpoints::Endpoints;
use super::object::{self, FROM_POD, TO_POD, TrunkMap};
use super::syscall;
use super::vlan_filter::{self, Changed};
use crate::links::{Links, Side};
use crate::{MacAddr, NetError};

/// First word of a key, as in bpf/trunk.c.
const DIRECTION_TO_POD: u32 = 0;
const DIRECTION_FROM_POD: u32 = 1;
/// Key of what the programs do not need, see [`Notes`].
const NOTES: [u32; 2] = [2, 0];
/// The upper half of a value's second word is a group, as in bpf/trunk.c.
const GROUP_SHIFT: u32 = 16;
const LOWER_HALF: u32 = 0xffff;
/// Flag of an entry to a pod, as in bpf/trunk.c.
const INTO_PEER: u32 = 1;
/// `BPF_NOEXIST` of linux/bpf.h.
const ONLY_NEW: u64 = 1;

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
    /// The group within which its frames are switched on the worker, 0 for none.
    pub(crate) group: u16,
    /// How frames reach the pod.
    pub(crate) delivery: Delivery,
    mac: Option<MacAddr>,
}

#[cfg(test)]
impl Taken {
    pub(crate) fn new(vlan: u16, link: u32, delivery: Delivery) -> Self {
        Self {
            vlan,
            link,
            group: 0,
            delivery,
            mac: None,
        }
    }
}

/// What is remembered in the map.
#[derive(Clone, Copy, Default)]
struct Notes {
    /// What was changed on the uplink, to be set back with the last pod: [`Changed`].
    changed: u32,
    /// Id of the map of endpoints; 0 with programs of before there was one.
    endpoints: u32,
    /// The last group that was made.
    last_group: u16,
}

/// The programs and the map of one uplink.
pub(crate) struct Trunk<'a> {
    links: &'a Links,
    uplink: (u32, &'a str),
    map: TrunkMap,
    from_pod: FromPod,
}

/// The other program, which each pod's veth has.
enum FromPod {
    /// Loaded, and known by its id.
    Id(u32),
    /// Ready to be attached.
    Open(OwnedFd),
}

impl<'a> Trunk<'a> {
    /// The trunk on the uplink, if there is one. Its filter's name says which map and which
    /// other program belong to it; so a daemon that starts again needs no file to find them.
    pub(crate) fn find(
        links: &'a Links,
        index: u32,
        name: &'a str,
    ) -> Result<Option<Self>, NetError> {
        let names = links.filters(index, Side::Ingress)?;
        let Some((map, from_pod)) = names.iter().find_map(|f| parts(&f.name)) else {
            return Ok(None);
        };
        let Some(map) = object::map(map)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            links,
            uplink: (index, name),
            map,
            from_pod: FromPod::Id(from_pod),
        }))
    }

    /// Whether there is a trunk on the uplink.
    pub(crate) fn is_on(links: &Links, index: u32) -> Result<bool, NetError> {
        let filters = links.filters(index, Side::Ingress)?;
        Ok(filters.iter().any(|filter| parts(&filter.name).is_some()))
    }

    /// The trunk on the uplink, made if there is none that can take a pod.
    pub(crate) fn find_or_load(
        links: &'a Links,
        index: u32,
        name: &'a str,
    ) -> Result<Self, NetError> {
        if let Some(mut trunk) = Self::find(links, index, name)? {
            if trunk.open_from_pod()? {
                return Ok(trunk);
            }
            // No pod is left whose veth would hold the other program.
            trunk.unload()?;
        }
        let loaded = object::load()?;
        let endpoints = IterableMap::map(&loaded.endpoints).info();
        let endpoints = endpoints.map_err(|e| NetError::bpf("read a bpf map's id", e))?;
        let from_pod = syscall::id_of(&loaded.from_pod)
            .map_err(|e| NetError::kernel("read a bpf program's id", e))?;
        let mut trunk = Self {
            links,
            uplink: (index, name),
            map: loaded.map,
            from_pod: FromPod::Open(loaded.from_pod),
        };
        let filter = format!("{TO_POD}/{}/{from_pod}", trunk.map_id()?);
        links.attach(index, Side::Ingress, &filter, loaded.to_pod.as_fd())?;
        trunk.note(Notes {
            changed: vlan_filter::open(links, index, name)?.note(),
            endpoints: endpoints.id(),
            last_group: 0,
        })?;
        Ok(trunk)
    }

    fn open_from_pod(&mut self) -> Result<bool, NetError> {
        let FromPod::Id(id) = self.from_pod else {
            return Ok(true);
        };
        let opened = syscall::program(id);
        match opened.map_err(|e| NetError::kernel(format!("open bpf program {id}"), e))? {
            Some(fd) => {
                self.from_pod = FromPod::Open(fd);
                Ok(true)
            }
            None => Ok(false),
        }
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
        let FromPod::Open(from_pod) = &self.from_pod else {
            return Err(self.failed(vlan, "the program is not open"));
        };
        let flags = if delivery == Delivery::IntoPeer {
            INTO_PEER
        } else {
            0
        };
        let [low, high] = words(mac);
        self.map
            .insert(from_pod_key(link), [self.uplink.0, vlan.into(), 0, 0], 0)
            .map_err(|e| self.failed(vlan, e))?;
        self.links
            .attach(link, Side::Ingress, FROM_POD, from_pod.as_fd())?;
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
            Ok([uplink, word, ..]) => {
                Ok((uplink, word & LOWER_HALF) == (self.uplink.0, vlan.into()))
            }
            Err(MapError::KeyNotFound) => Ok(false),
            Err(error) => Err(self.failed(vlan, error)),
        }
    }

    /// All VLANs that lead somewhere.
    pub(crate) fn all(&self) -> Result<Vec<Taken>, NetError> {
        self.entries().collect()
    }

    fn entries(&self) -> impl Iterator<Item = Result<Taken, NetError>> {
        self.map.iter().filter_map(|entry| match entry {
            Ok(([DIRECTION_TO_POD, vlan], value)) => {
                Some(Ok(taken(u16::try_from(vlan).ok()?, value)))
            }
            Ok(_) => None,
            Err(error) => Some(Err(self.failed(0, error))),
        })
    }

    /// Removes an entry in both directions. The filter on the veth goes with the veth.
    pub(crate) fn remove(&mut self, entry: &Taken) -> Result<(), NetError> {
        if let Some(mut endpoints) = self.endpoints()? {
            endpoints.remove_link(entry.link)?;
        }
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

    /// Removes what leads from a veth that no VLAN leads to.
    pub(crate) fn release(&mut self, link: u32) -> Result<(), NetError> {
        self.remove_key(from_pod_key(link), 0)
    }

    /// Whom frames may be switched to on the worker; `None` if the programs are of a version that can't.
    pub(crate) fn endpoints(&self) -> Result<Option<Endpoints>, NetError> {
        match self.notes().endpoints {
            0 => Ok(None),
            id => Ok(object::endpoints(id)?.map(Endpoints)),
        }
    }

    /// The last group that was made on this trunk.
    pub(crate) fn last_group(&self) -> u16 {
        self.notes().last_group
    }

    /// Remembers the last group that was made.
    pub(crate) fn set_last_group(&mut self, last_group: u16) -> Result<(), NetError> {
        let notes = self.notes();
        self.note(Notes {
            last_group,
            ..notes
        })
    }

    /// Puts a VLAN's pod into a group, 0 for none.
    pub(crate) fn set_group(&mut self, entry: &Taken, group: u16) -> Result<(), NetError> {
        for key in [to_pod_key(entry.vlan), from_pod_key(entry.link)] {
            let failed = |e| self.failed(entry.vlan, e);
            let [first, word, low, high] = self.map.get(&key, 0).map_err(failed)?;
            let word = word & LOWER_HALF | u32::from(group) << GROUP_SHIFT;
            let set = self.map.insert(key, [first, word, low, high], 0);
            set.map_err(|e| self.failed(entry.vlan, e))?;
        }
        Ok(())
    }

    /// Takes the programs off the uplink unless a veth that still exists needs them. Entries
    /// of veths that are gone (with their pod's namespace) are removed on the way.
    pub(crate) fn unload_if_unused(mut self) -> Result<(), NetError> {
        loop {
            let first = self.entries().next().transpose()?;
            let Some(entry) = first else { break };
            if self.links.by_index(entry.link)?.is_some() {
                return Ok(());
            }
            self.remove(&entry)?;
        }
        self.unload()
    }

    fn unload(&mut self) -> Result<(), NetError> {
        let (index, name) = self.uplink;
        let changed = Changed::noted(self.notes().changed);
        vlan_filter::close(self.links, index, name, changed)?;
        self.links.detach(index)?;
        self.links.remove_unused_clsact(index)
    }

    fn notes(&self) -> Notes {
        let noted = self.map.get(&NOTES, 0);
        noted.map_or(Notes::default(), |[changed, endpoints, group, _]| Notes {
            changed,
            endpoints,
            last_group: u16::try_from(group).unwrap_or(0),
        })
    }

    fn note(&mut self, notes: Notes) -> Result<(), NetError> {
        let words = [notes.changed, notes.endpoints, notes.last_group.into(), 0];
        let noted = self.map.insert(NOTES, words, 0);
        noted.map_err(|e| self.failed(0, e))
    }

    fn remove_key(&mut self, key: [u32; 2], vlan: u16) -> Result<(), NetError> {
        object::remove(&mut self.map, &key).map_err(|e| self.failed(vlan, e))
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

/// Map and other program of a trunk, by the name of its filter.
fn parts(filter: &str) -> Option<(u32, u32)> {
    let (map, from_pod) = filter
        .strip_prefix(TO_POD)?
        .strip_prefix('/')?
        .split_once('/')?;
    Some((map.parse().ok()?, from_pod.parse().ok()?))
}

fn to_pod_key(vlan: u16) -> [u32; 2] {
    [DIRECTION_TO_POD, vlan.into()]
}

fn from_pod_key(link: u32) -> [u32; 2] {
    [DIRECTION_FROM_POD, link]
}

fn taken(vlan: u16, [link, word, low, high]: [u32; 4]) -> Taken {
    let delivery = if word & INTO_PEER == 0 {
        Delivery::Send
    } else {
        Delivery::IntoPeer
    };
    let mac = mac_of([low, high]);
    Taken {
        vlan,
        link,
        group: u16::try_from(word >> GROUP_SHIFT).unwrap_or(0),
        delivery,
        mac: mac.is_unicast().then_some(mac),
    }
}

/// A MAC address out of two words of a map's value.
pub(super) fn mac_of([low, high]: [u32; 2]) -> MacAddr {
    let [a, b, c, d] = low.to_ne_bytes();
    let [e, f, ..] = high.to_ne_bytes();
    MacAddr([a, b, c, d, e, f])
}

/// A MAC address in two words of a map's value; zero for none.
pub(super) fn words(mac: Option<MacAddr>) -> [u32; 2] {
    let [a, b, c, d, e, f] = mac.unwrap_or(MacAddr([0; 6])).0;
    [
        u32::from_ne_bytes([a, b, c, d]),
        u32::from_ne_bytes([e, f, 0, 0]),
    ]
}
