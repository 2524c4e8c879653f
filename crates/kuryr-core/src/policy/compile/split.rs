//! Groups of more rules than one may have.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use crate::policy::group::{GroupKey, Purpose, Rule};

/// The groups that have these rules together. Where one can't have all, a rule's group follows from the rule, so that another rule
/// more or less moves no other.
pub(super) fn split(
    purpose: &Purpose,
    rules: BTreeSet<Rule>,
    most: usize,
) -> Vec<(GroupKey, BTreeSet<Rule>)> {
    let mut count = 1u16;
    loop {
        let parts = parts(&rules, count);
        let fits = parts.iter().all(|part| part.len() <= most);
        match count.checked_mul(2) {
            Some(more) if !fits => count = more,
            _ => return named(purpose, parts),
        }
    }
}

fn named(purpose: &Purpose, parts: Vec<BTreeSet<Rule>>) -> Vec<(GroupKey, BTreeSet<Rule>)> {
    let named = (0..).zip(parts).map(|(part, rules)| {
        let purpose = purpose.clone();
        (GroupKey { purpose, part }, rules)
    });
    named.collect()
}

fn parts(rules: &BTreeSet<Rule>, count: u16) -> Vec<BTreeSet<Rule>> {
    if count == 1 {
        return vec![rules.clone()];
    }
    let mut parts = vec![BTreeSet::new(); usize::from(count)];
    for rule in rules {
        let mut hash = Fnv::default();
        rule.hash(&mut hash);
        let part = hash.finish() % u64::from(count);
        if let Some(part) = usize::try_from(part).ok().and_then(|n| parts.get_mut(n)) {
            part.insert(rule.clone());
        }
    }
    parts
}

/// FNV-1a: the same in every process, which the standard library's hash does not promise.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        // The low bits alone follow the last bytes too closely.
        self.0 ^ (self.0 >> 32)
    }
}
