//! Request bodies against the tables of [`super::schema`]: defaults, required attributes, types.
//!
//! The order of the checks is Neutron's (project, unknown names, POST defaults, conversion, policy), because the
//! first failure is the one that is answered.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::ApiError;
use super::Caller;
use super::schema::{Access, Attribute, Fields, Kind, Post, Shape};

/// The attributes of a new object: those asked for, checked and converted, and the defaults of the others.
pub(super) fn for_post(caller: &Caller, kind: Kind, mut asked: Fields) -> Result<Fields, ApiError> {
    populate_project(caller, &mut asked)?;
    let tags = (kind == Kind::Port).then(|| asked.remove("tags")).flatten();
    verify_known(kind, &asked)?;
    for attribute in kind.attributes() {
        match (attribute.post, asked.contains_key(attribute.name)) {
            (Post::Refused, true) => {
                return Err(ApiError::bad_request(format!(
                    "Attribute '{}' not allowed in POST",
                    attribute.name
                )));
            }
            (Post::Required, false) => {
                let message = format!(
                    "Failed to parse request. Required attribute '{}' not specified",
                    attribute.name
                );
                return Err(ApiError::bad_request(message));
            }
            _ => {}
        }
    }
    convert(kind, &mut asked)?;
    check_policy(caller, kind, &asked, "create")?;
    for attribute in kind.attributes() {
        if let (false, Some(value)) = (asked.contains_key(attribute.name), attribute.post.value()) {
            asked.insert(attribute.name.to_owned(), value);
        }
    }
    if let Some(tags) = tags {
        let wrong =
            |reason| ApiError::bad_request(format!("Invalid input for tags. Reason: {reason}."));
        asked.insert("tags".to_owned(), check_tags(&tags).map_err(wrong)?);
    }
    Ok(asked)
}

/// The changes of a PUT, checked and converted.
pub(super) fn for_put(caller: &Caller, kind: Kind, mut asked: Fields) -> Result<Fields, ApiError> {
    verify_known(kind, &asked)?;
    for attribute in kind.attributes() {
        if !attribute.put && asked.contains_key(attribute.name) {
            return Err(ApiError::bad_request(format!(
                "Cannot update read-only attribute {}",
                attribute.name
            )));
        }
    }
    convert(kind, &mut asked)?;
    check_policy(caller, kind, &asked, "update")?;
    Ok(asked)
}

/// Tags as a list of distinct strings, or what is wrong with them.
pub(super) fn check_tags(tags: &Value) -> Result<Value, String> {
    let items = tags
        .as_array()
        .ok_or_else(|| format!("'{}' is not a list", plain(tags)))?;
    for (at, item) in items.iter().enumerate() {
        if item.as_str().is_none_or(|tag| tag.len() > 255) {
            return Err(format!("'{}' is not a valid string", plain(item)));
        }
        if items[..at].contains(item) {
            return Err(format!("Duplicate items in the list: '{}'", plain(item)));
        }
    }
    Ok(tags.clone())
}

fn populate_project(caller: &Caller, asked: &mut Fields) -> Result<(), ApiError> {
    let owner = asked
        .get("project_id")
        .or_else(|| asked.get("tenant_id"))
        .cloned();
    let owner = owner.unwrap_or_else(|| json!(caller.project_id));
    if owner != json!(caller.project_id) && !caller.admin {
        let message = "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires \
                       admin or advsvc privileges";
        return Err(ApiError::bad_request(message));
    }
    asked.insert("tenant_id".to_owned(), owner.clone());
    asked.insert("project_id".to_owned(), owner);
    Ok(())
}

fn verify_known(kind: Kind, asked: &Fields) -> Result<(), ApiError> {
    let unknown: Vec<&str> = asked
        .keys()
        .map(String::as_str)
        .filter(|name| kind.attribute(name).is_none())
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "Unrecognized attribute(s) '{}'",
        unknown.join(", ")
    )))
}

fn check_policy(caller: &Caller, kind: Kind, asked: &Fields, verb: &str) -> Result<(), ApiError> {
    if caller.admin {
        return Ok(());
    }
    let action = format!("{verb}_{}", kind.singular());
    for attribute in kind.attributes() {
        let Some(value) = asked.get(attribute.name) else {
            continue;
        };
        let at_default = verb == "create" && attribute.post.value().as_ref() == Some(value);
        let own_mac = verb == "update" && attribute.name == "mac_address";
        if (attribute.access != Access::Members && !at_default) || own_mac {
            return Err(ApiError::forbidden(format!(
                "(rule:{action} and rule:{action}:{})",
                attribute.name
            )));
        }
    }
    Ok(())
}

fn convert(kind: Kind, asked: &mut Fields) -> Result<(), ApiError> {
    for attribute in kind.attributes() {
        if let Some(value) = asked.get_mut(attribute.name) {
            *value = attribute.check(value)?;
        }
    }
    Ok(())
}

impl Attribute {
    /// The value as it is kept, or the refusal that Neutron answers.
    fn check(&self, value: &Value) -> Result<Value, ApiError> {
        let wrong = |reason: String| {
            ApiError::bad_request(format!(
                "Invalid input for {}. Reason: {reason}.",
                self.name
            ))
        };
        let shown = plain(value);
        match self.shape {
            Shape::Any => Ok(value.clone()),
            Shape::Text(longest) => text(value, longest).map_err(wrong),
            Shape::Bool => to_bool(value).map(Value::from),
            Shape::Int => to_int(value).map(Value::from),
            Shape::IntOrNull if value.is_null() => Ok(Value::Null),
            Shape::IntOrNull => to_int(value).map(Value::from),
            Shape::OneOf(allowed) if value.as_str().is_some_and(|text| allowed.contains(&text)) => {
                Ok(value.clone())
            }
            Shape::OneOf(_) => Err(wrong(format!("{shown} is not in valid_values"))),
            Shape::IpVersion => match to_int(value)? {
                version @ (4 | 6) => Ok(json!(version)),
                other => Err(wrong(format!("{other} is not in valid_values"))),
            },
            Shape::UuidOrNull | Shape::IpOrNull if value.is_null() => Ok(Value::Null),
            Shape::Uuid | Shape::UuidOrNull => uuid(value).map_err(wrong),
            Shape::Uuids => each(value, uuid).map_err(wrong),
            Shape::Cidr => cidr(value)
                .map_err(|_| ApiError::invalid_input(format!("{shown} is not in a CIDR format"))),
            Shape::Cidrs => each(value, cidr).map_err(wrong),
            Shape::IpOrNull => ip(value).map_err(wrong),
            Shape::Mac => mac(value).map_err(wrong),
            Shape::FixedIps => each(value, fixed_ip).map_err(wrong),
            Shape::AddressPairs => each(value, address_pair).map_err(wrong),
            Shape::List if value.is_array() => Ok(value.clone()),
            Shape::List => Err(wrong(format!("'{shown}' is not a list"))),
            Shape::Object if value.is_object() || value.is_null() => Ok(value.clone()),
            Shape::Object => Err(wrong(format!("'{shown}' is not a dictionary"))),
        }
    }
}

/// A boolean as Neutron converts it.
pub(super) fn to_bool(value: &Value) -> Result<bool, ApiError> {
    match plain(value).to_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ApiError::invalid_input(format!(
            "'{}' cannot be converted to boolean",
            plain(value)
        ))),
    }
}

fn to_int(value: &Value) -> Result<i64, ApiError> {
    let number = value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.ok_or_else(|| ApiError::invalid_input(format!("'{}' is not an integer", plain(value))))
}

fn text(value: &Value, longest: usize) -> Result<Value, String> {
    match value.as_str() {
        None => Err(format!("'{}' is not a valid string", plain(value))),
        Some(text) if text.chars().count() > longest => {
            Err(format!("'{text}' exceeds maximum length of {longest}"))
        }
        Some(_) => Ok(value.clone()),
    }
}

fn uuid(value: &Value) -> Result<Value, String> {
    match value.as_str().and_then(|text| Uuid::parse_str(text).ok()) {
        Some(_) => Ok(value.clone()),
        None => Err(format!("'{}' is not a valid UUID", plain(value))),
    }
}

fn cidr(value: &Value) -> Result<Value, String> {
    match value.as_str().and_then(|text| text.parse::<IpNet>().ok()) {
        Some(net) => Ok(json!(net.trunc().to_string())),
        None => Err(format!("'{}' is not a valid IP subnet", plain(value))),
    }
}

fn ip(value: &Value) -> Result<Value, String> {
    match value.as_str().and_then(|text| text.parse::<IpAddr>().ok()) {
        Some(address) => Ok(json!(address.to_string())),
        None => Err(format!("'{}' is not a valid IP address", plain(value))),
    }
}

fn mac(value: &Value) -> Result<Value, String> {
    let parts: Vec<&str> = value.as_str().unwrap_or_default().split(':').collect();
    let well_formed = parts.len() == 6
        && parts
            .iter()
            .all(|part| part.len() == 2 && u8::from_str_radix(part, 16).is_ok());
    match well_formed {
        true => Ok(json!(plain(value).to_lowercase())),
        false => Err(format!("'{}' is not a valid MAC address", plain(value))),
    }
}

fn each(value: &Value, check: impl Fn(&Value) -> Result<Value, String>) -> Result<Value, String> {
    let items = value
        .as_array()
        .ok_or_else(|| format!("'{}' is not a list", plain(value)))?;
    Ok(Value::Array(
        items.iter().map(check).collect::<Result<_, _>>()?,
    ))
}

fn fixed_ip(value: &Value) -> Result<Value, String> {
    let fields = value
        .as_object()
        .ok_or_else(|| format!("Invalid data format for fixed IP: '{}'", plain(value)))?;
    let mut checked = Fields::new();
    for (name, value) in fields {
        let value = match name.as_str() {
            "subnet_id" => uuid(value)?,
            "ip_address" => ip(value)?,
            _ => return Err(format!("Unexpected keys supplied: {name}")),
        };
        checked.insert(name.clone(), value);
    }
    Ok(Value::Object(checked))
}

fn address_pair(value: &Value) -> Result<Value, String> {
    let mut fields = value
        .as_object()
        .ok_or_else(|| format!("'{}' is not a dictionary", plain(value)))?
        .clone();
    let address = fields
        .get("ip_address")
        .ok_or("AllowedAddressPair must contain ip_address")?;
    let address = ip(address).or_else(|_| cidr(address))?;
    if let Some(given) = fields.get("mac_address") {
        let given = mac(given)?;
        fields.insert("mac_address".to_owned(), given);
    }
    fields.insert("ip_address".to_owned(), address);
    Ok(Value::Object(fields))
}

/// A value as Python's `str()` shows it inside a message.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => python(other),
    }
}

/// A value as Python's `repr()` shows it.
pub(super) fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("'{text}'"),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(python).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(fields) => {
            let pairs = fields
                .iter()
                .map(|(name, value)| format!("'{name}': {}", python(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}
