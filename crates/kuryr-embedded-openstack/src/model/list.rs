//! Lists, pages, and what of an object a caller gets to see.

use std::ops::Bound;

use serde_json::{Value, json};

use super::super::ApiError;
use super::query::{Page, Query, conditions, order, sortable};
use super::schema::{Access, Fields, Kind};
use super::{Caller, Cloud, flag, text};

impl Cloud {
    /// Lists the objects of a kind that the caller sees and the query selects.
    ///
    /// # Errors
    /// 400 for a filter, sort key or limit that Neutron doesn't know; 404 for an unknown marker.
    pub fn list(&mut self, caller: &Caller, kind: Kind, query: &Query) -> Result<Page, ApiError> {
        if kind == Kind::SecurityGroup {
            self.default_security_group(&caller.project_id.clone());
        }
        let conditions = conditions(kind, query)?;
        let order = order(kind, query)?;
        let limit = query.limit()?;
        let page = self.start_of_page(kind, query, &order, limit)?;
        let selected = self
            .candidates(kind, query, page.map_or("", |(marker, _)| marker))
            .filter(|object| self.may_see(caller, kind, object))
            .filter(|object| conditions.iter().all(|condition| condition.holds(object)));
        // One more, since the marker is among them.
        let mut found: Vec<&Fields> = match page {
            Some((_, limit)) => selected.take(limit.saturating_add(1)).collect(),
            None => selected.collect(),
        };
        for (key, ascending) in order.iter().rev() {
            found.sort_by(|left, right| {
                let ordering = sortable(left.get(*key)).cmp(&sortable(right.get(*key)));
                if *ascending {
                    ordering
                } else {
                    ordering.reverse()
                }
            });
        }
        let ids: Vec<String> = found
            .iter()
            .map(|object| text(object, "id").to_owned())
            .collect();
        let (ids, links) = self.page(kind, query, ids, limit)?;
        let fields = query.fields();
        let items = ids
            .iter()
            .map(|id| self.view(caller, kind, id, &fields))
            .collect::<Result<_, _>>()?;
        Ok(Page { items, links })
    }

    /// A page's marker and length, if it is one of a list that goes forward in the order of
    /// ids: it is found without a look at what is before and after it.
    fn start_of_page<'a>(
        &self,
        kind: Kind,
        query: &'a Query,
        order: &[(&str, bool)],
        limit: Option<usize>,
    ) -> Result<Option<(&'a str, usize)>, ApiError> {
        let Some(limit) = limit.filter(|_| order.is_empty() && !query.reversed()) else {
            return Ok(None);
        };
        let marker = query.all("marker").next();
        match marker.filter(|marker| self.get(kind, marker).is_none()) {
            Some(missing) => Err(kind.not_found(missing)),
            None => Ok(Some((marker.unwrap_or_default(), limit))),
        }
    }

    /// The objects worth testing, from an id on: those named by `id` where ids are given,
    /// else all.
    fn candidates<'a>(
        &'a self,
        kind: Kind,
        query: &'a Query,
        from: &'a str,
    ) -> Box<dyn Iterator<Item = &'a Fields> + 'a> {
        let mut ids: Vec<&str> = query.all("id").filter(|id| *id >= from).collect();
        if query.all("id").next().is_none() {
            let table = self.tables.get(&kind).into_iter();
            let range = (Bound::Included(from), Bound::Unbounded);
            let objects = table.flat_map(move |table| table.range::<str, _>(range));
            return Box::new(objects.map(|(_, object)| object));
        }
        ids.sort_unstable();
        ids.dedup();
        Box::new(ids.into_iter().filter_map(move |id| self.get(kind, id)))
    }

    #[allow(clippy::type_complexity)]
    fn page(
        &self,
        kind: Kind,
        query: &Query,
        ids: Vec<String>,
        limit: Option<usize>,
    ) -> Result<(Vec<String>, Vec<(&'static str, Query)>), ApiError> {
        let Some(limit) = limit else {
            return Ok((ids, Vec::new()));
        };
        let reverse = query.reversed();
        let marker = query.all("marker").next();
        if let Some(missing) = marker.filter(|marker| self.get(kind, marker).is_none()) {
            return Err(kind.not_found(missing));
        }
        let at = marker.and_then(|marker| ids.iter().position(|id| id == marker));
        let range = match (reverse, at) {
            (false, Some(at)) => at + 1..(at + 1 + limit).min(ids.len()),
            (false, None) => 0..limit.min(ids.len()),
            (true, Some(at)) => at.saturating_sub(limit)..at,
            (true, None) => ids.len().saturating_sub(limit)..ids.len(),
        };
        let page = ids[range].to_vec();
        let short = page.len() < limit;
        let mut links = Vec::new();
        if !short || reverse {
            links.push(("next", query.beside(page.last().map(String::as_str), false)));
        }
        if !short || !reverse {
            links.push((
                "previous",
                query.beside(page.first().map(String::as_str), true),
            ));
        }
        Ok((page, links))
    }

    /// An object as the caller sees it, with what is computed from others.
    pub(super) fn view(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        fields: &[String],
    ) -> Result<Fields, ApiError> {
        let object = self.get(kind, id).ok_or_else(|| kind.not_found(id))?;
        let wanted = |name: &str| fields.is_empty() || fields.iter().any(|field| field == name);
        let mut view = Fields::new();
        for attribute in kind.attributes() {
            let internal = attribute.name == "is_default"
                && kind == Kind::Network
                && !flag(object, "router:external");
            let hidden = internal || (attribute.access == Access::AdminOnly && !caller.admin);
            if let (false, true, Some(value)) =
                (hidden, wanted(attribute.name), object.get(attribute.name))
            {
                view.insert(attribute.name.to_owned(), value.clone());
            }
        }
        let computed: &[&str] = match kind {
            Kind::Network => &["subnets"],
            Kind::Port => &["dns_assignment", "trunk_details"],
            Kind::Trunk => &["sub_ports"],
            Kind::SecurityGroup => &["security_group_rules"],
            Kind::Subnet
            | Kind::SubnetPool
            | Kind::SecurityGroupRule
            | Kind::Router
            | Kind::FloatingIp => &[],
        };
        for name in computed.iter().filter(|name| wanted(name)) {
            if let Some(value) = self.computed(caller, kind, id, object, name)? {
                view.insert((*name).to_owned(), value);
            }
        }
        Ok(view)
    }

    fn computed(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &str,
        object: &Fields,
        name: &str,
    ) -> Result<Option<Value>, ApiError> {
        Ok(match (kind, name) {
            (Kind::Network, _) => Some(json!(self.subnets_of(id))),
            (Kind::Port, "dns_assignment") => Some(super::port::dns_assignment(object)),
            (Kind::Port, _) => self.trunk_details(id),
            (Kind::Trunk, _) => Some(self.sub_ports(id)),
            (Kind::SecurityGroup, _) => {
                let rules = self
                    .rules_of(id)
                    .map(|rule| self.view(caller, Kind::SecurityGroupRule, rule, &[]));
                Some(json!(rules.collect::<Result<Vec<_>, _>>()?))
            }
            _ => None,
        })
    }
}
