//! Request bodies against the tables of [`super::schema`]. Words are those of Octavia's framework, WSME.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::super::{ApiError, Fields};
use super::error::{bad_request, invalid_field};
use super::schema::{Absent, Attribute, LbKind, Shape};
use crate::model::validate::plain;

/// The attributes of a new object: those asked for, checked, and the defaults of the others.
pub(super) fn for_post(kind: LbKind, asked: Fields) -> Result<Fields, ApiError> {
    checked(kind, asked, true)
}

/// The attributes of an object that is made with its parent. A pool may be named only.
fn for_nested(kind: LbKind, asked: Fields) -> Result<Fields, ApiError> {
    checked(kind, asked, kind != LbKind::Pool)
}

fn checked(kind: LbKind, asked: Fields, complete: bool) -> Result<Fields, ApiError> {
    verify_known(kind, &asked, |attribute| attribute.shape != Shape::Own)?;
    let mut fields = Fields::new();
    for attribute in kind.attributes() {
        let given = asked.get(attribute.name).filter(|value| !value.is_null());
        let value = match given {
            Some(value) => Some(attribute.check(value)?),
            None if attribute.absent == Absent::Refused && complete => {
                return Err(invalid_field(
                    attribute.name,
                    "None",
                    "Mandatory field missing.",
                ));
            }
            None => attribute.absent.value(),
        };
        if let Some(value) = value {
            fields.insert(attribute.name.to_owned(), value);
        }
    }
    Ok(fields)
}

/// The changes of a PUT, checked. Null is the default.
pub(super) fn for_put(kind: LbKind, asked: Fields) -> Result<Fields, ApiError> {
    verify_known(kind, &asked, |attribute| attribute.put)?;
    let mut changes = Fields::new();
    for (name, value) in asked {
        let Some(attribute) = kind.attribute(&name) else {
            continue;
        };
        let value = match value {
            Value::Null => attribute.absent.value().unwrap_or_default(),
            value => attribute.check(&value)?,
        };
        changes.insert(name, value);
    }
    Ok(changes)
}

fn verify_known(
    kind: LbKind,
    asked: &Fields,
    taken: impl Fn(&Attribute) -> bool,
) -> Result<(), ApiError> {
    let unknown = asked
        .keys()
        .find(|name| !kind.attribute(name).is_some_and(&taken));
    match unknown {
        None => Ok(()),
        Some(name) => Err(bad_request(format!(
            "Unknown attribute for argument {}.{}: {name}",
            kind.argument(),
            kind.singular(),
        ))),
    }
}

impl Attribute {
    fn check(&self, value: &Value) -> Result<Value, ApiError> {
        let wrong = |why: &str| invalid_field(self.name, &plain(value), why);
        match self.shape {
            Shape::Own => Ok(value.clone()),
            Shape::Text(longest) => match value.as_str() {
                None => Err(wrong("Value should be string")),
                Some(text) if text.chars().count() > longest => Err(wrong(&format!(
                    "Value should have a maximum character requirement of {longest}"
                ))),
                Some(_) => Ok(value.clone()),
            },
            Shape::Bool => boolean(value).ok_or_else(|| wrong("Unable to convert to bool.")),
            Shape::Int(least, most) => number(value, least, most).map_err(|why| wrong(&why)),
            Shape::OneOf(allowed) => match value.as_str() {
                Some(word) if allowed.contains(&word) => Ok(value.clone()),
                _ => Err(wrong(&format!(
                    "Value should be one of: {}",
                    allowed.join(", ")
                ))),
            },
            Shape::Uuid => match value.as_str().map(uuid::Uuid::parse_str) {
                Some(Ok(_)) => Ok(value.clone()),
                _ => Err(wrong("Value should be UUID format")),
            },
            Shape::Ip => match address(value) {
                Some(address) => Ok(json!(address.to_string())),
                None => Err(wrong("Value should be IPv4 or IPv6 format")),
            },
            Shape::Cidrs => {
                list(value, cidr).ok_or_else(|| wrong("Value should be IPv4 or IPv6 CIDR format"))
            }
            Shape::Tags => list(value, |tag| tag.is_string().then(|| tag.clone()))
                .ok_or_else(|| wrong("Value should be a list of strings")),
            Shape::Persistence => persistence(value),
            Shape::Vips => vips(value),
            Shape::New(kind) => nested(kind, value),
            Shape::News(kind) => {
                let items = value
                    .as_array()
                    .ok_or_else(|| wrong("Value should be a list"))?;
                let items: Result<Vec<_>, _> =
                    items.iter().map(|item| nested(kind, item)).collect();
                Ok(Value::Array(items?))
            }
        }
    }
}

fn nested(kind: LbKind, value: &Value) -> Result<Value, ApiError> {
    let fields = value.as_object().cloned();
    let fields = fields.ok_or_else(|| {
        invalid_field(kind.singular(), &plain(value), "Value should be an object")
    })?;
    for_nested(kind, fields).map(Value::Object)
}

fn boolean(value: &Value) -> Option<Value> {
    let word = plain(value).to_lowercase();
    match word.as_str() {
        "true" | "1" => Some(json!(true)),
        "false" | "0" => Some(json!(false)),
        _ => None,
    }
}

fn number(value: &Value, least: i64, most: i64) -> Result<Value, String> {
    let number = value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    match number {
        None => Err("Value is not an integer".to_owned()),
        Some(number) if number < least => {
            Err(format!("Value should be greater or equal to {least}"))
        }
        Some(number) if number > most => Err(format!("Value should be lower or equal to {most}")),
        Some(number) => Ok(json!(number)),
    }
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

fn cidr(value: &Value) -> Option<Value> {
    let text = value.as_str()?;
    let net = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    Some(json!(net.trunc().to_string()))
}

fn list(value: &Value, item: impl Fn(&Value) -> Option<Value>) -> Option<Value> {
    let items: Option<Vec<_>> = value.as_array()?.iter().map(item).collect();
    Some(Value::Array(items?))
}

const PERSISTENCE: &[&str] = &["APP_COOKIE", "HTTP_COOKIE", "SOURCE_IP"];

fn persistence(value: &Value) -> Result<Value, ApiError> {
    let kind = value.get("type").unwrap_or(&Value::Null);
    if !PERSISTENCE.iter().any(|word| kind.as_str() == Some(*word)) {
        let why = match kind {
            Value::Null => "Mandatory field missing.".to_owned(),
            _ => format!("Value should be one of: {}", PERSISTENCE.join(", ")),
        };
        return Err(invalid_field("type", &plain(kind), why));
    }
    let part = |name: &str| value.get(name).cloned().unwrap_or_default();
    Ok(json!({
        "type": kind,
        "cookie_name": part("cookie_name"),
        "persistence_timeout": part("persistence_timeout"),
        "persistence_granularity": part("persistence_granularity"),
    }))
}

fn vips(value: &Value) -> Result<Value, ApiError> {
    let wrong = |field, why| invalid_field(field, &plain(value), why);
    let items = value
        .as_array()
        .ok_or_else(|| wrong("additional_vips", "Value should be a list"))?;
    let mut checked = Vec::new();
    for item in items {
        let Some(subnet) = item.get("subnet_id").and_then(Value::as_str) else {
            return Err(invalid_field(
                "subnet_id",
                "None",
                "Mandatory field missing.",
            ));
        };
        let asked = item.get("ip_address").filter(|value| !value.is_null());
        if asked.is_some_and(|value| address(value).is_none()) {
            return Err(wrong("ip_address", "Value should be IPv4 or IPv6 format"));
        }
        checked.push(json!({"subnet_id": subnet, "ip_address": asked}));
    }
    Ok(Value::Array(checked))
}
