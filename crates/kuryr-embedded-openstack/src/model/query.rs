//! Lists: filters, fields, sorting, paging; and what of an object a caller gets to see.

use serde_json::{Value, json};

use super::super::ApiError;
use super::items;
use super::schema::{Attribute, Fields, Kind, Shape};
use super::validate::{plain, to_bool};

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
    }

    /// Values of a parameter, without the empty ones.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// All parameters that have a value, in order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let given = self.0.iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (name.as_str(), value.as_str()))
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

    pub(super) fn limit(&self) -> Result<Option<usize>, ApiError> {
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

    pub(super) fn reversed(&self) -> bool {
        self.all("page_reverse")
            .next()
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn beside(&self, marker: Option<&str>, reverse: bool) -> Self {
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
pub(super) enum Condition<'a> {
    OneOf(&'static Attribute, Vec<Value>),
    Tags(&'a str, Vec<&'a str>),
    FixedIp(&'a str, Vec<&'a str>),
    Members(&'static Attribute, Vec<&'a str>),
}

pub(super) fn conditions<'a>(kind: Kind, query: &'a Query) -> Result<Vec<Condition<'a>>, ApiError> {
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
    pub(super) fn holds(&self, object: &Fields) -> bool {
        match self {
            Self::OneOf(attribute, values) => {
                let Some(actual) = object.get(attribute.name) else {
                    return false;
                };
                let same = |value: &Value| match (actual, value) {
                    (Value::String(actual), Value::String(value)) => actual == value,
                    _ => actual == value || plain(actual) == plain(value),
                };
                values.iter().any(same)
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

pub(super) fn order(kind: Kind, query: &Query) -> Result<Vec<(&str, bool)>, ApiError> {
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
pub(super) fn sortable(value: Option<&Value>) -> (i64, String) {
    match value {
        Some(Value::Number(number)) => (number.as_i64().unwrap_or_default(), String::new()),
        Some(other) => (0, plain(other)),
        None => (i64::MIN, String::new()),
    }
}
