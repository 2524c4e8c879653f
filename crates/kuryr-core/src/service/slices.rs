//! What is behind Services, by Service.
//!
//! Where the cluster has no EndpointSlices, each subset of an Endpoints object is a slice of a name of its own. Which names an
//! object came to is remembered, because a subset that went is told by nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::event::ObjectName;
use super::model::{Id, ServiceKey, Slice};
use crate::reconcile::Watched;

/// Slices, and Endpoints as slices.
#[derive(Clone, Debug, Default)]
pub struct Slices {
    /// Slices of a Service, by name.
    of: HashMap<ServiceKey, BTreeMap<Id, Arc<Slice>>>,
    /// The Service of a slice.
    service: HashMap<ObjectName, ServiceKey>,
    /// Names of the slices that each Endpoints object came to.
    subsets: HashMap<ObjectName, BTreeSet<Id>>,
    is_synced: bool,
}

impl Slices {
    /// Takes news of slices in; the Services of which something changed.
    pub fn learn(&mut self, news: Watched<ObjectName, Slice>) -> BTreeSet<ServiceKey> {
        match news {
            Watched::Begin => BTreeSet::new(),
            Watched::There(slice) => self.put(slice),
            Watched::Gone(name, _) => self.remove(&name).into_iter().collect(),
            Watched::All(there) => self.retain(|name| there.contains(name)),
        }
    }

    /// The same of Endpoints.
    pub fn learn_endpoints(
        &mut self,
        news: Watched<ObjectName, (ObjectName, Vec<Slice>)>,
    ) -> BTreeSet<ServiceKey> {
        match news {
            Watched::Begin => BTreeSet::new(),
            Watched::There((object, slices)) => self.put_endpoints(object, slices),
            Watched::Gone(object, _) => self.put_endpoints(object, Vec::new()),
            Watched::All(there) => {
                self.subsets.retain(|object, _| there.contains(object));
                let of = |((namespace, _), names): (&ObjectName, &BTreeSet<Id>)| {
                    let names: Vec<Id> = names.iter().cloned().collect();
                    let namespace = namespace.clone();
                    names.into_iter().map(move |name| (namespace.clone(), name))
                };
                let names: HashSet<ObjectName> = self.subsets.iter().flat_map(of).collect();
                self.retain(|name| names.contains(name))
            }
        }
    }

    /// Those of a Service.
    pub fn of(&self, service: &ServiceKey) -> impl Iterator<Item = &Slice> {
        let of = self.of.get(service).into_iter().flatten();
        of.map(|(_, slice)| slice.as_ref())
    }

    /// Whether a Service has any.
    #[must_use]
    pub fn are_of(&self, service: &ServiceKey) -> bool {
        self.of.contains_key(service)
    }

    /// Whether all were read at least once.
    #[must_use]
    pub fn are_synced(&self) -> bool {
        self.is_synced
    }

    fn put(&mut self, slice: Slice) -> BTreeSet<ServiceKey> {
        let name = (slice.namespace.clone(), slice.name.clone());
        let key = slice.service_key();
        let mut touched = BTreeSet::new();
        if self.service.get(&name).is_some_and(|before| *before != key) {
            touched.extend(self.remove(&name));
        }
        let of = self.of.entry(key.clone()).or_default();
        if of.get(&name.1).is_none_or(|known| **known != slice) {
            of.insert(name.1.clone(), Arc::new(slice));
            self.service.insert(name, key.clone());
            touched.insert(key);
        }
        touched
    }

    fn remove(&mut self, name: &ObjectName) -> Option<ServiceKey> {
        let key = self.service.remove(name)?;
        if let Some(of) = self.of.get_mut(&key) {
            of.remove(&name.1);
            if of.is_empty() {
                self.of.remove(&key);
            }
        }
        Some(key)
    }

    fn retain(&mut self, is_there: impl Fn(&ObjectName) -> bool) -> BTreeSet<ServiceKey> {
        self.is_synced = true;
        let gone = self.service.keys().filter(|name| !is_there(name));
        let gone: Vec<ObjectName> = gone.cloned().collect();
        gone.iter().filter_map(|name| self.remove(name)).collect()
    }

    fn put_endpoints(&mut self, object: ObjectName, slices: Vec<Slice>) -> BTreeSet<ServiceKey> {
        let now: BTreeSet<Id> = slices.iter().map(|s| s.name.clone()).collect();
        let before = self.subsets.remove(&object).unwrap_or_default();
        let gone = before.difference(&now);
        let gone: Vec<ObjectName> = gone.map(|n| (object.0.clone(), n.clone())).collect();
        let mut touched: BTreeSet<ServiceKey> =
            gone.iter().filter_map(|name| self.remove(name)).collect();
        for slice in slices {
            touched.extend(self.put(slice));
        }
        if !now.is_empty() {
            self.subsets.insert(object, now);
        }
        touched
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::service::fixtures::{id, many};

    fn subset(n: usize) -> Slice {
        Slice {
            name: id(format!("web/{n}/IPv4")),
            ..many("web", 1)
        }
    }

    fn count(slices: &Slices) -> usize {
        slices.of(&ServiceKey::new("ns", "web")).count()
    }

    #[test]
    fn a_subset_that_went_is_gone_and_the_others_stay() {
        let mut slices = Slices::default();
        let web = (id("ns"), id("web"));
        let there = |subsets| Watched::There((web.clone(), subsets));
        let touched = slices.learn_endpoints(there(vec![subset(0), subset(1)]));
        assert_eq!(touched, [ServiceKey::new("ns", "web")].into());
        assert_eq!(count(&slices), 2);
        slices.learn_endpoints(there(vec![subset(1)]));
        assert_eq!(count(&slices), 1);
        let touched = slices.learn_endpoints(Watched::All([web].into()));
        assert!(touched.is_empty() && slices.are_synced());
        assert_eq!(count(&slices), 1);
        slices.learn_endpoints(Watched::All(BTreeSet::new()));
        assert_eq!(count(&slices), 0);
    }

    #[test]
    fn a_slice_that_comes_to_be_of_another_service_touches_both() {
        let mut slices = Slices::default();
        let web = many("web", 1);
        assert_eq!(slices.learn(Watched::There(web.clone())).len(), 1);
        assert!(slices.learn(Watched::There(web.clone())).is_empty());
        let touched = slices.learn(Watched::There(Slice {
            service: id("db"),
            ..web
        }));
        assert_eq!(touched.len(), 2);
        assert_eq!(count(&slices), 0);
    }
}
