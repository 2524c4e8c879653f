//! Lists: filters, fields, pages.

use serde_json::Value;

use super::super::model::object::items;
use super::super::{ApiError, Caller, Fields, Query};
use super::error::bad_request;
use super::schema::LbKind;
use super::{Octavia, may, text};
use crate::model::validate::plain;

/// Parameters that are no filters.
const RESERVED: &[&str] = &[
    "limit",
    "marker",
    "sort",
    "sort_key",
    "sort_dir",
    "fields",
    "page_reverse",
];

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct LbPage {
    /// The objects.
    pub items: Vec<Fields>,
    /// The pages beside it: relation, and query.
    pub links: Vec<(&'static str, String)>,
}

impl Octavia {
    /// Lists the objects of a kind that the caller sees and the query selects; members of a pool.
    ///
    /// # Errors
    /// 400 for an unknown filter, limit or marker; 403 for another project's; 404 for the pool.
    pub fn list(
        &self,
        caller: &Caller,
        kind: LbKind,
        pool: Option<&str>,
        query: &Query,
    ) -> Result<LbPage, ApiError> {
        let project = query.all("project_id").next();
        project.map_or(Ok(()), |project| may(caller, project))?;
        if let Some(pool) = pool {
            self.allowed(caller, LbKind::Pool, pool)?;
        }
        let filters = filters(kind, query)?;
        let own = |object: &Fields| caller.admin || text(object, "project_id") == caller.project_id;
        let candidates: Vec<&Fields> = match pool {
            Some(pool) => {
                let members = self.below(kind, pool).iter();
                members.filter_map(|id| self.get(kind, id)).collect()
            }
            None => self
                .tables
                .get(&kind)
                .into_iter()
                .flatten()
                .map(|(_, object)| object)
                .collect(),
        };
        let mut found: Vec<&Fields> = candidates
            .into_iter()
            .filter(|object| own(object))
            .filter(|object| {
                filters
                    .iter()
                    .all(|(name, value)| holds(object, name, value))
            })
            .collect();
        found.sort_by_key(|object| object.get("_order").and_then(Value::as_u64));
        self.page(kind, found, query)
    }

    fn page(&self, kind: LbKind, found: Vec<&Fields>, query: &Query) -> Result<LbPage, ApiError> {
        let marker = query.all("marker").next();
        let begin = match marker {
            None => 0,
            Some(marker) => {
                let known = found.iter().position(|object| text(object, "id") == marker);
                let words = format!("Supplied pagination marker '{marker}' is not valid.");
                known.ok_or_else(|| bad_request(words))? + 1
            }
        };
        let limit = limit(query)?;
        let page: Vec<&Fields> = found.into_iter().skip(begin).take(limit).collect();
        let sort: String = query
            .pairs()
            .filter(|(name, _)| matches!(*name, "sort" | "sort_key"))
            .map(|(name, value)| format!("&{name}={value}"))
            .collect();
        let beside = |id: &str, reverse: bool| {
            let back = if reverse { "&page_reverse=True" } else { "" };
            format!("limit={limit}{sort}&marker={id}{back}")
        };
        let mut links = Vec::new();
        if let (Some(first), true) = (page.first(), marker.is_some()) {
            links.push(("previous", beside(text(first, "id"), true)));
        }
        if let Some(last) = page.last().filter(|_| page.len() >= limit) {
            links.push(("next", beside(text(last, "id"), false)));
        }
        let fields = query.fields();
        let items = page.iter().map(|object| {
            let mut view = self.view(kind, text(object, "id"));
            view.retain(|name, _| fields.is_empty() || fields.contains(name));
            view
        });
        Ok(LbPage {
            items: items.collect(),
            links,
        })
    }
}

fn limit(query: &Query) -> Result<usize, ApiError> {
    let Some(asked) = query.all("limit").next() else {
        return Ok(usize::MAX);
    };
    match asked.parse::<i64>() {
        Ok(number) if number < 1 => Ok(usize::MAX),
        Ok(number) => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
        Err(_) => Err(bad_request(format!(
            "Supplied pagination limit '{asked}' is not valid."
        ))),
    }
}

fn filters(kind: LbKind, query: &Query) -> Result<Vec<(&str, &str)>, ApiError> {
    let mut filters = Vec::new();
    for (name, value) in query.pairs() {
        let name = match name {
            "load_balancer_id" => "loadbalancer_id",
            name => name,
        };
        let parent = kind.parent_key() == Some(name);
        let tags = matches!(name, "tags" | "tags-any" | "not-tags" | "not-tags-any");
        let known = kind
            .attribute(name)
            .is_some_and(|attribute| attribute.shown);
        if RESERVED.contains(&name) {
            continue;
        }
        if !(parent || tags || known) {
            let words = "One or more arguments are either duplicate or invalid";
            return Err(bad_request(words));
        }
        filters.push((name, value));
    }
    Ok(filters)
}

fn holds(object: &Fields, name: &str, value: &str) -> bool {
    let has = |tag: &str| {
        items(object, "tags")
            .iter()
            .any(|item| item.as_str() == Some(tag))
    };
    match name {
        "tags" => value.split(',').all(has),
        "tags-any" => value.split(',').any(has),
        "not-tags" => !value.split(',').all(has),
        "not-tags-any" => !value.split(',').any(has),
        _ => match object.get(name) {
            Some(Value::Bool(flag)) => flag.to_string() == value.to_lowercase(),
            Some(actual) => plain(actual) == value,
            None => false,
        },
    }
}
