//! Subnets of namespaces' networks, in which members are.

use std::collections::BTreeSet;

use super::World;
use crate::service::model::Id;
use crate::service::settings::Subnet;

impl World {
    /// A namespace has a network with this subnet, or none.
    pub(crate) fn apply_subnet(&mut self, namespace: &Id, subnet: Option<Subnet>) {
        let all = &mut self.settings.namespace_subnets;
        let had = match subnet.clone() {
            Some(subnet) => all.insert(namespace.clone(), subnet),
            None => all.remove(namespace),
        };
        if had != subnet {
            let keys = self.services.keys();
            let of = keys.filter(|key| key.namespace == *namespace).cloned();
            let of: Vec<_> = of.collect();
            self.agenda.touch_all(of);
        }
    }

    /// The list of KuryrNetworks was read whole: others are gone.
    pub(crate) fn retain_subnets(&mut self, there: &BTreeSet<Id>) {
        let all = self.settings.namespace_subnets.keys();
        let gone: Vec<Id> = all.filter(|name| !there.contains(*name)).cloned().collect();
        gone.iter().for_each(|name| self.apply_subnet(name, None));
        if !std::mem::replace(&mut self.synced.subnets, true) {
            self.touch_all();
        }
    }
}
