//! Structural OpenAPI v3 schemas of CRDs: defaults, pruning and validation
//! (k8s.io/apiextensions-apiserver `pkg/apiserver/schema`).

mod format;
mod prune;
mod validate;

use std::collections::HashMap;

use regex::Regex;
use serde_json::Value;

use super::model::{error::FieldError, object};

/// The schema of one version of a CRD.
#[derive(Debug)]
pub struct Schema {
    root: Value,
    patterns: HashMap<String, Regex>,
    preserve_all: bool,
}

impl Schema {
    /// Takes `schema.openAPIV3Schema` of a CRD's version.
    ///
    /// # Errors
    /// The patterns that are no regular expressions.
    pub fn new(root: Value, preserve_all: bool) -> Result<Self, FieldError> {
        let mut patterns = HashMap::new();
        collect_patterns(&root, &mut patterns)?;
        Ok(Self {
            root,
            patterns,
            preserve_all,
        })
    }

    /// Fills in defaults and takes out fields that the schema does not know.
    /// Returns the paths taken out.
    pub fn prune_and_default(&self, value: &mut Value) -> Vec<String> {
        let mut pruned = Vec::new();
        if !self.preserve_all {
            prune::prune_root(value, &self.root, &mut pruned);
        }
        prune::default(value, &self.root);
        pruned
    }

    /// Every rule that the object breaks.
    pub fn validate(&self, value: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate::Validator {
            patterns: &self.patterns,
        }
        .check(value, &self.root, "", &mut errors);
        errors
    }

    /// How the list at `path` (field names only) merges under server-side apply.
    pub fn list_type(&self, path: &[&str]) -> Option<(&str, Vec<&str>)> {
        let mut schema = &self.root;
        for key in path {
            if let Some(items) = schema.get("items") {
                schema = items;
            }
            schema = object::at(schema, &["properties", key])
                .or_else(|| schema.get("additionalProperties"))?;
        }
        let keys = object::list(schema, &["x-kubernetes-list-map-keys"]);
        let kind = object::text(schema, &["x-kubernetes-list-type"])?;
        Some((kind, keys.iter().filter_map(Value::as_str).collect()))
    }
}

fn collect_patterns(
    schema: &Value,
    patterns: &mut HashMap<String, Regex>,
) -> Result<(), FieldError> {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(pattern)) = fields.get("pattern") {
                let regex = Regex::new(pattern).map_err(|error| {
                    let detail = format!("must be a valid regular expression: {error}");
                    FieldError::invalid(
                        "spec.validation.openAPIV3Schema",
                        &fields["pattern"],
                        &detail,
                    )
                })?;
                patterns.insert(pattern.clone(), regex);
            }
            fields
                .values()
                .try_for_each(|value| collect_patterns(value, patterns))
        }
        Value::Array(items) => items
            .iter()
            .try_for_each(|value| collect_patterns(value, patterns)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
