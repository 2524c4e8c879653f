//! Facts of all kinds come in by the same three doors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::World;
use crate::policy::model::{Facts, Id, Namespace, Node, Pod, PodKey, Policy, PolicyKey, Service};
use crate::service::ServiceKey;

/// A kind of fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// NetworkPolicies.
    Policies,
    /// Pods.
    Pods,
    /// Namespaces.
    Namespaces,
    /// Nodes.
    Nodes,
    /// Services.
    Services,
    /// Ports.
    Ports,
}

impl FactKind {
    /// Those without which nothing is decided.
    pub const NEEDED: [Self; 5] = [
        Self::Policies,
        Self::Pods,
        Self::Namespaces,
        Self::Nodes,
        Self::Ports,
    ];
}

/// An object of Kubernetes that [`World`] is told of.
pub trait Fact: PartialEq + Sized {
    /// What it is found by.
    type Key: Ord + Clone;
    /// Its kind.
    const KIND: FactKind;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// Where such facts are.
    fn table(facts: &mut Facts) -> &mut BTreeMap<Self::Key, Arc<Self>>;
}

macro_rules! fact {
    ($fact:ty, $key:ty, $kind:ident, $table:ident, $field:ident) => {
        impl Fact for $fact {
            type Key = $key;
            const KIND: FactKind = FactKind::$kind;

            fn key(&self) -> Self::Key {
                self.$field.clone()
            }

            fn table(facts: &mut Facts) -> &mut BTreeMap<Self::Key, Arc<Self>> {
                &mut facts.$table
            }
        }
    };
}

fact!(Policy, PolicyKey, Policies, policies, key);
fact!(Pod, PodKey, Pods, pods, key);
fact!(Namespace, Id, Namespaces, namespaces, name);
fact!(Node, Id, Nodes, nodes, name);
fact!(Service, ServiceKey, Services, services, key);

impl World {
    /// An object is new, or changed.
    pub fn apply<F: Fact>(&mut self, fact: F) {
        let table = F::table(&mut self.facts);
        let key = fact.key();
        if table.get(&key).is_none_or(|old| **old != fact) {
            table.insert(key, Arc::new(fact));
            self.compile_wanted = true;
        }
    }

    /// An object is gone.
    pub fn delete<F: Fact>(&mut self, key: &F::Key) {
        if F::table(&mut self.facts).remove(key).is_some() {
            self.compile_wanted = true;
        }
    }

    /// The list of a kind was read whole: those not in it are gone.
    pub fn retain<F: Fact>(&mut self, there: &BTreeSet<F::Key>) {
        let table = F::table(&mut self.facts);
        let before = table.len();
        table.retain(|key, _| there.contains(key));
        self.compile_wanted |= table.len() != before;
        self.synced.insert(F::KIND);
    }
}
