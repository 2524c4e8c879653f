//! Who has which address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::port::model::Id;

/// Names by their addresses; several may have one, by mistake.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByAddress(BTreeMap<IpAddr, BTreeSet<Id>>);

impl ByAddress {
    /// What `name` had becomes what it has.
    pub(crate) fn replace(&mut self, name: &Id, old: &[IpAddr], new: &[IpAddr]) {
        if old == new {
            return;
        }
        for address in old {
            if let Some(names) = self.0.get_mut(address) {
                names.remove(name);
                if names.is_empty() {
                    self.0.remove(address);
                }
            }
        }
        for address in new {
            self.0.entry(*address).or_default().insert(name.clone());
        }
    }

    /// The first name that has one of these addresses.
    pub(crate) fn first(&self, addresses: &[IpAddr]) -> Option<Id> {
        addresses
            .iter()
            .filter_map(|a| self.0.get(a)?.first())
            .min()
            .cloned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_moves_is_found_with_its_new_owner() {
        let (a, b): (Id, Id) = ("a".into(), "b".into());
        let at = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let mut known = ByAddress::default();
        known.replace(&b, &[], &at[..1]);
        known.replace(&a, &[], &at);
        assert_eq!(known.first(&at[..1]).unwrap(), a);
        known.replace(&a, &at, &at[1..]);
        assert_eq!(known.first(&at[..1]).unwrap(), b);
        assert_eq!(known.first(&at[1..]).unwrap(), a);
    }
}
