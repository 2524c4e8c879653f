//! All facts, with the indexes that decisions need.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::action::{Assignment, Reason};
use super::model::{
    Claim, Id, Place, Pod, PodKey, Port, PortKind, PortNotes, PortStatus, Trunk, Want,
};
use super::settings::Settings;
use crate::Millis;
use crate::backoff::Backoff;
use crate::batch::Sizer;

/// What is known of a node's trunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NodeTrunk {
    /// Not looked for yet.
    #[default]
    Unknown,
    /// This one.
    Found(Id),
    /// No trunk's parent port has the node's address.
    Missing,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct NodeState {
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) trunk: NodeTrunk,
    pub(crate) finding: bool,
    pub(crate) pods: BTreeSet<PodKey>,
    pub(crate) claims: BTreeSet<PodKey>,
}

#[derive(Clone, Debug)]
pub(crate) struct TrunkState {
    pub(crate) trunk: Trunk,
    pub(crate) node: Option<Id>,
    pub(crate) busy: bool,
    pub(crate) last_vlan: u16,
    pub(crate) touched: u64,
    /// Our ports on it.
    pub(crate) ports: BTreeSet<Id>,
}

/// What a failure holds up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    Create,
    Kind(Arc<PortKind>),
    Trunk(Id),
    Port(Id),
    Claim(PodKey),
    Node(Id),
    Refresh,
}

/// The facts. See the module's page.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) settings: Settings,
    pub(crate) pods: BTreeMap<PodKey, Pod>,
    pub(crate) claims: BTreeMap<PodKey, Claim>,
    pub(crate) nodes: BTreeMap<Id, NodeState>,
    pub(crate) trunks: BTreeMap<Id, TrunkState>,
    pub(crate) ports: BTreeMap<Id, (Port, PortNotes)>,
    /// Port to the pod that has it: by claim, or by an assignment under way.
    pub(crate) users: BTreeMap<Id, PodKey>,
    /// When each claim was last written, by sequence.
    pub(crate) claim_touched: BTreeMap<PodKey, u64>,
    /// Claims that a call is under way for, and the port that it gives them.
    pub(crate) claim_calls: BTreeMap<PodKey, Option<Assignment>>,
    /// Ports that are on no trunk.
    pub(crate) loose: BTreeSet<Id>,
    /// Ports on a trunk that are not ACTIVE.
    pub(crate) unready: BTreeSet<Id>,
    /// Ports being created, by node and kind.
    pub(crate) creating: BTreeMap<(Id, Arc<PortKind>), usize>,
    pub(crate) creates: usize,
    pub(crate) deletes: usize,
    pub(crate) looking: bool,
    pub(crate) look_wait: Millis,
    pub(crate) look_at: Millis,
    pub(crate) refreshing: bool,
    pub(crate) refresh_wanted: bool,
    pub(crate) refresh_from: u64,
    /// A create may have been carried out without our knowing which ports it made.
    pub(crate) unsure: bool,
    pub(crate) synced: Synced,
    pub(crate) backoff: Backoff<Held>,
    /// Why something is held up, for the pods that wait for it.
    pub(crate) trouble: BTreeMap<Held, (Reason, String)>,
    pub(crate) quota_free: Option<usize>,
    /// Largest create of a kind, after a subnet turned out to be nearly full.
    pub(crate) kind_cap: BTreeMap<Arc<PortKind>, usize>,
    pub(crate) reported: BTreeMap<PodKey, (Reason, String)>,
    pub(crate) create_size: Sizer,
    pub(crate) subport_size: Sizer,
    pub(crate) dirty: BTreeSet<Id>,
    pub(crate) later: BTreeSet<(Millis, Id)>,
    pub(crate) sequence: u64,
    pub(crate) now: Millis,
}

/// Which watches and lists have been read whole at least once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) pods: bool,
    pub(crate) claims: bool,
    pub(crate) nodes: bool,
    pub(crate) ports: bool,
}

impl World {
    /// A world in which nothing is known.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            look_wait: settings.look_first,
            settings,
            pods: BTreeMap::new(),
            claims: BTreeMap::new(),
            nodes: BTreeMap::new(),
            trunks: BTreeMap::new(),
            ports: BTreeMap::new(),
            users: BTreeMap::new(),
            claim_touched: BTreeMap::new(),
            claim_calls: BTreeMap::new(),
            loose: BTreeSet::new(),
            unready: BTreeSet::new(),
            creating: BTreeMap::new(),
            creates: 0,
            deletes: 0,
            looking: false,
            look_at: 0,
            refreshing: false,
            refresh_wanted: true,
            refresh_from: 0,
            unsure: false,
            synced: Synced::default(),
            backoff: Backoff::default(),
            trouble: BTreeMap::new(),
            quota_free: None,
            kind_cap: BTreeMap::new(),
            reported: BTreeMap::new(),
            create_size: Sizer::new(2_500, 4, 100),
            subport_size: Sizer::new(2_500, 8, 200),
            dirty: BTreeSet::new(),
            later: BTreeSet::new(),
            sequence: 0,
            now: 0,
        }
    }

    /// Moves the clock, and wakes what waited for it.
    pub fn tick(&mut self, now: Millis) {
        let before = self.now;
        self.now = self.now.max(now);
        if self.backoff.became_ready(before, self.now) {
            self.touch_all();
        }
        while let Some((at, node)) = self.later.first().cloned() {
            if at > self.now {
                break;
            }
            self.later.pop_first();
            self.dirty.insert(node);
        }
    }

    /// Asks for a full list of ports and trunks: the periodic look for drift.
    pub fn want_refresh(&mut self) {
        self.refresh_wanted = true;
    }

    /// A mark by which a list that begins now is later told from newer facts.
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.sequence
    }

    /// Whether all watches and lists have been read, so that absence means something.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        let Synced {
            pods,
            claims,
            nodes,
            ports,
        } = self.synced;
        pods && claims && nodes && ports
    }

    /// When something is to be looked at again without any new fact.
    #[must_use]
    pub fn next_wake(&self) -> Option<Millis> {
        let look = (!self.looking && !self.unready.is_empty()).then_some(self.look_at);
        let held = self.backoff.next(self.now);
        let later = self.later.first().map(|(at, _)| *at);
        let litter = self
            .loose
            .iter()
            .filter(|id| self.is_idle(id))
            .filter_map(|id| {
                let free_since = self.ports.get(id)?.1.free_since;
                Some(free_since + self.settings.orphan_grace).filter(|at| *at > self.now)
            });
        [look, held, later, litter.min()]
            .into_iter()
            .flatten()
            .min()
    }

    // --- pods -----------------------------------------------------------------------

    /// A pod that is bound to a node is there, or changed.
    pub fn apply_pod(&mut self, pod: Pod) {
        self.forget_pod_place(&pod.key);
        self.touch(&pod.node);
        self.node_mut(&pod.node).pods.insert(pod.key.clone());
        self.pods.insert(pod.key.clone(), pod);
    }

    /// A pod is gone.
    pub fn delete_pod(&mut self, key: &PodKey) {
        self.forget_pod_place(key);
        self.pods.remove(key);
        self.reported.remove(key);
    }

    /// The list of pods was read whole: those not in it are gone.
    pub fn retain_pods(&mut self, there: &BTreeSet<PodKey>) {
        let gone: Vec<_> = self
            .pods
            .keys()
            .filter(|k| !there.contains(*k))
            .cloned()
            .collect();
        for key in gone {
            self.delete_pod(&key);
        }
        self.synced.pods = true;
        self.touch_all();
    }

    fn forget_pod_place(&mut self, key: &PodKey) {
        if let Some(node) = self.pods.get(key).map(|p| p.node.clone()) {
            self.node_mut(&node).pods.remove(key);
            self.touch(&node);
        }
    }

    /// Whether a pod of this kind of subnet is known; used to say what a change concerns.
    #[must_use]
    pub fn pod(&self, key: &PodKey) -> Option<&Pod> {
        self.pods.get(key)
    }

    /// Names of the nodes on which pods or claims are.
    pub fn node_names(&self) -> impl Iterator<Item = &Id> {
        self.nodes.keys()
    }

    // --- claims ---------------------------------------------------------------------

    /// A KuryrPort is there, or changed.
    ///
    /// Watches and answers of calls bring the same object in any order: an older version
    /// than the one known is left aside.
    pub fn apply_claim(&mut self, claim: Claim) {
        let known = self.claims.get(&claim.pod);
        if known.is_some_and(|c| c.version > claim.version) {
            return;
        }
        self.sequence += 1;
        self.claim_touched.insert(claim.pod.clone(), self.sequence);
        self.forget_claim_place(&claim.pod, claim.vif.as_ref().map(|v| &v.port));
        self.touch(&claim.node);
        self.node_mut(&claim.node).claims.insert(claim.pod.clone());
        if let Some(vif) = &claim.vif {
            self.users.insert(vif.port.clone(), claim.pod.clone());
        }
        self.claims.insert(claim.pod.clone(), claim);
    }

    /// A KuryrPort is gone; `version` is that of its deletion, for the reason given at
    /// [`World::apply_claim`].
    pub fn delete_claim(&mut self, key: &PodKey, version: u64) {
        if self.claims.get(key).is_some_and(|c| c.version > version) {
            return;
        }
        self.remove_claim(key);
    }

    fn remove_claim(&mut self, key: &PodKey) {
        self.claim_touched.remove(key);
        self.forget_claim_place(key, None);
        if let Some(claim) = self.claims.remove(key) {
            if let Some(pod) = self.pods.get(key) {
                let node = pod.node.clone();
                self.touch(&node);
            }
            self.touch(&claim.node);
        }
    }

    /// The list of KuryrPorts that began at [`World::mark`] `from` was read whole: those
    /// not in it and not written since are gone.
    pub fn retain_claims(&mut self, there: &BTreeSet<PodKey>, from: u64) {
        let gone: Vec<_> = self
            .claims
            .keys()
            .filter(|k| !there.contains(*k))
            .filter(|k| self.claim_touched.get(*k).is_none_or(|t| *t <= from))
            .cloned()
            .collect();
        for key in gone {
            self.remove_claim(&key);
        }
        self.synced.claims = true;
        self.touch_all();
    }

    /// Takes a claim out of the indexes; its port becomes free unless it is `kept`.
    fn forget_claim_place(&mut self, key: &PodKey, kept: Option<&Id>) {
        let Some(old) = self.claims.get(key) else {
            return;
        };
        let (node, port) = (old.node.clone(), old.vif.as_ref().map(|v| v.port.clone()));
        self.node_mut(&node).claims.remove(key);
        if let Some(port) = port.filter(|p| Some(p) != kept) {
            self.free(&port, key);
        }
    }

    /// A port is no longer `user`'s.
    pub(crate) fn free(&mut self, port: &Id, user: &PodKey) {
        if self.users.get(port) != Some(user) {
            return;
        }
        self.users.remove(port);
        let now = self.now;
        if let Some((_, notes)) = self.ports.get_mut(port) {
            notes.free_since = now.max(1);
        }
        self.touch_port_node(port);
    }

    /// Claims, for reports.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values()
    }

    /// The claim of one pod.
    #[must_use]
    pub fn claim(&self, key: &PodKey) -> Option<&Claim> {
        self.claims.get(key)
    }

    // --- nodes ----------------------------------------------------------------------

    /// A node is there, with these addresses.
    pub fn apply_node(&mut self, name: &Id, addresses: Vec<IpAddr>) {
        let node = self.node_mut(name);
        if node.addresses != addresses {
            node.addresses = addresses;
            node.trunk = NodeTrunk::Unknown;
        }
        self.match_node(name);
        self.touch(name);
    }

    /// A node is gone; its pods and claims go by their own events.
    pub fn delete_node(&mut self, name: &Id) {
        let node = self.node_mut(name);
        node.addresses.clear();
        node.trunk = NodeTrunk::Unknown;
        for t in self
            .trunks
            .values_mut()
            .filter(|t| t.node.as_ref() == Some(name))
        {
            t.node = None;
        }
        self.touch(name);
    }

    /// The list of nodes was read whole: those not in it are gone.
    pub fn retain_nodes(&mut self, there: &BTreeSet<Id>) {
        let gone: Vec<_> = self
            .nodes
            .iter()
            .filter(|(n, s)| !there.contains(*n) && !s.addresses.is_empty())
            .map(|(n, _)| n.clone())
            .collect();
        for name in gone {
            self.delete_node(&name);
        }
        self.synced.nodes = true;
        self.touch_all();
    }

    /// What is known of a node's trunk.
    #[must_use]
    pub fn node_trunk(&self, name: &Id) -> NodeTrunk {
        self.nodes
            .get(name)
            .map(|n| n.trunk.clone())
            .unwrap_or_default()
    }

    /// Nodes with their addresses.
    #[must_use]
    pub fn node_addresses(&self) -> Vec<(Id, Vec<IpAddr>)> {
        self.nodes
            .iter()
            .filter(|(_, n)| !n.addresses.is_empty())
            .map(|(name, n)| (name.clone(), n.addresses.clone()))
            .collect()
    }

    pub(crate) fn node_mut(&mut self, name: &Id) -> &mut NodeState {
        self.nodes.entry(name.clone()).or_default()
    }

    /// Finds the node's trunk among those known.
    pub(crate) fn match_node(&mut self, name: &Id) {
        let Some(node) = self.nodes.get(name) else {
            return;
        };
        let found = self
            .trunks
            .values()
            .find(|t| t.trunk.addresses.iter().any(|a| node.addresses.contains(a)))
            .map(|t| t.trunk.id.clone());
        let Some(id) = found else { return };
        for t in self.trunks.values_mut() {
            if t.trunk.id == id {
                t.node = Some(name.clone());
            } else if t.node.as_ref() == Some(name) {
                t.node = None;
            }
        }
        self.node_mut(name).trunk = NodeTrunk::Found(id);
    }

    // --- ports ----------------------------------------------------------------------

    /// Puts a port in, or what is new about it.
    pub(crate) fn put_port(&mut self, port: Port, notes: PortNotes) {
        let id = port.id.clone();
        self.unplace(&id);
        self.place(&port);
        self.ports.insert(id.clone(), (port, notes));
        self.touch_port_node(&id);
    }

    /// A port is gone from Neutron.
    pub(crate) fn drop_port(&mut self, id: &Id) {
        self.touch_port_node(id);
        self.unplace(id);
        self.ports.remove(id);
        self.backoff.succeeded(&Held::Port(id.clone()));
    }

    /// A port moved, or its status changed.
    pub(crate) fn change_port(&mut self, id: &Id, change: impl FnOnce(&mut Port, &mut PortNotes)) {
        let Some((mut port, mut notes)) = self.ports.get(id).cloned() else {
            return;
        };
        self.sequence += 1;
        change(&mut port, &mut notes);
        notes.touched = self.sequence;
        self.touch_port_node(id);
        self.put_port(port, notes);
    }

    fn place(&mut self, port: &Port) {
        match &port.place {
            Place::Loose => {
                self.loose.insert(port.id.clone());
            }
            Place::On { trunk, vlan } => {
                if let Some(t) = self.trunks.get_mut(trunk) {
                    t.ports.insert(port.id.clone());
                    t.trunk.subports.insert(*vlan, port.id.clone());
                }
                if port.status == PortStatus::Down {
                    self.unready.insert(port.id.clone());
                }
            }
        }
    }

    fn unplace(&mut self, id: &Id) {
        self.loose.remove(id);
        self.unready.remove(id);
        let Some((port, _)) = self.ports.get(id) else {
            return;
        };
        if let Place::On { trunk, vlan } = &port.place {
            if let Some(t) = self.trunks.get_mut(trunk) {
                t.ports.remove(id);
                if t.trunk.subports.get(vlan) == Some(id) {
                    t.trunk.subports.remove(vlan);
                }
            }
        }
    }

    /// Our ports, for reports and metrics.
    pub fn ports(&self) -> impl Iterator<Item = (&Port, Option<&PodKey>)> {
        self.ports.values().map(|(p, _)| (p, self.users.get(&p.id)))
    }

    /// One port.
    #[must_use]
    pub fn port(&self, id: &Id) -> Option<&Port> {
        self.ports.get(id).map(|(p, _)| p)
    }

    /// Whether a port is neither used nor under way.
    pub(crate) fn is_idle(&self, id: &Id) -> bool {
        !self.users.contains_key(id)
            && self
                .ports
                .get(id)
                .is_some_and(|(_, n)| !n.busy && !n.doomed)
    }

    // --- what to look at again --------------------------------------------------------

    pub(crate) fn touch(&mut self, node: &Id) {
        self.dirty.insert(node.clone());
    }

    pub(crate) fn touch_all(&mut self) {
        self.dirty.extend(self.nodes.keys().cloned());
    }

    pub(crate) fn touch_port_node(&mut self, id: &Id) {
        let Some((port, notes)) = self.ports.get(id) else {
            return;
        };
        let node = match &port.place {
            Place::On { trunk, .. } => self.trunks.get(trunk).and_then(|t| t.node.clone()),
            Place::Loose => notes.made_for.clone(),
        };
        if let Some(node) = node {
            self.dirty.insert(node);
        }
    }

    /// The kinds that pods on a node want or have, with how many.
    pub(crate) fn kinds_on(&self, node: &NodeState) -> BTreeMap<Arc<PortKind>, usize> {
        let mut kinds = BTreeMap::new();
        for key in &node.pods {
            if let Some(kind) = self.pods.get(key).and_then(Pod::wanted_kind) {
                *kinds.entry(kind.clone()).or_default() += 1;
            }
        }
        kinds
    }

    /// Why a pod can't be said to need anything yet.
    pub(crate) fn unknown_want(pod: &Pod) -> Option<&str> {
        match &pod.want {
            Want::Unknown(why) => Some(why),
            _ => None,
        }
    }
}
