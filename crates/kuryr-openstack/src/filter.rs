//! What a list is asked for: filters as Neutron and Octavia know them ("Filtering and Column Selection" of their
//! APIs), and their splitting into requests whose URLs no server refuses.

use std::collections::BTreeMap;

/// Longest query string, in bytes: servers commonly take 8 KiB for the whole request line.
const LONGEST: usize = 6 * 1024;

/// Filters and fields of a list, common to all resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pairs: Vec<(String, String)>,
    /// A list of values by key, any of which will do.
    any_of: BTreeMap<&'static str, Vec<String>>,
}

impl Filter {
    pub(crate) fn add(&mut self, key: &str, value: impl Into<String>) {
        self.pairs.push((key.to_owned(), value.into()));
    }

    pub(crate) fn add_any<I: IntoIterator>(&mut self, key: &'static str, values: I)
    where
        I::Item: Into<String>,
    {
        self.any_of
            .entry(key)
            .or_default()
            .extend(values.into_iter().map(Into::into));
    }

    pub(crate) fn add_tags<I: IntoIterator>(&mut self, key: &str, tags: I)
    where
        I::Item: AsRef<str>,
    {
        let tags: Vec<_> = tags.into_iter().map(|t| t.as_ref().to_owned()).collect();
        if !tags.is_empty() {
            self.add(key, tags.join(","));
        }
    }

    /// Whether `fields` was asked for, so that more must be added to see more.
    pub(crate) fn selects_fields(&self) -> bool {
        self.pairs.iter().any(|(k, _)| k == "fields")
    }

    /// Whether it leaves nothing out.
    pub(crate) fn is_everything(&self) -> bool {
        self.any_of.is_empty() && self.pairs.iter().all(|(k, _)| k == "fields")
    }

    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.add(key, value);
        self
    }

    /// The queries that give it together: none if it asks for one of no values, several if values are many.
    pub(crate) fn requests(&self) -> Vec<Vec<(String, String)>> {
        let mut all = vec![self.pairs.clone()];
        for (key, values) in &self.any_of {
            let room = LONGEST / self.any_of.len().max(1);
            let chunks = split(key, values, room.saturating_sub(size(&self.pairs)));
            all = all
                .iter()
                .flat_map(|head| {
                    chunks
                        .iter()
                        .map(|tail| [head.clone(), tail.clone()].concat())
                })
                .collect();
        }
        all
    }
}

/// `values` as pairs of `key`, in as many parts as `room` bytes each need; at least one value a part.
fn split(key: &str, values: &[String], room: usize) -> Vec<Vec<(String, String)>> {
    let mut values = values.to_vec();
    values.sort();
    values.dedup();
    let mut parts: Vec<Vec<(String, String)>> = Vec::new();
    let mut used = usize::MAX;
    for value in values {
        let pair = (key.to_owned(), value);
        let length = size(std::slice::from_ref(&pair));
        if used.saturating_add(length) > room {
            parts.push(Vec::new());
            used = 0;
        }
        used += length;
        if let Some(part) = parts.last_mut() {
            part.push(pair);
        }
    }
    parts
}

/// At most this long when encoded: a byte may become three.
fn size(pairs: &[(String, String)]) -> usize {
    let encoded = |s: &str| {
        s.bytes()
            .map(|b| {
                if b.is_ascii_alphanumeric() || b"-_.".contains(&b) {
                    1
                } else {
                    3
                }
            })
            .sum::<usize>()
    };
    pairs.iter().map(|(k, v)| encoded(k) + encoded(v) + 2).sum()
}

/// Makes a query of one resource: its type, and the filters that it takes.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $method:ident => $key:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name(pub(crate) $crate::filter::Filter);

        impl $name {
            /// Everything that we may see.
            pub fn new() -> Self {
                Self::default()
            }

            /// Those with all of these tags.
            pub fn tags<I: IntoIterator>(mut self, tags: I) -> Self
            where
                I::Item: AsRef<str>,
            {
                self.0.add_tags("tags", tags);
                self
            }

            /// Those with one of these tags at least.
            pub fn tags_any<I: IntoIterator>(mut self, tags: I) -> Self
            where
                I::Item: AsRef<str>,
            {
                self.0.add_tags("tags-any", tags);
                self
            }

            /// Those without all of these tags.
            pub fn not_tags<I: IntoIterator>(mut self, tags: I) -> Self
            where
                I::Item: AsRef<str>,
            {
                self.0.add_tags("not-tags", tags);
                self
            }

            /// Only these fields of each object; the others are at their defaults. `id` is always among them.
            pub fn fields<I: IntoIterator>(mut self, fields: I) -> Self
            where
                I::Item: Into<String>,
            {
                self.0.add("fields", "id");
                for field in fields {
                    self.0.add("fields", field.into());
                }
                self
            }

            $($(#[$fdoc])*
            pub fn $method(mut self, value: impl Into<String>) -> Self {
                self.0.add($key, value.into());
                self
            })*
        }
    };
}

pub(crate) use query;

/// Lets a query be asked for by ids, which Neutron takes several of.
macro_rules! by_ids {
    ($($name:ident)*) => {
        $(impl $name {
            /// Those with one of these ids. Asked for none, nothing is listed; for many, in several requests.
            pub fn ids<I: IntoIterator>(mut self, ids: I) -> Self
            where
                I::Item: Into<String>,
            {
                self.0.add_any("id", ids);
                self
            }
        })*
    };
}
pub(crate) use by_ids;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::neutron::PortQuery;

    #[test]
    fn filters_are_neutrons() {
        let query = PortQuery::new()
            .tags(["a", "b"])
            .tags_any(["c"])
            .not_tags(["d"])
            .network_id("n")
            .subnet_id("s")
            .fields(["status"]);
        let pairs = query.0.requests().remove(0);
        let text: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let want = [
            "tags=a,b",
            "tags-any=c",
            "not-tags=d",
            "network_id=n",
            "fixed_ips=subnet_id=s",
            "fields=id",
            "fields=status",
        ];
        assert_eq!(text, want);
    }

    #[test]
    fn asked_for_no_ids_nothing_is_requested() {
        assert!(
            PortQuery::new()
                .ids(Vec::<String>::new())
                .0
                .requests()
                .is_empty()
        );
        assert_eq!(PortQuery::new().0.requests().len(), 1);
    }

    proptest! {
        #[test]
        fn many_ids_are_split_and_none_is_lost(n in 1usize..2000, name in "[ -~]{0,40}") {
            let ids: Vec<_> = (0..n).map(|i| format!("{i:08x}-0000-4000-8000-000000000000")).collect();
            let requests = PortQuery::new().ids(ids.clone()).name(name.clone()).0.requests();
            let mut seen = Vec::new();
            for request in &requests {
                prop_assert!(size(request) <= LONGEST);
                prop_assert!(request.contains(&("name".to_owned(), name.clone())));
                seen.extend(request.iter().filter(|(k, _)| k == "id").map(|(_, v)| v.clone()));
            }
            prop_assert_eq!(seen, ids);
        }
    }
}
