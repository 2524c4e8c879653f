//! One load balancer: from what it is to be and what it is, to the next call.
//!
//! One call at a time, because Octavia refuses changes of a load balancer while it carries one
//! out; what changes meanwhile is in the next diff. Members come first, since traffic waits
//! for them; then what is to go, so that it is not in the way of what is to come.

mod pool;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::action::Change;
use super::model::{Id, Protocol};
use super::observed::{Balancer, Observed, SeenListener, SeenPool};
use super::tree::{Listener, Tree};

/// The next call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What to call.
    pub change: Change,
    /// Whether it repairs what went wrong in Octavia: not to be tried at any pace.
    pub heals: bool,
}

/// What can't be changed, so that the load balancer has to be deleted and created anew.
#[must_use]
pub fn must_rebuild(tree: &Tree, is: &Balancer) -> Option<&'static str> {
    let more: BTreeSet<_> = tree.more_vips.iter().map(|v| v.address).collect();
    if tree.vip.address != is.address {
        Some("its VIP is another")
    } else if is
        .vip_subnet
        .as_ref()
        .is_some_and(|s| *s != tree.vip.subnet)
    {
        Some("its VIP is in another subnet")
    } else if more != is.more_addresses.iter().copied().collect() {
        Some("its further VIPs are others")
    } else if tree.provider.as_ref().is_some_and(|p| *p != is.provider) {
        Some("its provider is another")
    } else {
        None
    }
}

/// The next call for a load balancer that is ACTIVE; none if it is as it is to be.
#[must_use]
pub fn next(tree: &Tree, is: &Observed) -> Option<Step> {
    let diff = Diff::new(tree, is);
    diff.members()
        .or_else(|| diff.stale())
        .or_else(|| diff.balancer())
        .or_else(|| diff.listeners())
}

/// Both sides, matched.
struct Diff<'a> {
    tree: &'a Tree,
    is: &'a Observed,
    /// Listeners that may stay, by what they listen to.
    listeners: BTreeMap<(Protocol, u16), &'a SeenListener>,
    pools: BTreeMap<&'a Id, &'a SeenPool>,
}

impl<'a> Diff<'a> {
    fn new(tree: &'a Tree, is: &'a Observed) -> Self {
        let kept = is.listeners.iter().filter(|l| !l.broken);
        // Someone may have led two listeners to one pool; each has its own with us.
        let mut pools = BTreeSet::new();
        Self {
            tree,
            is,
            listeners: kept
                .filter_map(|l| Some(((l.protocol?, l.port), l)))
                .filter(|(key, _)| tree.listeners.contains_key(key))
                .filter(|(_, l)| l.pool.as_ref().is_none_or(|p| pools.insert(p)))
                .collect(),
            pools: is.pools.iter().map(|p| (&p.id, p)).collect(),
        }
    }

    /// The pool of a wanted listener, if it may stay.
    fn pool_of(&self, key: (Protocol, u16)) -> Option<&'a SeenPool> {
        let pool = self.listeners.get(&key)?.pool.as_ref()?;
        let pool = self.pools.get(pool)?;
        (pool.protocol == Some(key.0) && !pool.broken).then_some(*pool)
    }

    fn members(&self) -> Option<Step> {
        self.tree.listeners.iter().find_map(|(key, wanted)| {
            let is = self.pool_of(*key)?;
            pool::members(&wanted.pool, is).map(plain)
        })
    }

    /// What is to go: listeners before pools, so that nobody is led to an empty place.
    fn stale(&self) -> Option<Step> {
        let kept: BTreeSet<&Id> = self.listeners.values().map(|l| &l.id).collect();
        if let Some(l) = self.is.listeners.iter().find(|l| !kept.contains(&l.id)) {
            return Some(Step {
                change: Change::DeleteListener { id: l.id.clone() },
                heals: l.broken,
            });
        }
        let keys = self.tree.listeners.keys();
        let used: BTreeSet<&Id> = keys
            .filter_map(|k| self.pool_of(*k))
            .map(|p| &p.id)
            .collect();
        let pool = self.is.pools.iter().find(|p| !used.contains(&p.id))?;
        Some(Step {
            change: Change::DeletePool {
                id: pool.id.clone(),
            },
            heals: pool.broken,
        })
    }

    /// Name and tag.
    fn balancer(&self) -> Option<Step> {
        let is = &self.is.balancer;
        let right = is.name == self.tree.name && is.ours;
        (!right).then(|| {
            plain(Change::Update {
                name: self.tree.name.clone(),
            })
        })
    }

    /// Listeners with their pools, one after the other.
    fn listeners(&self) -> Option<Step> {
        self.tree.listeners.iter().find_map(|(key, wanted)| {
            let Some(is) = self.listeners.get(key) else {
                let listener = wanted.clone();
                return Some(plain(Change::CreateListener { listener }));
            };
            if !same_listener(wanted, is) {
                return Some(plain(Change::UpdateListener {
                    id: is.id.clone(),
                    listener: wanted.clone(),
                }));
            }
            match self.pool_of(*key) {
                None => Some(plain(Change::CreatePool {
                    listener: is.id.clone(),
                    pool: wanted.pool.clone(),
                })),
                Some(pool) => pool::differs(&wanted.pool, pool).map(plain),
            }
        })
    }
}

fn plain(change: Change) -> Step {
    Step {
        change,
        heals: false,
    }
}

fn same_listener(wanted: &Listener, is: &SeenListener) -> bool {
    let same = |wanted: Option<u32>, is| wanted.is_none() || wanted == is;
    let allowed: BTreeSet<_> = is.allowed.iter().copied().collect();
    wanted.name == is.name
        && same(wanted.timeout_client, is.timeout_client)
        && same(wanted.timeout_member, is.timeout_member)
        && wanted.allowed.iter().copied().collect::<BTreeSet<_>>() == allowed
}
