//! What a watch tells.

use std::collections::BTreeSet;

/// News of the objects of one kind, told apart by `K`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched<K, V> {
    /// A list begins.
    Begin,
    /// An object is there, or changed.
    There(V),
    /// An object is gone, or is none of ours any more, at this `resourceVersion` (0 where it is no number).
    Gone(K, u64),
    /// The list that began last is complete: others than these are gone.
    All(BTreeSet<K>),
}

impl<K: Clone, V> Watched<K, V> {
    /// The same news of a part of each object, which some have not.
    pub fn part<W>(&self, key: impl Fn(&V) -> K, part: impl Fn(&V) -> Option<W>) -> Watched<K, W> {
        match self {
            Self::Begin => Watched::Begin,
            Self::There(whole) => {
                part(whole).map_or_else(|| Watched::Gone(key(whole), 0), Watched::There)
            }
            Self::Gone(key, at) => Watched::Gone(key.clone(), *at),
            Self::All(there) => Watched::All(there.clone()),
        }
    }
}
