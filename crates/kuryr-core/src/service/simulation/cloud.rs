//! Kubernetes, Octavia and Neutron as they would be if the controller were not.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::service::fixtures::octavia::{Octavia, gone};

/// The user's own floating IP.
pub(super) const OWN: &str = "203.0.113.5";

#[derive(Clone, Default, Debug)]
pub(super) struct Cloud {
    pub(super) services: BTreeMap<ServiceKey, Service>,
    pub(super) slices: BTreeMap<(Id, Id), Slice>,
    pub(super) claims: BTreeMap<ServiceKey, Claim>,
    pub(super) octavia: Octavia,
    pub(super) floating: BTreeMap<Id, FloatingIp>,
    pub(super) made: usize,
    pub(super) version: u64,
    /// Deletions of claims that no watch has told of yet.
    pub(super) deleted: Vec<(ServiceKey, u64)>,
    pub(super) told: Vec<Complaint>,
    /// Whether two load balancers may have one name for a time.
    pub(super) namesakes: bool,
}

impl simulation::Cloud for Cloud {
    type Mind = World;

    fn carry_out(&mut self, action: &Action, fate: Fate) -> Outcome {
        match fate {
            Fate::Refused => {
                return Err(Failure::again("503"));
            }
            Fate::Immutable if matches!(action, Action::Change { .. }) => {
                return Err(Failure::new(FailureKind::Immutable, "409"));
            }
            Fate::NeverSent => return lost(),
            _ => {}
        }
        let outcome = self.apply(action);
        if fate == Fate::DoneButAnswerLost && outcome.is_ok() {
            return lost();
        }
        outcome
    }

    fn news(&mut self) -> Vec<Event> {
        self.collect();
        let services = self.services.values().cloned();
        let mut news: Vec<Event> = services
            .map(|s| Event::Service(Watched::There(Box::new(s))))
            .collect();
        let there = self.services.keys().cloned().collect();
        news.push(Event::Service(Watched::All(there)));
        let slices = self.slices.values().cloned();
        news.extend(slices.map(|s| Event::Slice(Watched::There(s))));
        let there = self.slices.keys().cloned().collect();
        news.push(Event::Slice(Watched::All(there)));
        let gone = self.deleted.drain(..);
        news.extend(gone.map(|(key, version)| Event::Claim(Watched::Gone(key, version))));
        let claims = self.claims.values().cloned();
        news.extend(claims.map(|c| Event::Claim(Watched::There(Box::new(c)))));
        news
    }

    fn lists(&mut self) -> Vec<Event> {
        self.deleted.clear();
        let mut lists = vec![Event::Claim(Watched::Begin)];
        lists.extend(self.news());
        let there = self.claims.keys().cloned().collect();
        lists.push(Event::Claim(Watched::All(there)));
        lists
    }

    /// No load balancer is there twice; the user's floating IP stays.
    fn check_always(&self) {
        let mut names = BTreeSet::new();
        for lb in self.octavia.balancers.values() {
            let name = &lb.is.balancer.name;
            let first = names.insert(name);
            assert!(first || self.namesakes, "{name} is there twice");
        }
        assert!(
            self.floating.contains_key("own"),
            "the user's own was deleted"
        );
    }

    /// One changing call a load balancer, and not too many over all.
    fn check_calls(world: &World, all: &[&Action]) {
        let changing = all.iter().filter(|a| a.changes_octavia()).count();
        assert!(changing <= world.settings.changes_at_once, "{all:?}");
        let mut busy = BTreeSet::new();
        for action in all {
            let what = match action {
                Action::Change { lb, .. } => lb.to_string(),
                Action::CreateBalancer { key, .. } => format!("{key:?}"),
                Action::Look { lb } => format!("look {lb}"),
                Action::List => "list".to_owned(),
                _ => continue,
            };
            assert!(busy.insert(what), "twice at once: {action:?}");
        }
    }
}

impl Cloud {
    pub(super) fn new() -> Self {
        let own = FloatingIp {
            id: id("own"),
            address: ip(OWN),
            port: None,
            made_for: None,
        };
        Self {
            floating: [(own.id.clone(), own)].into(),
            ..Self::default()
        }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    pub(super) fn add(&mut self, mut service: Service) {
        self.made += 1;
        service.uid = id(format!("uid{}", self.made));
        service.age = self.made as u64;
        self.services.insert(service.key.clone(), service);
    }

    /// Deletes a Service as `kubectl delete` does.
    pub(super) fn delete(&mut self, key: &ServiceKey) {
        match self.services.get_mut(key) {
            Some(service) if service.finalizer => service.deleting = true,
            _ => drop(self.services.remove(key)),
        }
        self.slices.retain(|_, s| s.service_key() != *key);
    }

    /// What Kubernetes' garbage collector does.
    pub(super) fn collect(&mut self) {
        let uids: BTreeSet<_> = self.services.values().map(|s| s.uid.clone()).collect();
        let mut version = self.version;
        for claim in self.claims.values_mut() {
            let owned = claim.owner.as_ref().is_some_and(|o| uids.contains(o));
            if !owned && !claim.deleting {
                version += 1;
                (claim.deleting, claim.version) = (true, version);
            }
        }
        self.version = version;
    }

    fn apply(&mut self, action: &Action) -> Outcome {
        match action {
            Action::CreateClaim { service, uid, spec } => self.create_claim(service, uid, spec),
            Action::WriteClaim { .. } => self.write_claim(action),
            Action::DropClaim { service, uid, .. } => self.drop_claim(service, uid),
            Action::WriteServiceStatus {
                service,
                uid,
                ingress,
            } => self.on_service(service, uid, |s| s.ingress.clone_from(ingress)),
            Action::DropServiceFinalizer { service, uid } => {
                let done = self.on_service(service, uid, |s| s.finalizer = false);
                if self.services.get(service).is_some_and(|s| s.deleting) {
                    self.services.remove(service);
                }
                done
            }
            Action::List => {
                let all = self.octavia.balancers.values().map(|lb| &lb.is.balancer);
                Ok(Answer::Listed {
                    balancers: all.filter(|b| b.ours).cloned().collect(),
                    floating: self.floating.values().cloned().collect(),
                })
            }
            Action::Look { lb } => match self.octavia.look(lb) {
                Some(seen) => Ok(Answer::Seen(Box::new(seen))),
                None => Ok(Answer::Gone),
            },
            Action::CreateBalancer { key, tree } => {
                assert_eq!(*tree.name, key.to_string());
                self.octavia.create(tree).map(Answer::Created)
            }
            Action::Change { lb, change, .. } => self.change(lb, change),
            Action::Report { complaint, .. } => {
                self.told.push(complaint.clone());
                Ok(Answer::Done)
            }
            _ => self.apply_floating(action),
        }
    }

    fn change(&mut self, lb: &Id, change: &Change) -> Outcome {
        match self.octavia.change(lb, change) {
            Ok(()) if *change == Change::Delete => {
                let port = self.octavia.lb(lb).balancer.vip_port.clone();
                self.port_is_gone(port.as_ref());
                Ok(Answer::Done)
            }
            Ok(()) => Ok(Answer::Done),
            Err(Failure {
                kind: FailureKind::Gone,
                ..
            }) if *change == Change::Delete => Ok(Answer::Done),
            Err(failure) => Err(failure),
        }
    }

    /// Neutron lets floating IPs of a deleted port go.
    pub(super) fn port_is_gone(&mut self, port: Option<&Id>) {
        for ip in self.floating.values_mut() {
            ip.port = ip.port.take().filter(|p| Some(p) != port);
        }
    }

    fn apply_floating(&mut self, action: &Action) -> Outcome {
        match action {
            Action::CreateFloatingIp { service, port, .. } => {
                self.made += 1;
                let ip = FloatingIp {
                    id: id(format!("fip{:04}", self.made)),
                    address: std::net::Ipv4Addr::from(0xc633_6400 + self.made as u32).into(),
                    port: Some(port.clone()),
                    made_for: Some(service.clone()),
                };
                self.floating.insert(ip.id.clone(), ip.clone());
                Ok(Answer::Floating(ip))
            }
            Action::FindFloatingIp { address, .. } => {
                let found = self.floating.values().find(|f| f.address == *address);
                found.map_or(Ok(Answer::Gone), |f| Ok(Answer::Floating(f.clone())))
            }
            Action::AssociateFloatingIp { id, port, .. } => {
                let ports = self.octavia.balancers.values();
                let there = ports.filter_map(|lb| lb.is.balancer.vip_port.clone());
                let there: BTreeSet<_> = there.collect();
                if port.as_ref().is_some_and(|p| !there.contains(p)) {
                    return Err(gone(id));
                }
                match self.floating.get_mut(id) {
                    Some(ip) => {
                        ip.port.clone_from(port);
                        Ok(Answer::Floating(ip.clone()))
                    }
                    None => Err(gone(id)),
                }
            }
            Action::DeleteFloatingIp { id, .. } => {
                self.floating.remove(id);
                Ok(Answer::Done)
            }
            other => panic!("not about floating IPs: {other:?}"),
        }
    }

    fn on_service(&mut self, key: &ServiceKey, uid: &Id, change: impl Fn(&mut Service)) -> Outcome {
        match self.services.get_mut(key).filter(|s| s.uid == *uid) {
            Some(service) => {
                change(service);
                Ok(Answer::Done)
            }
            None => Err(gone(&key.name)),
        }
    }

    fn create_claim(&mut self, key: &ServiceKey, uid: &Id, spec: &ClaimSpec) -> Outcome {
        if let Some(claim) = self.claims.get(key) {
            return Ok(Answer::Claim(Box::new(claim.clone())));
        }
        let version = self.next();
        let claim = Claim {
            service: key.clone(),
            uid: id(format!("claim{version}")),
            owner: Some(uid.clone()),
            deleting: false,
            finalizer: true,
            version,
            spec: spec.clone(),
            record: None,
            floating: None,
        };
        self.claims.insert(key.clone(), claim.clone());
        Ok(Answer::Claim(Box::new(claim)))
    }

    fn write_claim(&mut self, action: &Action) -> Outcome {
        let Action::WriteClaim {
            service,
            uid,
            spec,
            observed,
            floating,
        } = action
        else {
            panic!("{action:?}");
        };
        let version = self.next();
        let Some(claim) = self.claims.get_mut(service).filter(|c| c.uid == *uid) else {
            return Err(gone(&service.name));
        };
        claim.spec = (**spec).clone();
        claim.floating.clone_from(floating);
        (claim.finalizer, claim.version) = (true, version);
        if let Some(o) = observed {
            claim.record = Some(Record {
                balancer: o.balancer.id.clone(),
                provider: Some(o.balancer.provider.clone()),
                address: Some(o.balancer.address),
                children: o.children(),
            });
        }
        Ok(Answer::Claim(Box::new(claim.clone())))
    }

    fn drop_claim(&mut self, key: &ServiceKey, uid: &Id) -> Outcome {
        let Some(claim) = self.claims.get(key).filter(|c| c.uid == *uid).cloned() else {
            return Ok(Answer::Done);
        };
        self.tear_claim(key);
        // The answer shows the object as it was last, or nothing.
        match self.version.is_multiple_of(2) {
            true => Ok(Answer::Claim(Box::new(Claim {
                deleting: true,
                finalizer: false,
                version: self.version,
                ..claim
            }))),
            false => Ok(Answer::Done),
        }
    }

    /// The object is gone, whatever finalizers it had.
    pub(super) fn tear_claim(&mut self, key: &ServiceKey) {
        if self.claims.remove(key).is_some() {
            let version = self.next();
            self.deleted.push((key.clone(), version));
        }
    }
}

fn lost() -> Outcome {
    Err(Failure::unknown("timed out"))
}
