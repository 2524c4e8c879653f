//! How a security group of ours is known again.

use std::fmt;

use sha2::{Digest, Sha256};

use super::group::GroupKey;

/// Neutron's longest name.
const NAME_MAX: usize = 255;

/// What a group's name begins with: a hash of its key, the same on every machine and in every version. Whoever may write policies
/// may choose keys, so the hash is one for which no two can be found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u128);

impl Mark {
    /// A key's.
    #[must_use]
    pub fn of(key: &GroupKey) -> Self {
        let hash = Sha256::digest(key.to_string().as_bytes());
        let bytes = hash.iter().take(16);
        Self(bytes.fold(0, |mark, byte| mark << 8 | u128::from(*byte)))
    }

    /// The one in a security group's name.
    #[must_use]
    pub fn in_name(name: &str) -> Option<Self> {
        let (hash, _) = name.split_once('/')?;
        let is_whole = hash.len() == 32;
        let hash = is_whole.then(|| u128::from_str_radix(hash, 16).ok());
        hash.flatten().map(Self)
    }

    /// The name of a security group: its mark, and for people what it is for.
    #[must_use]
    pub fn name(key: &GroupKey) -> String {
        let name = format!("{}/{key}", Self::of(key));
        name.chars().take(NAME_MAX).collect()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::policy::compile;
    use crate::policy::tests::draw;
    use crate::policy::tests::fixtures::settings;

    #[test]
    fn only_a_name_of_ours_has_one() {
        for other in [
            "",
            "default",
            "abc/def",
            "0123456789abcdef0123456789abcdeg/x",
        ] {
            assert_eq!(Mark::in_name(other), None, "{other}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn each_group_has_one_of_its_own(facts in draw::facts()) {
            let groups = compile(&facts, &settings()).groups;
            let mut seen = BTreeSet::new();
            for key in groups.keys() {
                let name = Mark::name(key);
                prop_assert!(name.chars().count() <= 255);
                prop_assert_eq!(Mark::in_name(&name), Some(Mark::of(key)));
                prop_assert!(seen.insert(Mark::of(key)));
            }
        }
    }
}
