//! CustomResourceDefinitions: what makes one valid, its conditions, and the kinds it adds.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Behaviour, Context, CustomForm, Form, Kind,
    table::{Cell, Column, CustomColumn},
};
use crate::{
    model::{
        error::{ApiError, FieldError, qualified},
        names::NameRule,
        object,
    },
    schema::Schema,
    store::TableName,
};

/// Holds a CRD until its objects are gone.
pub(crate) const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

pub(super) const BEHAVIOUR: Behaviour = Behaviour {
    defaults,
    on_create: accept,
    on_update: |crd, old, _| {
        object::copy(old, crd, &["status"]);
        Ok(())
    },
    validate,
    columns: &[Column::new("Created At", |crd| {
        Cell::text(crd, &["metadata", "creationTimestamp"])
    })],
    ..Behaviour::PLAIN
};

fn defaults(crd: &mut Value) {
    let kind = object::text(crd, &["spec", "names", "kind"])
        .unwrap_or_default()
        .to_owned();
    object::set_default(
        crd,
        &["spec", "names", "singular"],
        json!(kind.to_lowercase()),
    );
    object::set_default(
        crd,
        &["spec", "names", "listKind"],
        json!(format!("{kind}List")),
    );
    object::set_default(crd, &["spec", "conversion"], json!({"strategy": "None"}));
}

/// Names are accepted and the resource is served at once.
fn accept(crd: &mut Value, _: Context<'_>) -> Result<(), ApiError> {
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": object::now(),
        })
    };
    let stored: Vec<Value> = object::list(crd, &["spec", "versions"])
        .iter()
        .filter(|version| version["storage"] == true)
        .map(|version| version["name"].clone())
        .collect();
    let status = json!({
        "acceptedNames": object::at(crd, &["spec", "names"]),
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "storedVersions": stored,
    });
    object::set(crd, &["status"], status);
    Ok(())
}

fn validate(crd: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let text = |path: &[&str]| object::text(crd, path).unwrap_or_default();
    let (group, plural) = (text(&["spec", "group"]), text(&["spec", "names", "plural"]));
    for field in ["group", "scope"] {
        if text(&["spec", field]).is_empty() {
            errors.push(FieldError::required(format!("spec.{field}"), ""));
        }
    }
    for field in ["plural", "kind"] {
        if text(&["spec", "names", field]).is_empty() {
            errors.push(FieldError::required(format!("spec.names.{field}"), ""));
        }
    }
    if object::name(crd) != format!("{plural}.{group}") {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid(
            "metadata.name",
            &json!(object::name(crd)),
            detail,
        ));
    }
    let versions = object::list(crd, &["spec", "versions"]);
    if versions
        .iter()
        .filter(|version| version["storage"] == true)
        .count()
        != 1
    {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid(
            "spec.versions",
            &json!(versions),
            detail,
        ));
    }
    for (index, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{index}]");
        errors.extend(check_version(crd, version, &path));
    }
    for field in ["group", "scope"] {
        let changed = old.is_some_and(|old| old["spec"][field] != crd["spec"][field]);
        if changed {
            let value = &crd["spec"][field];
            errors.push(FieldError::invalid(
                format!("spec.{field}"),
                value,
                "field is immutable",
            ));
        }
    }
    errors
}

fn check_version(crd: &Value, version: &Value, path: &str) -> Option<FieldError> {
    if object::at(version, &["schema", "openAPIV3Schema"]).is_none() {
        let field = format!("{path}.schema.openAPIV3Schema");
        return Some(FieldError::required(field, "schemas are required"));
    }
    form(crd, version).err()
}

fn form(crd: &Value, version: &Value) -> Result<CustomForm, FieldError> {
    let root = object::at(version, &["schema", "openAPIV3Schema"])
        .cloned()
        .unwrap_or_default();
    let preserve = object::at(crd, &["spec", "preserveUnknownFields"]) == Some(&json!(true));
    let declared = object::list(version, &["additionalPrinterColumns"]);
    let columns: Result<Vec<CustomColumn>, String> = match declared {
        [] => Ok(vec![CustomColumn::age()]),
        _ => declared.iter().map(CustomColumn::parse).collect(),
    };
    let columns = columns.map_err(|detail| {
        FieldError::invalid(
            "spec.versions.additionalPrinterColumns",
            &json!(declared),
            &detail,
        )
    })?;
    Ok(CustomForm {
        schema: Schema::new(root, preserve)?,
        columns,
    })
}

/// Group and plural of the resource that a CRD defines.
pub(crate) fn resource(crd: &Value) -> (&str, &str) {
    (
        object::text(crd, &["spec", "group"]).unwrap_or_default(),
        object::text(crd, &["spec", "names", "plural"]).unwrap_or_default(),
    )
}

/// The kinds that a valid CRD adds: one for each served version.
pub(crate) fn kinds(crd: &Value) -> Vec<Kind> {
    object::list(crd, &["spec", "versions"])
        .iter()
        .filter(|version| version["served"] == true)
        .filter_map(|version| kind(crd, version))
        .collect()
}

fn kind(crd: &Value, version: &Value) -> Option<Kind> {
    let (group, plural) = resource(crd);
    let name = |field: &str| {
        object::text(crd, &["spec", "names", field])
            .unwrap_or_default()
            .to_owned()
    };
    let names = |field: &str| -> Vec<String> {
        let list = object::list(crd, &["spec", "names", field]);
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    Some(Kind {
        group: group.to_owned(),
        version: object::text(version, &["name"])?.to_owned(),
        plural: plural.to_owned(),
        singular: name("singular"),
        kind: name("kind"),
        list_kind: name("listKind"),
        short_names: names("shortNames"),
        categories: names("categories"),
        namespaced: object::text(crd, &["spec", "scope"]) == Some("Namespaced"),
        status: object::at(version, &["subresources", "status"]).is_some(),
        strict_version: true,
        generation: true,
        names: NameRule::Subdomain,
        table: TableName::from(qualified(plural, group).as_str()),
        form: Form::Custom(Arc::new(form(crd, version).ok()?)),
        behaviour: Behaviour::PLAIN,
    })
}
