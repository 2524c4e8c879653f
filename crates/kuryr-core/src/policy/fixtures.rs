//! Short ways to write facts in tests.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::*;

pub(crate) fn id(text: &str) -> Id {
    text.into()
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// `app=web,tier=front`.
pub(crate) fn labels(text: &str) -> Labels {
    let pairs = text.split(',').filter_map(|p| p.split_once('='));
    pairs.map(|(k, v)| (id(k), id(v))).collect()
}

/// As `kubectl` reads selectors: `app=web,tier in (a,b),x notin (y),z,!w`; empty: everything.
pub(crate) fn selector(text: &str) -> Selector {
    let mut parts = Vec::new();
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if parts.is_empty() {
            parts.push(String::new());
        }
        parts.last_mut().unwrap().push(c);
    }
    Selector::new(Labels::new(), parts.iter().map(|p| requirement(p)))
}

fn requirement(text: &str) -> Requirement {
    let values =
        |list: &str| -> BTreeSet<Id> { list.trim_end_matches(')').split(',').map(id).collect() };
    let (key, test) = if let Some((key, list)) = text.split_once(" in (") {
        (key, Test::In(values(list)))
    } else if let Some((key, list)) = text.split_once(" notin (") {
        (key, Test::NotIn(values(list)))
    } else if let Some((key, value)) = text.split_once('=') {
        (key, Test::In([id(value)].into()))
    } else if let Some(key) = text.strip_prefix('!') {
        (key, Test::DoesNotExist)
    } else {
        (text, Test::Exists)
    };
    Requirement { key: id(key), test }
}
