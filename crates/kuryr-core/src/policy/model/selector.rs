//! Label selectors, in a form in which two that say the same are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Id;

/// Labels of a pod or namespace.
pub type Labels = BTreeMap<Id, Id>;

/// A label selector: all of its requirements hold. The empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(BTreeSet<Requirement>);

/// What is required of one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label's key.
    pub key: Id,
    /// What is required.
    pub test: Test,
}

/// An operator of `matchExpressions`, with its values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// It is there and has one of these values.
    In(BTreeSet<Id>),
    /// It is absent, or has none of these values.
    NotIn(BTreeSet<Id>),
    /// It is there.
    Exists,
    /// It is absent.
    DoesNotExist,
    /// An operator that is not known, as written: nothing fulfils it.
    Unknown(Id),
}

impl Selector {
    /// From `matchLabels` and `matchExpressions`.
    #[must_use]
    pub fn new(labels: Labels, expressions: impl IntoIterator<Item = Requirement>) -> Self {
        let equal = labels.into_iter().map(|(key, value)| Requirement {
            key,
            test: Test::In([value].into()),
        });
        Self(equal.chain(expressions).collect())
    }

    /// Whether the labels fulfil it.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|r| r.matches(labels))
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it requires.
    pub fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.0.iter()
    }

    /// A label that whatever it selects has, and the values that it may have: what an index
    /// can be asked for.
    pub(crate) fn wanted_label(&self) -> Option<(&Id, &BTreeSet<Id>)> {
        self.0.iter().find_map(|r| match &r.test {
            Test::In(values) => Some((&r.key, values)),
            _ => None,
        })
    }
}

impl Requirement {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match &self.test {
            Test::In(values) => value.is_some_and(|v| values.contains(v)),
            Test::NotIn(values) => value.is_none_or(|v| !values.contains(v)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
            Test::Unknown(_) => false,
        }
    }
}

/// As `kubectl` writes and reads selectors; the empty one as `everything`. Keys and values of
/// labels hold none of the characters between them, so two texts are the same only if the
/// selectors are.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("everything");
        }
        for (n, requirement) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let list =
            |values: &BTreeSet<Id>| values.iter().map(|v| &**v).collect::<Vec<_>>().join(",");
        match &self.test {
            Test::In(values) => match values.iter().next() {
                Some(only) if values.len() == 1 => write!(f, "{key}={only}"),
                _ => write!(f, "{key} in ({})", list(values)),
            },
            Test::NotIn(values) => write!(f, "{key} notin ({})", list(values)),
            Test::Exists => write!(f, "{key}"),
            Test::DoesNotExist => write!(f, "!{key}"),
            Test::Unknown(operator) => write!(f, "{key} <{operator}>"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::policy::tests::fixtures::{id, labels, selector};

    #[test]
    fn each_operator() {
        let pod = labels("app=web,tier=front");
        for (text, holds) in [
            ("", true),
            ("app=web", true),
            ("app=db", false),
            ("app in (db,web)", true),
            ("none in (web)", false),
            ("app notin (db)", true),
            ("app notin (db,web)", false),
            ("none notin (web)", true),
            ("tier", true),
            ("none", false),
            ("!none", true),
            ("!tier", false),
            ("app=web,!none,tier notin (back)", true),
            ("app=web,tier=back", false),
        ] {
            assert_eq!(selector(text).matches(&pod), holds, "{text}");
        }
    }

    #[test]
    fn an_unknown_operator_selects_nothing() {
        let odd = Requirement {
            key: id("app"),
            test: Test::Unknown(id("Gt")),
        };
        let odd = Selector::new(Labels::new(), [odd]);
        assert!(!odd.matches(&labels("app=web")) && !odd.matches(&labels("")));
    }

    #[test]
    fn the_same_said_otherwise_is_the_same() {
        let one = Requirement {
            key: id("app"),
            test: Test::In([id("web")].into()),
        };
        assert_eq!(Selector::new(Labels::new(), [one]), selector("app=web"));
        assert_eq!(selector("a in (x,y),b"), selector("b,a in (y,x,x)"));
        assert_eq!(selector("b,a in (y,x)").to_string(), "a in (x,y),b");
        assert_eq!(selector("").to_string(), "everything");
    }
}
