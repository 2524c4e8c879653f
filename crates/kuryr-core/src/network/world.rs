//! All facts of networks, with the indexes that decisions need.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Claim, Namespace, Network, Own, Standing};
use super::settings::Settings;
use crate::port::Reason;
use crate::reconcile::{Agenda, Listing, Mirror};
use crate::{Id, Millis};

/// What a failure holds up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    /// Calls to Neutron for a namespace.
    Namespace(Id),
    /// Calls for its KuryrNetwork.
    Claim(Id),
    /// A subnet pool that ran out.
    Pool(Id),
    List,
}

/// The network that a namespace brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Brought {
    /// As it was asked for.
    pub(super) own: Own,
    pub(super) network: Network,
}

/// The facts. See the module's page.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) settings: Settings,
    pub(super) namespaces: BTreeMap<Id, Namespace>,
    pub(super) namespaces_listed: bool,
    /// KuryrNetworks, by namespace.
    pub(super) claims: Mirror<Id, Claim>,
    /// Networks that carry our mark.
    pub(super) networks: BTreeMap<Id, Network>,
    /// When each was last changed by us.
    pub(super) touched: BTreeMap<Id, u64>,
    /// Networks by the namespace that they are for.
    pub(super) of: BTreeMap<Id, BTreeSet<Id>>,
    /// The same the other way round.
    home: BTreeMap<Id, Id>,
    pub(super) brought: BTreeMap<Id, Brought>,
    /// How many pods of a namespace want a port.
    pub(super) pods: BTreeMap<Id, usize>,
    /// How many ports of ours a network has.
    pub(super) ports: BTreeMap<Id, usize>,
    /// Namespaces for which a call to Neutron is under way.
    pub(super) busy: BTreeSet<Id>,
    /// Networks that KuryrNetworks name and that are not to be had.
    pub(super) refused: BTreeSet<Id>,
    /// Since when pods of a namespace wait.
    pub(super) since: BTreeMap<Id, Millis>,
    /// All networks. One in doubt may have something new for a namespace.
    pub(super) list: Listing<Id, Id>,
    pub(super) agenda: Agenda<Id, Held, (Reason, String)>,
    /// What owners of namespaces were told.
    pub(super) reported: BTreeMap<Id, Reason>,
    pub(super) standings: BTreeMap<Id, Standing>,
    /// Namespaces whose standing changed since it was last asked.
    changed: BTreeSet<Id>,
    /// Networks that are being undone.
    pub(super) retiring: BTreeSet<Id>,
    /// How many more subnets each pool has room for, where that is known.
    pub(super) room: BTreeMap<Id, u64>,
    /// The namespace that got a subnet last: it is told when few are left.
    pub(super) last_cut: Option<Id>,
    /// IP versions of which it was told that few are left.
    pub(super) told_low: BTreeSet<u8>,
    pub(super) sequence: u64,
}

impl World {
    /// A world in which nothing is known.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            namespaces: BTreeMap::new(),
            namespaces_listed: false,
            claims: Mirror::default(),
            networks: BTreeMap::new(),
            touched: BTreeMap::new(),
            of: BTreeMap::new(),
            home: BTreeMap::new(),
            brought: BTreeMap::new(),
            pods: BTreeMap::new(),
            ports: BTreeMap::new(),
            busy: BTreeSet::new(),
            refused: BTreeSet::new(),
            since: BTreeMap::new(),
            list: Listing::default(),
            agenda: Agenda::default(),
            reported: BTreeMap::new(),
            standings: BTreeMap::new(),
            changed: BTreeSet::new(),
            retiring: BTreeSet::new(),
            room: BTreeMap::new(),
            last_cut: None,
            told_low: BTreeSet::new(),
            sequence: 0,
        }
    }

    /// So many pods of a namespace want a port.
    pub fn pods_want(&mut self, namespace: &Id, pods: usize) {
        let before = match pods {
            0 => self.pods.remove(namespace),
            _ => self.pods.insert(namespace.clone(), pods),
        };
        // The first that comes and the last that goes are news.
        if before.is_none() != (pods == 0) {
            self.agenda.touch(namespace.clone());
        }
    }

    /// So many ports of ours are on a network, or are being made there.
    pub fn network_has(&mut self, network: &Id, ports: usize) {
        match ports {
            0 => self.ports.remove(network),
            _ => self.ports.insert(network.clone(), ports),
        };
        if ports == 0
            && let Some(namespace) = self.home.get(network)
        {
            self.agenda.touch(namespace.clone());
        }
    }

    /// What pods of a namespace are told.
    #[must_use]
    pub fn standing(&self, namespace: &Id) -> Standing {
        let known = self.standings.get(namespace).cloned();
        known.unwrap_or(Standing::Waits(None))
    }

    /// Namespaces whose standing changed since this was last asked.
    pub fn take_changed(&mut self) -> BTreeSet<Id> {
        std::mem::take(&mut self.changed)
    }

    /// Networks that are being undone: nothing is to be kept ready on them.
    #[must_use]
    pub fn retiring(&self) -> &BTreeSet<Id> {
        &self.retiring
    }

    /// Networks of ours, for reports.
    pub fn networks(&self) -> impl Iterator<Item = &Network> {
        self.networks.values()
    }

    pub(super) fn has_read_all(&self) -> bool {
        self.namespaces_listed && self.claims.is_listed() && self.list.is_listed()
    }

    /// All namespaces of which anything is known.
    pub(super) fn touch_all(&mut self) {
        let all = self.namespaces.keys().chain(self.of.keys());
        let all = all.chain(self.claims.keys()).chain(self.pods.keys());
        let all: Vec<Id> = all.cloned().collect();
        self.agenda.touch_all(all);
    }

    pub(super) fn touch_held(&mut self, held: &Held) {
        match held {
            Held::Namespace(name) | Held::Claim(name) => self.agenda.touch(name.clone()),
            Held::Pool(_) | Held::List => self.touch_all(),
        }
    }

    /// The namespace that a network is for: by its name, or by the KuryrNetwork that names it.
    pub(super) fn namespace_of(&self, network: &Id) -> Option<Id> {
        let by_name = self.networks.get(network)?.made_for.as_ref();
        let by_name = by_name.map(|(_, namespace)| namespace.clone());
        by_name.or_else(|| {
            let names = |c: &&Claim| c.status.network.as_ref() == Some(network);
            self.claims
                .values()
                .find(names)
                .map(|c| c.namespace.clone())
        })
    }

    /// Puts a network in its place, or what is new about it.
    pub(super) fn put_network(&mut self, network: Network) {
        let id = network.id.clone();
        self.unplace(&id);
        self.networks.insert(id.clone(), network);
        if let Some(namespace) = self.namespace_of(&id) {
            self.home.insert(id.clone(), namespace.clone());
            self.of.entry(namespace.clone()).or_default().insert(id);
            self.agenda.touch(namespace);
        }
    }

    /// A network is gone from Neutron.
    pub(super) fn drop_network(&mut self, id: &Id) {
        self.unplace(id);
        self.networks.remove(id);
        self.touched.remove(id);
        self.retiring.remove(id);
        self.list.note_gone(id.clone());
    }

    fn unplace(&mut self, id: &Id) {
        let Some(namespace) = self.home.remove(id) else {
            return;
        };
        if let Some(all) = self.of.get_mut(&namespace) {
            all.remove(id);
            if all.is_empty() {
                self.of.remove(&namespace);
            }
        }
        self.agenda.touch(namespace);
    }

    /// Changes a network that we changed.
    pub(super) fn change_network(&mut self, id: &Id, change: impl FnOnce(&mut Network)) {
        self.sequence += 1;
        if let Some(network) = self.networks.get_mut(id) {
            change(network);
            self.touched.insert(id.clone(), self.sequence);
        }
    }

    /// Notes what pods of a namespace are told from now on.
    pub(super) fn stand(&mut self, namespace: &Id, standing: Standing) {
        if self.standings.get(namespace) != Some(&standing) {
            self.standings.insert(namespace.clone(), standing);
            self.changed.insert(namespace.clone());
        }
    }
}
