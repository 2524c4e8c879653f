//! Validation of a value by a schema. Wording follows k8s.io/kube-openapi `pkg/validation`.

use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::format;
use crate::model::error::FieldError;

pub(super) struct Validator<'a> {
    pub(super) patterns: &'a HashMap<String, Regex>,
}

impl Validator<'_> {
    /// Adds to `errors` every rule of `schema` that `value` breaks.
    pub(super) fn check(
        &self,
        value: &Value,
        schema: &Value,
        path: &str,
        errors: &mut Vec<FieldError>,
    ) {
        if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
            return;
        }
        if let Some(error) = wrong_type(value, schema, path) {
            errors.push(error);
            return;
        }
        if let Some(Value::Array(allowed)) = schema.get("enum")
            && !allowed.contains(value)
        {
            errors.push(FieldError::unsupported(path, value, allowed));
        }
        match value {
            Value::String(text) => self.check_string(text, value, schema, path, errors),
            Value::Number(_) => check_number(value, schema, path, errors),
            Value::Array(items) => self.check_array(items, schema, path, errors),
            Value::Object(fields) => self.check_object(fields, value, schema, path, errors),
            Value::Bool(_) | Value::Null => {}
        }
        self.check_combined(value, schema, path, errors);
    }

    fn check_string(
        &self,
        text: &str,
        value: &Value,
        schema: &Value,
        path: &str,
        errors: &mut Vec<FieldError>,
    ) {
        let mut refuse = |detail: String| {
            errors.push(FieldError::invalid(
                path,
                value,
                &format!("{path} in body {detail}"),
            ));
        };
        let length = text.chars().count() as u64;
        if let Some(least) = limit(schema, "minLength").filter(|least| length < *least) {
            refuse(format!("should be at least {least} chars long"));
        }
        if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
            refuse(format!("should be at most {most} chars long"));
        }
        if let Some(Value::String(pattern)) = schema.get("pattern")
            && !self
                .patterns
                .get(pattern)
                .is_some_and(|regex| regex.is_match(text))
        {
            refuse(format!("should match '{pattern}'"));
        }
        if let Some(Value::String(name)) = schema.get("format")
            && !format::fits(name, text)
        {
            refuse(format!("must be of type {name}: {value}"));
        }
    }

    fn check_array(
        &self,
        items: &[Value],
        schema: &Value,
        path: &str,
        errors: &mut Vec<FieldError>,
    ) {
        if let Some(schema) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.check(item, schema, &format!("{path}[{index}]"), errors);
            }
        }
        let count = items.len() as u64;
        let mut refuse = |detail: String| {
            errors.push(FieldError::invalid(
                path,
                &Value::from(count),
                &format!("{path} in body {detail}"),
            ));
        };
        if let Some(least) = limit(schema, "minItems").filter(|least| count < *least) {
            refuse(format!("should have at least {least} items"));
        }
        if let Some(most) = limit(schema, "maxItems").filter(|most| count > *most) {
            refuse(format!("should have at most {most} items"));
        }
        self.check_keys(items, schema, path, errors);
    }

    /// No two items of a set, or of a map by its keys, may be equal.
    fn check_keys(
        &self,
        items: &[Value],
        schema: &Value,
        path: &str,
        errors: &mut Vec<FieldError>,
    ) {
        let keys: Option<&Vec<Value>> = match schema.get("x-kubernetes-list-type") {
            Some(kind) if kind == "set" => None,
            Some(kind) if kind == "map" => schema
                .get("x-kubernetes-list-map-keys")
                .and_then(Value::as_array),
            _ => return,
        };
        let identity = |item: &Value| -> Value {
            let Some(keys) = keys else {
                return item.clone();
            };
            let keys = keys.iter().filter_map(Value::as_str);
            let pick = |key: &str| (key.to_owned(), item.get(key).cloned().unwrap_or_default());
            Value::Object(keys.map(pick).collect())
        };
        let mut seen = Vec::new();
        for (index, item) in items.iter().map(identity).enumerate() {
            if seen.contains(&item) {
                errors.push(FieldError::duplicate(format!("{path}[{index}]"), &item));
            }
            seen.push(item);
        }
    }

    fn check_object(
        &self,
        fields: &Map<String, Value>,
        value: &Value,
        schema: &Value,
        path: &str,
        errors: &mut Vec<FieldError>,
    ) {
        let at = |key: &str| match path {
            "" => key.to_owned(),
            _ => format!("{path}.{key}"),
        };
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(key) {
                errors.push(FieldError::required(at(key), ""));
            }
        }
        let count = fields.len() as u64;
        let mut refuse = |detail: String| {
            errors.push(FieldError::invalid(
                path,
                value,
                &format!("{path} in body {detail}"),
            ));
        };
        if let Some(least) = limit(schema, "minProperties").filter(|least| count < *least) {
            refuse(format!("should have at least {least} properties"));
        }
        if let Some(most) = limit(schema, "maxProperties").filter(|most| count > *most) {
            refuse(format!("should have at most {most} properties"));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema
            .get("additionalProperties")
            .filter(|others| others.is_object());
        for (key, value) in fields {
            let known = properties.and_then(|properties| properties.get(key));
            if let Some(schema) = known.or(others) {
                self.check(value, schema, &at(key), errors);
            }
        }
    }

    fn check_combined(
        &self,
        value: &Value,
        schema: &Value,
        path: &str,
        errors: &mut Vec<FieldError>,
    ) {
        let alternatives = |name: &str| schema.get(name).and_then(Value::as_array);
        for schema in alternatives("allOf").into_iter().flatten() {
            self.check(value, schema, path, errors);
        }
        let mut refuse = |detail: &str| {
            errors.push(FieldError::invalid(
                path,
                value,
                &format!("{path} in body {detail}"),
            ));
        };
        if let Some(any) = alternatives("anyOf")
            && !any.iter().any(|schema| self.fits(value, schema))
        {
            refuse("must validate at least one schema (anyOf)");
        }
        if let Some(one) = alternatives("oneOf")
            && one.iter().filter(|schema| self.fits(value, schema)).count() != 1
        {
            refuse("must validate one and only one schema (oneOf)");
        }
        if schema
            .get("not")
            .is_some_and(|schema| self.fits(value, schema))
        {
            refuse("must not validate the schema (not)");
        }
    }

    fn fits(&self, value: &Value, schema: &Value) -> bool {
        let mut errors = Vec::new();
        self.check(value, schema, "", &mut errors);
        errors.is_empty()
    }
}

fn limit(schema: &Value, name: &str) -> Option<u64> {
    schema.get(name)?.as_u64()
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong_type(value: &Value, schema: &Value, path: &str) -> Option<FieldError> {
    let found = type_name(value);
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        let fits = matches!(found, "integer" | "string");
        let detail = format!("{path} in body must be of type integer,string: \"{found}\"");
        return (!fits).then(|| FieldError::wrong_type(path, found, &detail));
    }
    let wanted = schema.get("type")?.as_str()?;
    let whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
    let fits = match wanted {
        "number" => value.is_number(),
        "integer" => found == "integer" || (found == "number" && whole),
        other => other == found,
    };
    let detail = format!("{path} in body must be of type {wanted}: \"{found}\"");
    (!fits).then(|| FieldError::wrong_type(path, found, &detail))
}

fn check_number(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(number) = value.as_f64() else { return };
    let exclusive = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    let mut refuse = |detail: String| {
        errors.push(FieldError::invalid(
            path,
            value,
            &format!("{path} in body {detail}"),
        ));
    };
    if let Some(least) = schema.get("minimum").filter(|least| least.is_number()) {
        let bound = least.as_f64().unwrap_or(f64::MIN);
        if exclusive("exclusiveMinimum") && number <= bound {
            refuse(format!("should be greater than {least}"));
        } else if number < bound {
            refuse(format!("should be greater than or equal to {least}"));
        }
    }
    if let Some(most) = schema.get("maximum").filter(|most| most.is_number()) {
        let bound = most.as_f64().unwrap_or(f64::MAX);
        if exclusive("exclusiveMaximum") && number >= bound {
            refuse(format!("should be less than {most}"));
        } else if number > bound {
            refuse(format!("should be less than or equal to {most}"));
        }
    }
    if let Some(step) = schema.get("multipleOf").and_then(Value::as_f64)
        && step > 0.0
        && (number / step).fract() != 0.0
    {
        refuse(format!("should be a multiple of {step}"));
    }
}
