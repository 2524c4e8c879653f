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
