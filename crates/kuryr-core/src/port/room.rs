//! Which of several subnets a port gets its addresses from.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::model::{Id, Port, PortKind};

/// Subnets of one network that stand in for each other: of each IP version a port has an address in one of them.
///
/// How full they are is estimated from our own ports and corrected when Neutron refuses: what others have there is for admins
/// to see.
#[derive(Clone, Debug, Default)]
pub struct Rooms(BTreeMap<u8, BTreeMap<Id, Room>>);

#[derive(Clone, Copy, Debug, Default)]
struct Room {
    /// Addresses in its pools.
    size: u64,
    /// Those that our ports have.
    used: u64,
    /// The fewest ports for which Neutron had no room since the last count.
    refused: Option<u64>,
}

impl Room {
    fn may_have(&self, ports: u64) -> bool {
        self.refused.is_none_or(|fewest| ports < fewest)
    }
}

impl Rooms {
    /// Subnets with their IP version and how many addresses they give out.
    pub fn new(subnets: impl IntoIterator<Item = (Id, u8, u64)>) -> Self {
        let mut all: BTreeMap<u8, BTreeMap<Id, Room>> = BTreeMap::new();
        for (id, version, size) in subnets {
            let room = Room {
                size,
                ..Room::default()
            };
            all.entry(version).or_default().insert(id, room);
        }
        Self(all)
    }

    /// Where so many ports may be made, one subnet of each IP version: that with the most room first, those that had none for
    /// so many last. They are tried too, for what others gave back nobody is told.
    #[must_use]
    pub fn order(&self, ports: u64) -> Vec<Vec<Id>> {
        let mut all = vec![Vec::new()];
        for rooms in self.0.values() {
            let mut rooms: Vec<(&Id, &Room)> = rooms.iter().collect();
            rooms.sort_by_key(|(_, room)| {
                let free = room.size.saturating_sub(room.used);
                (!room.may_have(ports), Reverse(free))
            });
            let with = |head: &Vec<Id>| {
                let tails = rooms.iter().map(|(id, _)| (*id).clone());
                let whole = tails.map(|tail| [head.clone(), vec![tail]].concat());
                whole.collect::<Vec<_>>()
            };
            all = all.iter().flat_map(with).collect();
        }
        all
    }

    /// So many ports have an address in each of these.
    pub fn took(&mut self, subnets: &[Id], ports: u64) {
        let rooms = self.0.values_mut().flat_map(|rooms| rooms.iter_mut());
        for (_, room) in rooms.filter(|(id, _)| subnets.contains(id)) {
            room.used = room.used.saturating_add(ports);
        }
    }

    /// One of these had no room for so many ports. A subnet that is alone in its IP version is not what can be chosen otherwise.
    pub fn had_none(&mut self, subnets: &[Id], ports: u64) {
        let rooms = self.0.values_mut().filter(|rooms| rooms.len() > 1);
        for (id, room) in rooms.flat_map(BTreeMap::iter_mut) {
            if subnets.contains(id) {
                room.refused = Some(room.refused.map_or(ports, |fewest| fewest.min(ports)));
            }
        }
    }

    /// All our ports were listed: they are counted anew, and what was full may have room again.
    pub fn count<'a>(&mut self, ports: impl IntoIterator<Item = &'a Port>) {
        for room in self.0.values_mut().flat_map(BTreeMap::values_mut) {
            (room.used, room.refused) = (0, None);
        }
        for (subnet, _) in ports.into_iter().flat_map(|port| &port.addresses) {
            let rooms = self.0.values_mut();
            for room in rooms.filter_map(|rooms| rooms.get_mut(subnet)) {
                room.used += 1;
            }
        }
    }

    /// Whether a port with addresses in these subnets is one of this kind, which names all of them.
    #[must_use]
    pub fn is_one_of(&self, subnets: &[Id], kind: &PortKind) -> bool {
        let known = |id: &Id| kind.subnets.contains(id);
        let of_version = |rooms: &BTreeMap<Id, Room>| {
            let mut those = subnets.iter().filter(|id| rooms.contains_key(*id));
            those.next().is_some() && those.next().is_none()
        };
        subnets.iter().all(known) && self.0.values().all(of_version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms() -> Rooms {
        let of = |id: &str, version, size| (Id::from(id), version, size);
        Rooms::new([of("a", 4, 10), of("b", 4, 20), of("six", 6, 1 << 20)])
    }

    fn ids(all: &[&str]) -> Vec<Id> {
        all.iter().map(|id| Id::from(*id)).collect()
    }

    #[test]
    fn the_subnet_with_the_most_room_is_first() {
        let mut rooms = rooms();
        let (a, b) = (ids(&["a", "six"]), ids(&["b", "six"]));
        assert_eq!(rooms.order(1), [b.clone(), a.clone()]);
        rooms.took(&b, 11);
        assert_eq!(rooms.order(1), [a.clone(), b.clone()]);
        rooms.count([]);
        assert_eq!(rooms.order(1), [b, a], "they are gone again");
    }

    #[test]
    fn one_that_had_no_room_is_last_until_the_next_count() {
        let mut rooms = rooms();
        let (a, b) = (ids(&["a", "six"]), ids(&["b", "six"]));
        rooms.had_none(&b, 4);
        assert_eq!(rooms.order(4), [a.clone(), b.clone()]);
        assert_eq!(rooms.order(3), [b.clone(), a.clone()], "fewer may fit");
        rooms.count([]);
        assert_eq!(rooms.order(4), [b, a]);
    }

    #[test]
    fn a_port_with_one_of_each_version_is_of_the_kind() {
        let kind = PortKind {
            project: "p".into(),
            network: "n".into(),
            subnets: ids(&["a", "b", "six"]),
            security_groups: vec![],
        };
        let is = |subnets: &[&str]| rooms().is_one_of(&ids(subnets), &kind);
        assert!(is(&["a", "six"]) && is(&["b", "six"]));
        assert!(!is(&["a"]), "no IPv6");
        assert!(!is(&["a", "b", "six"]), "two of one version");
        assert!(!is(&["a", "other"]));
    }
}
