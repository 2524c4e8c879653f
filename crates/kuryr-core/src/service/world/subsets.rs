//! Endpoints, where the cluster has no slices.
//!
//! The world knows slices by name, and each subset of an Endpoints object is a slice of a name of its own. Which names an
//! object came to is remembered, because a subset that went is told by nobody.

use std::collections::{BTreeSet, HashSet};

use super::World;
use crate::service::model::{Id, Slice};

impl World {
    /// An Endpoints object, by namespace and name, is there or changed; without subsets if it is gone.
    pub(crate) fn apply_endpoints(&mut self, object: (Id, Id), slices: Vec<Slice>) {
        let now: BTreeSet<Id> = slices.iter().map(|s| s.name.clone()).collect();
        let before = self.subsets.remove(&object).unwrap_or_default();
        for name in before.difference(&now) {
            self.delete_slice(&object.0, name);
        }
        slices.into_iter().for_each(|slice| self.apply_slice(slice));
        if !now.is_empty() {
            self.subsets.insert(object, now);
        }
    }

    /// Endpoints were listed whole: those not in the list are gone.
    pub(crate) fn retain_endpoints(&mut self, there: &BTreeSet<(Id, Id)>) {
        self.subsets.retain(|object, _| there.contains(object));
        let of = |((namespace, _), names): (&(Id, Id), &BTreeSet<Id>)| {
            let namespace = namespace.clone();
            let names: Vec<Id> = names.iter().cloned().collect();
            names.into_iter().map(move |name| (namespace.clone(), name))
        };
        let names: HashSet<_> = self.subsets.iter().flat_map(of).collect();
        self.retain_slices(&names);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::service::fixtures::{id, many};
    use crate::service::settings::Settings;

    fn subset(n: usize) -> Slice {
        Slice {
            name: id(format!("web/{n}/IPv4")),
            ..many("web", 1)
        }
    }

    #[test]
    fn a_subset_that_went_is_gone_and_the_others_stay() {
        let mut world = World::new(Settings::default());
        let web = (id("ns"), id("web"));
        world.apply_endpoints(web.clone(), vec![subset(0), subset(1)]);
        assert_eq!(world.slice_of.len(), 2);
        world.apply_endpoints(web.clone(), vec![subset(1)]);
        assert_eq!(world.slice_of.len(), 1);
        world.retain_endpoints(&[web].into());
        assert_eq!(world.slice_of.len(), 1);
        world.retain_endpoints(&BTreeSet::new());
        assert!(world.slice_of.is_empty());
    }
}
