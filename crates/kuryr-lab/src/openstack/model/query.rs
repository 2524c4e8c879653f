//! Lists: filters, fields, sorting, paging; and what of an object a caller gets to see.

use serde_json::{Value, json};

use super::super::ApiError;
use super::schema::{Access, Attribute, Fields, Kind, Shape};
use super::validate::{plain, to_bool};
use super::{Caller, Cloud, flag, items, text};

/// Parameters of a list that aren't filters.
const RESERVED: &[&str] = &[
    "fields",
    "sort_key",
    "sort_dir",
    "limit",
    "marker",
    "page_reverse",
];
const TAG_FILTERS: &[&str] = &["tags", "tags-any", "not-tags", "not-tags-any"];

/// The parameters of a request, in order, as pairs of name and value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The objects.
    pub items: Vec<Fields>,
    /// Pages beside it: relation (`next`, `previous`) and query; empty without a limit.
    pub links: Vec<(&'static str, Query)>,
}

impl Query {
    /// Parses a query string.
    pub fn parse(query: &str) -> Self {
        Self(
            url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// The query string again.
    pub fn encode(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
            .replace("%3A", ":")
    }

    /// Values of a parameter, without the empty ones.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The fields asked for; empty means all.
    pub fn fields(&self) -> Vec<String> {
        self.all("fields").map(str::to_owned).collect()
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.0 {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    fn limit(&self) -> Result<Option<usize>, ApiError> {
        let Some(limit) = self.all("limit").next() else {
            return Ok(None);
        };
        match limit.parse::<usize>() {
            Ok(0) => Ok(None),
            Ok(limit) => Ok(Some(limit)),
            Err(_) => {
                let reason = format!("Limit must be an integer 0 or greater and not '{limit}'");
                Err(ApiError::bad_resource("limit", reason))
            }
        }
    }

    fn reversed(&self) -> bool {
        self.all("page_reverse")
            .next()
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn beside(&self, marker: Option<&str>, reverse: bool) -> Self {
        let kept = self
            .0
            .iter()
            .filter(|(name, _)| name != "marker" && name != "page_reverse")
            .cloned();
        let mut query: Vec<_> = kept.collect();
        query.extend(marker.map(|marker| ("marker".to_owned(), marker.to_owned())));
        if reverse {
            query.push(("page_reverse".to_owned(), "True".to_owned()));
        }
        Self(query)
    }
}

/// One condition on an object.
enum Condition<'a> {
    OneOf(&'static Attribute, Vec<Value>),
    Tags(&'a str, Vec<&'a str>),
    FixedIp(&'a str, Vec<&'a str>),
    Members(&'static Attribute, Vec<&'a str>),
}

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
        let mut found: Vec<&Fields> = self
            .candidates(kind, query)
            .filter(|object| self.may_see(caller, kind, object))
            .filter(|object| conditions.iter().all(|condition| condition.holds(object)))
            .collect();
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

    /// The objects worth testing: those named by `id` where ids are given, else all.
    fn candidates<'a>(
        &'a self,
        kind: Kind,
        query: &'a Query,
    ) -> Box<dyn Iterator<Item = &'a Fields> + 'a> {
        let mut ids: Vec<&str> = query.all("id").collect();
        if ids.is_empty() {
            return Box::new(self.table(kind).map(|(_, object)| object));
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
            Kind::Subnet | Kind::SubnetPool | Kind::SecurityGroupRule | Kind::Router => &[],
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

fn conditions<'a>(kind: Kind, query: &'a Query) -> Result<Vec<Condition<'a>>, ApiError> {
    let mut conditions = Vec::new();
    let mut unknown = Vec::new();
    for name in query.names() {
        if RESERVED.contains(&name) {
            continue;
        }
        if let Some(filter) = TAG_FILTERS.iter().find(|filter| **filter == name) {
            let tags: Vec<&str> = query
                .all(filter)
                .flat_map(|value| value.split(','))
                .collect();
            conditions.push(Condition::Tags(filter, tags));
            continue;
        }
        let Some(attribute) = kind.attribute(name).filter(|attribute| attribute.filter) else {
            unknown.push(format!("'{name}'"));
            continue;
        };
        let values: Vec<&str> = query.all(name).collect();
        if !values.is_empty() {
            conditions.extend(on_attribute(attribute, values)?);
        }
    }
    if unknown.is_empty() {
        return Ok(conditions);
    }
    Err(ApiError::bad_request(format!(
        "[{}] is invalid attribute for filtering",
        unknown.join(", ")
    )))
}

fn on_attribute<'a>(
    attribute: &'static Attribute,
    values: Vec<&'a str>,
) -> Result<Vec<Condition<'a>>, ApiError> {
    match attribute.shape {
        Shape::FixedIps => fixed_ip_conditions(&values),
        Shape::Uuids => Ok(vec![Condition::Members(attribute, values)]),
        Shape::Bool => {
            let flags = values
                .into_iter()
                .map(|value| to_bool(&json!(value)).map(Value::from));
            Ok(vec![Condition::OneOf(
                attribute,
                flags.collect::<Result<_, _>>()?,
            )])
        }
        _ => Ok(vec![Condition::OneOf(
            attribute,
            values.into_iter().map(Value::from).collect(),
        )]),
    }
}

/// `fixed_ips=key=value`: values of one key are alternatives, keys must all hold. Unknown keys select nothing away.
fn fixed_ip_conditions<'a>(values: &[&'a str]) -> Result<Vec<Condition<'a>>, ApiError> {
    let mut conditions: Vec<Condition<'a>> = Vec::new();
    for pair in values {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(ApiError::invalid_input(format!(
                "'{pair}' is not of the form <key>=[value]"
            )));
        };
        if !["ip_address", "ip_address_substr", "subnet_id"].contains(&key) {
            continue;
        }
        let same = conditions.iter_mut().find_map(|condition| match condition {
            Condition::FixedIp(known, values) if *known == key => Some(values),
            _ => None,
        });
        match same {
            Some(values) => values.push(value),
            None => conditions.push(Condition::FixedIp(key, vec![value])),
        }
    }
    Ok(conditions)
}

impl Condition<'_> {
    fn holds(&self, object: &Fields) -> bool {
        match self {
            Self::OneOf(attribute, values) => {
                let Some(actual) = object.get(attribute.name) else {
                    return false;
                };
                values
                    .iter()
                    .any(|value| actual == value || plain(actual) == plain(value))
            }
            Self::Members(attribute, values) => items(object, attribute.name)
                .iter()
                .any(|item| item.as_str().is_some_and(|id| values.contains(&id))),
            Self::FixedIp(key, values) => items(object, "fixed_ips").iter().any(|fixed| {
                let attribute = key.trim_end_matches("_substr");
                let actual = fixed
                    .get(attribute)
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                values.iter().any(|value| {
                    if *key == attribute {
                        actual == *value
                    } else {
                        actual.contains(value)
                    }
                })
            }),
            Self::Tags(filter, tags) => {
                let has = |tag: &&str| {
                    items(object, "tags")
                        .iter()
                        .any(|item| item.as_str() == Some(*tag))
                };
                match *filter {
                    "tags" => tags.iter().all(has),
                    "tags-any" => tags.iter().any(has),
                    "not-tags" => !tags.iter().all(has),
                    _ => !tags.iter().any(has),
                }
            }
        }
    }
}

fn order<'a>(kind: Kind, query: &'a Query) -> Result<Vec<(&'a str, bool)>, ApiError> {
    let keys: Vec<&str> = query.all("sort_key").collect();
    let directions: Vec<&str> = query.all("sort_dir").collect();
    if keys.len() != directions.len() {
        return Err(ApiError::bad_request(
            "The number of sort_keys and sort_dirs must be same",
        ));
    }
    if let Some(unknown) = keys.iter().find(|key| kind.attribute(key).is_none()) {
        return Err(ApiError::bad_request(format!(
            "['{unknown}'] is invalid attribute for sort_keys"
        )));
    }
    if let Some(unknown) = directions
        .iter()
        .find(|direction| !["asc", "desc"].contains(direction))
    {
        let message = format!(
            "['{unknown}'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'"
        );
        return Err(ApiError::bad_request(message));
    }
    Ok(keys
        .into_iter()
        .zip(directions.into_iter().map(|direction| direction == "asc"))
        .collect())
}

/// A key by which values of one attribute sort: numbers by value, the rest as text.
fn sortable(value: Option<&Value>) -> (i64, String) {
    match value {
        Some(Value::Number(number)) => (number.as_i64().unwrap_or_default(), String::new()),
        Some(other) => (0, plain(other)),
        None => (i64::MIN, String::new()),
    }
}
