//! Ports that are on no trunk, by whom they are for.

use std::collections::{BTreeMap, BTreeSet};

use crate::port::model::{Id, PortNotes};

/// Loose ports. Each is in one of the three sets, by its notes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loose {
    by_node: BTreeMap<Id, BTreeSet<Id>>,
    nobodys: BTreeSet<Id>,
    doomed: BTreeSet<Id>,
}

impl Loose {
    pub(crate) fn insert(&mut self, port: &Id, notes: &PortNotes) {
        let set = match &notes.made_for {
            _ if notes.doomed => &mut self.doomed,
            Some(node) => self.by_node.entry(node.clone()).or_default(),
            None => &mut self.nobodys,
        };
        set.insert(port.clone());
    }

    /// `notes` are those with which it was put in.
    pub(crate) fn remove(&mut self, port: &Id, notes: &PortNotes) {
        match &notes.made_for {
            _ if notes.doomed => drop(self.doomed.remove(port)),
            Some(node) => {
                if let Some(set) = self.by_node.get_mut(node) {
                    set.remove(port);
                    if set.is_empty() {
                        self.by_node.remove(node);
                    }
                }
            }
            None => drop(self.nobodys.remove(port)),
        }
    }

    /// Those that a node may take: made for it, or for nobody who is known.
    pub(crate) fn for_node(&self, node: &Id) -> impl Iterator<Item = &Id> {
        let own = self.by_node.get(node).into_iter().flatten();
        own.chain(&self.nobodys)
    }

    /// Those that were made for a node.
    pub(crate) fn made_for(&self, node: &Id) -> impl Iterator<Item = &Id> {
        self.by_node.get(node).into_iter().flatten()
    }

    /// Those that are to be deleted.
    pub(crate) fn doomed(&self) -> impl Iterator<Item = &Id> {
        self.doomed.iter()
    }

    /// Those for nobody, or for a node that is not known.
    pub(crate) fn unclaimed(&self, is_known: impl Fn(&Id) -> bool) -> impl Iterator<Item = &Id> {
        let strangers = self.by_node.iter().filter(move |(node, _)| !is_known(node));
        self.nobodys
            .iter()
            .chain(strangers.flat_map(|(_, ports)| ports))
    }
}
