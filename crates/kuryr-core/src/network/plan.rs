//! From facts to actions: pure, and empty when everything is as it should be.

use super::action::Action;
use super::model::{Claim, Namespace, Network, Own, Standing, Status, Subnet, label};
use super::world::{Held, World};
use crate::Id;
use crate::port::Reason;

/// Fewer subnets than this are few.
const FEW: u64 = 10;

/// What is to be done next for the namespaces that something changed for.
///
/// Nothing is done before all watches and lists were read: absence would be taken for deletion.
pub(super) fn plan(world: &mut World) -> Vec<Action> {
    let mut out = Vec::new();
    if world.list.is_due() && !world.agenda.is_held(&Held::List) {
        out.push(Action::List);
    }
    if !world.has_read_all() {
        return out;
    }
    for name in world.agenda.take_due() {
        world.note_waiting(&name);
        let plan = NamespacePlan::new(world, &name);
        let (actions, standing) = (plan.actions(), plan.standing());
        let (retiring, kept) = plan.retiring();
        out.extend(actions);
        world.retiring.extend(retiring);
        if let Some(kept) = kept {
            world.retiring.remove(&kept);
        }
        match standing {
            Some(standing) => world.stand(&name, standing),
            None => drop(world.standings.remove(&name)),
        }
    }
    out.extend(world.few_left());
    out
}

impl World {
    /// What is told when few subnets are left to be cut, once, before there is none.
    fn few_left(&self) -> Option<Action> {
        let namespace = self.namespaces.get(self.last_cut.as_ref()?)?;
        let (version, free) = self.news_of_low()?;
        Some(Action::Report {
            namespace: namespace.name.clone(),
            uid: namespace.uid.clone(),
            reason: Reason::SubnetPoolLow,
            message: format!(
                "{free} IPv{version} subnets are left in [namespace_subnet] pod_subnet_pool for networks of namespaces: add a \
                 prefix to a pool, or a pool"
            ),
        })
    }

    /// The IP versions of which few subnets are left, with how many; where not all pools are known, none.
    pub(super) fn low(&self) -> Vec<(u8, u64)> {
        let left = |version: u8| {
            let pools = self.settings.pools.iter();
            let pools = pools.filter(|p| p.version == version);
            let free: Option<Vec<u64>> = pools.map(|p| self.room.get(&p.id).copied()).collect();
            free.map(|all| all.into_iter().fold(0, u64::saturating_add))
        };
        let versions = self.settings.versions().into_iter();
        let left = versions.filter_map(|v| Some((v, left(v)?)));
        left.filter(|(_, free)| *free < FEW).collect()
    }

    /// The IP version of which is to be told next that few subnets are left, with how many.
    pub(super) fn news_of_low(&self) -> Option<(u8, u64)> {
        let mut low = self.low().into_iter();
        low.find(|(version, _)| !self.told_low.contains(version))
    }

    /// Pods that wait for long are told so.
    fn note_waiting(&mut self, name: &Id) {
        let ready = matches!(self.standings.get(name), Some(Standing::Ready(_)));
        if ready || !self.pods.contains_key(name) {
            self.since.remove(name);
            return;
        }
        let now = self.agenda.now();
        let since = *self.since.entry(name.clone()).or_insert(now);
        if since + self.settings.slow > now {
            self.agenda.later(since + self.settings.slow, name.clone());
        }
    }
}

/// What is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// Its pods need a network.
    Have,
    /// What there is stays.
    Keep,
    /// Nothing of it is needed.
    Undo,
}

/// One namespace.
struct NamespacePlan<'a> {
    world: &'a World,
    name: &'a Id,
    namespace: Option<&'a Namespace>,
    claim: Option<&'a Claim>,
    /// The network of its pods, and what else is there for it: made twice, or of an earlier namespace of the name.
    network: Option<&'a Network>,
    others: Vec<&'a Network>,
    aim: Aim,
}

impl<'a> NamespacePlan<'a> {
    fn new(world: &'a World, name: &'a Id) -> Self {
        let namespace = world.namespaces.get(name);
        let claim = world.claims.get(name);
        let named = claim.and_then(|c| c.status.network.as_ref());
        let all = world.of.get(name).into_iter().flatten();
        let all = all.filter_map(|id| world.networks.get(id));
        let fits = |n: &&Network| {
            let uid = n.made_for.as_ref().and_then(|(uid, _)| uid.as_ref());
            namespace.is_some_and(|ns| uid.is_none_or(|uid| *uid == ns.uid))
        };
        let (fitting, mut others): (Vec<&Network>, Vec<&Network>) = all.partition(fits);
        let brings = namespace.is_some_and(|n| !matches!(n.own, Ok(None)));
        let pick = |n: &&&Network| Some(&n.id) == named;
        let network = fitting.iter().find(pick).or(fitting.first()).copied();
        let network = network.filter(|_| !brings);
        let is_other = |n: &&&Network| network.is_none_or(|own| own.id != n.id);
        others.extend(fitting.iter().filter(is_other));
        let mut plan = Self {
            world,
            name,
            namespace,
            claim,
            network,
            others,
            aim: Aim::Keep,
        };
        plan.aim = plan.aim();
        plan
    }

    fn wanted(&self) -> bool {
        self.world.pods.contains_key(self.name)
    }

    fn aim(&self) -> Aim {
        if self.namespace.is_none_or(|n| n.ending) {
            return Aim::Undo;
        }
        match self.claim {
            _ if self.wanted() => Aim::Have,
            Some(claim) if !claim.deleting => Aim::Keep,
            _ => Aim::Undo,
        }
    }

    /// Networks that are to go, and the one that is not.
    fn retiring(&self) -> (Vec<Id>, Option<Id>) {
        let id = |n: &&Network| n.id.clone();
        let mut going: Vec<Id> = self.others.iter().map(id).collect();
        let own = self.network.map(|n| n.id.clone());
        // Its pods may run for a while, and are given up by none of us.
        match self.aim {
            Aim::Undo if !self.wanted() => going.extend(own.clone()),
            _ => return (going, own),
        }
        (going, None)
    }

    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        let is_free = !self.world.busy.contains(self.name)
            && !self
                .world
                .agenda
                .is_held(&Held::Namespace(self.name.clone()))
            && !self.world.list.is_in_doubt(self.name);
        if is_free {
            actions.extend(self.cloud_call());
        }
        let may_write = self.world.claims.call(self.name).is_none()
            && !self.world.agenda.is_held(&Held::Claim(self.name.clone()));
        if may_write {
            actions.extend(self.claim_call());
        }
        actions.extend(self.report());
        actions
    }

    /// The next call to Neutron.
    fn cloud_call(&self) -> Option<Action> {
        if let Some(undo) = self.undo() {
            return Some(undo);
        }
        match self.aim {
            Aim::Undo => None,
            Aim::Keep => self.tag(),
            Aim::Have => self.build().or_else(|| self.tag()),
        }
    }

    /// The next step to undo what is not needed and has no port.
    fn undo(&self) -> Option<Action> {
        let own = self
            .network
            .filter(|_| self.aim == Aim::Undo && !self.wanted());
        let going = self.others.iter().copied().chain(own);
        let mut going = going.filter(|n| !self.world.ports.contains_key(&n.id));
        let network = going.next()?;
        let leg = network
            .subnets
            .iter()
            .find_map(|s| Some((s, s.leg.as_ref()?)));
        Some(match leg {
            Some((subnet, leg)) => Action::RemoveLeg {
                namespace: self.name.clone(),
                network: network.id.clone(),
                router: leg.router.clone(),
                subnet: subnet.id.clone(),
            },
            None => Action::DeleteNetwork {
                namespace: self.name.clone(),
                network: network.id.clone(),
            },
        })
    }

    /// The next step to what its pods need.
    fn build(&self) -> Option<Action> {
        let namespace = self.namespace?;
        match &namespace.own {
            Err(_) => return None,
            Ok(Some(own)) => return self.read_own(own),
            Ok(None) => {}
        }
        // The KuryrNetwork comes first: it keeps the namespace until its network is undone.
        let claim = self.claim.filter(|c| !c.deleting)?;
        let Some(network) = self.network else {
            return Some(self.make(namespace, claim));
        };
        self.make_subnet(namespace, network)
            .or_else(|| self.add_leg(network))
    }

    fn read_own(&self, own: &Own) -> Option<Action> {
        let known = self.world.brought.get(self.name);
        known
            .is_none_or(|b| b.own != *own)
            .then(|| Action::ReadOwn {
                namespace: self.name.clone(),
                own: own.clone(),
            })
    }

    fn make(&self, namespace: &Namespace, claim: &Claim) -> Action {
        let named = claim.status.network.as_ref();
        match named.filter(|id| !self.world.refused.contains(*id)) {
            Some(network) => Action::Adopt {
                namespace: self.name.clone(),
                uid: namespace.uid.clone(),
                network: network.clone(),
            },
            None => Action::CreateNetwork {
                namespace: self.name.clone(),
                uid: namespace.uid.clone(),
                project: self.project(namespace),
            },
        }
    }

    fn project(&self, namespace: &Namespace) -> Id {
        let settings = &self.world.settings;
        let annotated = namespace.project.clone();
        let annotated = annotated.filter(|_| settings.networks_by_annotation);
        annotated.unwrap_or_else(|| settings.project.clone())
    }

    /// The IP versions of which the network has no subnet yet.
    fn missing(&self, network: &Network) -> Vec<u8> {
        let mut versions = self.world.settings.versions();
        versions.retain(|v| network.subnets.iter().all(|s| s.version() != *v));
        versions
    }

    fn make_subnet(&self, namespace: &Namespace, network: &Network) -> Option<Action> {
        let world = self.world;
        let version = *self.missing(network).first()?;
        let has_room = |pool: &Id| !world.agenda.is_held(&Held::Pool(pool.clone()));
        let pools = world.settings.pools.iter();
        let mut pools = pools.filter(|p| p.version == version && has_room(&p.id));
        Some(Action::CreateSubnet {
            namespace: self.name.clone(),
            network: network.id.clone(),
            name: label(&namespace.uid, self.name),
            project: network.project.clone(),
            pool: pools.next()?.id.clone(),
            version,
        })
    }

    fn add_leg(&self, network: &Network) -> Option<Action> {
        if !self.missing(network).is_empty() {
            return None;
        }
        let subnet = network.subnets.iter().find(|s| s.leg.is_none())?;
        Some(Action::AddLeg {
            namespace: self.name.clone(),
            network: network.id.clone(),
            router: self.world.settings.router.clone(),
            subnet: subnet.id.clone(),
        })
    }

    /// Tags come last: pods don't wait for them.
    fn tag(&self) -> Option<Action> {
        let network = self.network.filter(|n| !n.tagged)?;
        Some(Action::Tag {
            namespace: self.name.clone(),
            network: network.id.clone(),
            subnets: network.subnets.iter().map(|s| s.id.clone()).collect(),
        })
    }

    /// The next call for the KuryrNetwork.
    fn claim_call(&self) -> Option<Action> {
        let nothing_left = self.network.is_none() && self.others.is_empty();
        let Some(claim) = self.claim else {
            let namespace = self.namespace.filter(|_| self.aim == Aim::Have)?;
            return Some(Action::CreateClaim {
                namespace: self.name.clone(),
                project: self.project(namespace),
                labels: namespace.labels.clone(),
            });
        };
        let unsettled =
            self.world.busy.contains(self.name) || self.world.list.is_in_doubt(self.name);
        let is_over = self.aim == Aim::Undo && !self.wanted() && nothing_left && !unsettled;
        // One that was deleted by hand while pods use its network is made anew.
        let is_to_be_anew = self.aim == Aim::Have && claim.deleting;
        if is_over || is_to_be_anew {
            let is_held = claim.deleting && claim.finalizer;
            return is_held.then(|| Action::ReleaseClaim {
                namespace: self.name.clone(),
            });
        }
        self.write_status(claim)
    }

    fn write_status(&self, claim: &Claim) -> Option<Action> {
        if self.aim == Aim::Undo || self.adopts() || self.is_unread() {
            return None;
        }
        let labels = self.namespace.map(|n| n.labels.clone()).unwrap_or_default();
        let status = self.status();
        let is_told = claim.status == status && claim.labels == labels;
        (!is_told).then(|| Action::WriteStatus {
            namespace: self.name.clone(),
            gone_labels: {
                let gone = claim.labels.keys().filter(|key| !labels.contains_key(*key));
                gone.cloned().collect()
            },
            labels,
            status,
        })
    }

    /// Whether the KuryrNetwork says more than is known yet.
    fn adopts(&self) -> bool {
        let named = self.claim.and_then(|c| c.status.network.as_ref());
        let is_open = named.is_some_and(|id| !self.world.refused.contains(id));
        self.network.is_none()
            && is_open
            && matches!(self.namespace.map(|n| &n.own), Some(Ok(None)))
    }

    /// Whether it brings a network that was not read yet in this term: what its KuryrNetwork says of it stays until then.
    fn is_unread(&self) -> bool {
        let brings = self.namespace.is_some_and(|n| matches!(n.own, Ok(Some(_))));
        brings && self.used().is_none()
    }

    /// The network that its pods are on, ours or brought.
    fn used(&self) -> Option<&'a Network> {
        match self.namespace.map(|n| &n.own) {
            Some(Ok(Some(own))) => {
                let brought = self.world.brought.get(self.name);
                brought.filter(|b| b.own == *own).map(|b| &b.network)
            }
            Some(Err(_)) => None,
            _ => self.network,
        }
    }

    fn status(&self) -> Status {
        let Some(network) = self.used() else {
            return Status::default();
        };
        let v4 = network.subnets.iter().find(|s| s.version() == 4);
        let first = v4.or(network.subnets.first());
        let leg = |s: &Subnet| s.leg.as_ref().map(|l| l.router.clone());
        let legs: Option<Vec<Id>> = network.subnets.iter().map(leg).collect();
        Status {
            network: Some(network.id.clone()),
            subnet: first.map(|s| s.id.clone()),
            cidr: first.map(|s| s.cidr.to_string()),
            router: legs.and_then(|legs| legs.first().cloned()),
        }
    }

    /// What its pods are told; none of a namespace that is not there.
    fn standing(&self) -> Option<Standing> {
        let namespace = self.namespace?;
        let was_ready = matches!(
            self.world.standings.get(self.name),
            Some(Standing::Ready(_))
        );
        let is_told_ready = self.claim.is_some_and(|c| c.status.router.is_some());
        let brings = !matches!(namespace.own, Ok(None));
        if let Some(network) = self.used() {
            let has_legs = network.subnets.iter().all(|s| s.leg.is_some());
            // A leg that is lost for a while is no reason to take ports away.
            let leads = has_legs || was_ready || is_told_ready || brings;
            let is_whole = brings || self.missing(network).is_empty();
            if is_whole && leads && !network.subnets.is_empty() {
                return Some(Standing::Ready(
                    self.world.settings.kind(Some(namespace), network),
                ));
            }
        }
        Some(Standing::Waits(self.trouble(namespace)))
    }

    /// Why its pods wait, if it is for more than a moment.
    fn trouble(&self, namespace: &Namespace) -> Option<(Reason, String)> {
        if let Err(wrong) = &namespace.own {
            return Some((Reason::NoPodSubnetFound, wrong.clone()));
        }
        let world = self.world;
        let own = world.agenda.told(&Held::Namespace(self.name.clone()));
        self.no_room().or(own).cloned().or_else(|| {
            let since = *world.since.get(self.name)?;
            let is_slow = since + world.settings.slow <= world.agenda.now();
            is_slow.then(|| (Reason::NoPodSubnetFound, self.awaited()))
        })
    }

    /// What is told of the pools that a missing subnet could come from, if none of them has room.
    fn no_room(&self) -> Option<&'a (Reason, String)> {
        let version = *self.missing(self.network?).first()?;
        let pools = self.world.settings.pools.iter();
        let pools = pools.filter(|p| p.version == version);
        let told = pools.map(|p| self.world.agenda.told(&Held::Pool(p.id.clone())));
        told.collect::<Option<Vec<_>>>()?.first().copied()
    }

    /// What is still to be done before its pods get ports.
    fn awaited(&self) -> String {
        let what = match self.network {
            None => "its network is made",
            Some(n) if !self.missing(n).is_empty() => "its network has its subnets",
            Some(_) => "its subnets are attached to the router",
        };
        format!("namespace {}: pods wait until {what}", self.name)
    }

    /// What keeps a network that is to go is told on the namespace, which it keeps too.
    fn report(&self) -> Option<Action> {
        let namespace = self.namespace.filter(|n| n.ending)?;
        let told = self
            .world
            .agenda
            .told(&Held::Namespace(self.name.clone()))?;
        let (reason, message) = told.clone();
        (self.world.reported.get(self.name) != Some(&reason)).then(|| Action::Report {
            namespace: self.name.clone(),
            uid: namespace.uid.clone(),
            reason,
            message,
        })
    }
}
