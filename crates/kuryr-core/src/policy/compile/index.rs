//! Which selectors select given labels, without asking each.

use std::collections::HashMap;

use crate::policy::model::{Id, Labels, Selector};

/// Selectors, each with something that belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Index<T> {
    /// By a label that what they select has.
    by_label: HashMap<Id, HashMap<Id, Vec<(Selector, T)>>>,
    /// Those that want no label of a certain value.
    others: Vec<(Selector, T)>,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self {
            by_label: HashMap::new(),
            others: Vec::new(),
        }
    }
}

impl<T: Clone> Index<T> {
    pub(super) fn add(&mut self, selector: &Selector, what: T) {
        let Some((key, values)) = selector.wanted_label() else {
            self.others.push((selector.clone(), what));
            return;
        };
        let of_key = self.by_label.entry(key.clone()).or_default();
        for value in values {
            let entry = (selector.clone(), what.clone());
            of_key.entry(value.clone()).or_default().push(entry);
        }
    }

    /// What belongs to the selectors that select these labels, each once.
    pub(super) fn selecting<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = &'a T> {
        let by_label = labels
            .iter()
            .filter_map(|(key, value)| self.by_label.get(key)?.get(value))
            .flatten();
        let candidates = by_label.chain(&self.others);
        candidates
            .filter(|(selector, _)| selector.matches(labels))
            .map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::fixtures::{labels, selector};

    #[test]
    fn finds_each_once() {
        let mut index = Index::default();
        let all = [
            "",
            "a=1",
            "a in (1,2)",
            "a=2,b",
            "!a",
            "b,a notin (1)",
            "a=1,b=1",
        ];
        for text in all {
            index.add(&selector(text), text);
        }
        for have in ["", "a=1", "a=2", "b=1", "a=1,b=1", "a=2,b=1", "c=1"] {
            let have = labels(have);
            let mut found: Vec<_> = index.selecting(&have).copied().collect();
            let mut wanted: Vec<_> = all
                .into_iter()
                .filter(|t| selector(t).matches(&have))
                .collect();
            found.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{have:?}");
        }
    }
}
