//! Reading attributes of an object.

use serde_json::Value;

use super::schema::Fields;

/// A string attribute, empty when there is none.
pub(crate) fn text<'a>(object: &'a Fields, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A boolean attribute, false when there is none.
pub(crate) fn flag(object: &Fields, name: &str) -> bool {
    object
        .get(name)
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

/// The items of a list attribute.
pub(crate) fn items<'a>(object: &'a Fields, name: &str) -> &'a [Value] {
    object
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// An attribute that was set to something other than null.
pub(crate) fn given<'a>(object: &'a Fields, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}
