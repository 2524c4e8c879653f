//! All facts, with the indexes that decisions need.

mod addresses;
mod claims;
mod dress;
mod lines;
mod looks;
mod loose;
mod making;
mod nodes;
mod pods;
mod population;
mod ports;
mod shared;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::Millis;
use crate::batch::Sizer;
use crate::port::action::{Assignment, Reason};
use crate::port::model::{Claim, Id, Place, Pod, PodKey, Port, PortKind, PortNotes, Trunk, Want};
use crate::port::settings::Settings;
use crate::reconcile::{Agenda, Listing, Mirror, Versioned};

use self::addresses::ByAddress;
use self::dress::Dressing;
pub use self::dress::Worn;
pub(crate) use self::lines::{Lines, put_back};
use self::looks::Looks;
use self::loose::Loose;
use self::making::Making;
pub(crate) use self::making::{Order, total};
use self::population::Population;
use self::shared::Shared;
use self::waiting::Waiting;

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
    /// Whether it was a node's of ours since the start. What is on others may be another cluster's that has our tag.
    pub(crate) was_ours: bool,
    pub(crate) busy: bool,
    pub(crate) last_vlan: u16,
    /// When ports were last taken off it.
    pub(crate) shrunk_at: Millis,
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
    pub(crate) pods: HashMap<PodKey, Pod>,
    /// KuryrPorts; a call under way for one may give it a port.
    pub(crate) claims: Mirror<PodKey, Claim, Option<Assignment>>,
    pub(crate) nodes: BTreeMap<Id, NodeState>,
    pub(crate) trunks: BTreeMap<Id, TrunkState>,
    pub(crate) nodes_at: ByAddress,
    pub(crate) trunks_at: ByAddress,
    pub(crate) ports: HashMap<Id, (Port, PortNotes)>,
    pub(crate) shared: Shared,
    /// Port to the pod that has it: by claim, or by an assignment under way.
    pub(crate) users: HashMap<Id, PodKey>,
    /// Further pods whose claims name a port that another pod has: somebody wrote them. The port is not free before they are
    /// gone too.
    pub(crate) rivals: HashMap<Id, BTreeSet<PodKey>>,
    /// Nodes that lost their addresses, and until when they keep their trunks.
    pub(crate) addressless: BTreeMap<Id, Millis>,
    /// Ports whose security groups are being set, and what they are to be.
    pub(crate) regrouping: BTreeMap<Id, Arc<PortKind>>,
    pub(crate) dressing: Dressing,
    /// Ports that are being marked as ours again.
    pub(crate) adopting: BTreeSet<Id>,
    /// Ports that are on no trunk.
    pub(crate) loose: Loose,
    pub(crate) looks: Looks,
    pub(crate) making: Making,
    /// Deletes under way.
    pub(crate) deletes: usize,
    /// The list of ports and trunks. One in doubt is a create whose ports are not known.
    pub(crate) list: Listing<Id, ()>,
    /// Pods that wait, for figures.
    pub(crate) waiting: Waiting,
    pub(crate) population: Population,
    /// Networks that are being undone: nothing is kept ready on them.
    pub(crate) retiring: BTreeSet<Id>,
    pub(crate) synced: Synced,
    /// Nodes that are to be planned. What is held up, and why, for the pods that wait for it.
    pub(crate) agenda: Agenda<Id, Held, (Reason, String)>,
    pub(crate) reported: HashMap<PodKey, (Reason, String)>,
    /// Pods, by uid, whose owners were told what of them is not kept.
    pub(crate) warned: HashMap<PodKey, Id>,
    /// Why pools on these nodes are too small, as last said.
    pub(crate) reported_nodes: BTreeMap<Id, Reason>,
    pub(crate) subport_size: Sizer,
    /// Nodes that want more ports than could be asked for so far, in the order of asking.
    pub(crate) lines: Lines,
    pub(crate) sequence: u64,
}

/// Which watches and lists have been read whole at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) pods: bool,
    pub(crate) nodes: bool,
    /// Whether it is known what pods want: their namespaces' networks may have to be listed first.
    pub(crate) wants: bool,
}

impl Default for Synced {
    fn default() -> Self {
        Self {
            pods: false,
            nodes: false,
            wants: true,
        }
    }
}

impl World {
    /// A world in which nothing is known.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            pods: HashMap::new(),
            claims: Mirror::default(),
            list: Listing::default(),
            agenda: Agenda::default(),
            nodes: BTreeMap::new(),
            trunks: BTreeMap::new(),
            nodes_at: ByAddress::default(),
            trunks_at: ByAddress::default(),
            ports: HashMap::new(),
            shared: Shared::default(),
            users: HashMap::new(),
            rivals: HashMap::new(),
            addressless: BTreeMap::new(),
            regrouping: BTreeMap::new(),
            dressing: Dressing::default(),
            adopting: BTreeSet::new(),
            loose: Loose::default(),
            looks: Looks::default(),
            making: Making::default(),
            deletes: 0,
            waiting: Waiting::default(),
            population: Population::default(),
            retiring: BTreeSet::new(),
            synced: Synced::default(),
            reported: HashMap::new(),
            warned: HashMap::new(),
            reported_nodes: BTreeMap::new(),
            subport_size: Sizer::new(12_000, 8, 32, 200),
            lines: Lines::default(),
            sequence: 0,
        }
    }

    /// Moves the clock, and wakes what waited for it.
    pub(super) fn tick(&mut self, now: Millis) {
        for held in self.agenda.tick(now) {
            self.touch_held(&held);
        }
    }

    /// This process leads from now on.
    pub(super) fn start_term(&mut self) {
        self.sequence += 1;
        self.list.start_term(self.sequence);
        self.agenda.start_term();
        self.reported_nodes.clear();
        self.making.start_term();
        self.touch_all();
    }

    /// Whether all watches and lists have been read, so that absence means something.
    pub(crate) fn has_read_all(&self) -> bool {
        let Synced { pods, nodes, wants } = self.synced;
        let watched = pods && nodes && wants && self.claims.is_listed();
        watched && self.list.is_listed()
    }

    /// When something is to be looked at again without any new fact.
    pub(super) fn wakes_at(&self) -> Option<Millis> {
        let litter = self
            .unclaimed_loose()
            .filter(|id| self.is_idle(id))
            .filter_map(|id| {
                let free_since = self.ports.get(id)?.1.free_since;
                Some(free_since + self.settings.orphan_grace).filter(|at| *at > self.agenda.now())
            });
        [
            self.looks.next_wake(),
            self.agenda.next_wake(),
            litter.min(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What holds pods or pools up now, for metrics: a reason for each thing held.
    pub fn troubles(&self) -> impl Iterator<Item = Reason> + '_ {
        self.agenda.troubles().map(|(_, (reason, _))| *reason)
    }

    /// Whether the pause after a failure of `held` lasts.
    pub(crate) fn is_held(&self, held: &Held) -> bool {
        self.agenda.is_held(held)
    }

    pub(crate) fn touch(&mut self, node: &Id) {
        self.agenda.touch(node.clone());
    }

    pub(crate) fn touch_all(&mut self) {
        self.agenda.touch_all(self.nodes.keys().cloned());
    }

    /// What waits for `held` is to be planned anew.
    pub(crate) fn touch_held(&mut self, held: &Held) {
        match held {
            Held::Create | Held::Kind(_) | Held::Refresh => self.touch_all(),
            Held::Node(name) => self.touch(name),
            Held::Port(id) => self.touch_port_node(id),
            Held::Trunk(id) => {
                if let Some(node) = self.trunks.get(id).and_then(|t| t.node.clone()) {
                    self.touch(&node);
                }
            }
            Held::Claim(pod) => self.touch_pod_nodes(pod),
        }
    }

    /// Where a pod is, and where its claim says that it is.
    pub(crate) fn touch_pod_nodes(&mut self, pod: &PodKey) {
        let by_pod = self.pods.get(pod).map(|p| &p.node);
        let by_claim = self.claims.get(pod).map(|c| &c.node);
        self.agenda
            .touch_all(by_pod.into_iter().chain(by_claim).cloned());
    }

    /// Loose ports that no node there is was to have, or one without a trunk.
    pub(crate) fn unclaimed_loose(&self) -> impl Iterator<Item = &Id> {
        let is_there = |n: &NodeState| !n.addresses.is_empty() && n.trunk != NodeTrunk::Missing;
        self.loose
            .unclaimed(move |node| self.nodes.get(node).is_some_and(is_there))
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
            self.agenda.touch(node);
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

    /// Whether it can't be said yet which port a pod needs, and why, if it is for more than a moment.
    pub(crate) fn unknown_want(pod: &Pod) -> Option<Option<&(Reason, String)>> {
        match &pod.want {
            Want::Unknown(why) => Some(why.as_ref()),
            _ => None,
        }
    }
}

impl Versioned for Claim {
    fn version(&self) -> u64 {
        self.version
    }
}
