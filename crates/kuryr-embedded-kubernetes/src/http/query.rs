//! The query of a request.

use std::{collections::HashMap, time::Duration};

use axum::http::Uri;
use serde_json::{Value, json};

use crate::{
    api::{DeleteOptions, Filter, ListQuery, Propagation, VersionMatch, WriteOptions},
    kinds::{Kind, table::IncludeObject},
    model::{
        error::{ApiError, FieldError},
        object,
        selector::{FieldSelector, LabelSelector, SelectorError},
    },
};

/// Fields that every kind can be selected by.
const COMMON_FIELDS: [&str; 2] = ["metadata.name", "metadata.namespace"];

/// Parameters by name; the last one counts where one stands twice.
#[derive(Debug, Default)]
pub(super) struct Query(HashMap<String, String>);

impl Query {
    pub(super) fn parse(uri: &Uri) -> Result<Self, ApiError> {
        let pairs: axum::extract::Query<Vec<(String, String)>> =
            axum::extract::Query::try_from_uri(uri)
                .map_err(|error| ApiError::bad_request(format!("invalid query: {error}")))?;
        Ok(Self(pairs.0.into_iter().collect()))
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1" | "t" | "T" | "TRUE" | "True")
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        match self.text(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                ApiError::bad_request(format!(
                    "strconv.ParseInt: parsing \"{text}\": invalid syntax"
                ))
            }),
        }
    }

    /// `resourceVersion` as a number; `None` for unset and "0".
    pub(super) fn version(&self) -> Result<Option<u64>, ApiError> {
        let text = self.text("resourceVersion");
        let version: Option<u64> = self.number("resourceVersion").map_err(|_| {
            let error =
                FieldError::invalid("resourceVersion", &json!(text), "invalid resource version");
            ApiError::bad_request(format!("{}: {}", error.field, error.message))
        })?;
        Ok(version.filter(|version| *version > 0))
    }

    pub(super) fn timeout(&self) -> Result<Option<Duration>, ApiError> {
        Ok(self.number("timeoutSeconds")?.map(Duration::from_secs))
    }

    pub(super) fn include_object(&self) -> IncludeObject {
        match self.text("includeObject") {
            "Object" => IncludeObject::Object,
            "None" => IncludeObject::None,
            _ => IncludeObject::Metadata,
        }
    }

    /// Which objects a list, watch or delete is about.
    pub(super) fn filter(&self, kind: &Kind, namespace: &str) -> Result<Filter, ApiError> {
        let mut allowed = COMMON_FIELDS.to_vec();
        allowed.extend(kind.behaviour.selectable);
        Ok(Filter {
            namespace: namespace.to_owned(),
            labels: LabelSelector::parse(self.text("labelSelector"))
                .map_err(ApiError::bad_request)?,
            fields: FieldSelector::parse(self.text("fieldSelector"), &allowed)
                .map_err(|path| unknown_field(kind, &path))?,
        })
    }

    pub(super) fn list(&self, kind: &Kind, namespace: &str) -> Result<ListQuery, ApiError> {
        let limit = self.number("limit")?.unwrap_or(0);
        let token = self.text("continue").to_owned();
        if !token.is_empty() && self.version()?.is_some() {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        Ok(ListQuery {
            filter: self.filter(kind, namespace)?,
            version: self.version_match(limit)?,
            limit,
            token,
        })
    }

    fn version_match(&self, limit: usize) -> Result<VersionMatch, ApiError> {
        let version = self.version()?;
        let given = !self.text("resourceVersion").is_empty();
        match (self.text("resourceVersionMatch"), version) {
            ("", None) => Ok(VersionMatch::Newest),
            // A page of a list without a rule means exactly this version.
            ("", Some(version)) if limit > 0 => Ok(VersionMatch::Exact(version)),
            ("" | "NotOlderThan", Some(version)) => Ok(VersionMatch::NotOlderThan(version)),
            ("Exact", Some(version)) => Ok(VersionMatch::Exact(version)),
            ("NotOlderThan", None) if given => Ok(VersionMatch::Newest),
            ("Exact", None) if given => Err(refuse_match(
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            )),
            ("Exact" | "NotOlderThan", None) => Err(refuse_match(
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            )),
            (other, _) => {
                let allowed = [json!("Exact"), json!("NotOlderThan"), json!("")];
                let error =
                    FieldError::unsupported("resourceVersionMatch", &json!(other), &allowed);
                Err(invalid_options("ListOptions", &error))
            }
        }
    }

    /// A watch knows no `resourceVersionMatch`, and so no streamed lists.
    pub(super) fn check_watch(&self) -> Result<(), ApiError> {
        match self.text("resourceVersionMatch") {
            "" => Ok(()),
            _ => Err(refuse_match("resourceVersionMatch is forbidden for watch")),
        }
    }

    pub(super) fn write(&self) -> Result<WriteOptions, ApiError> {
        Ok(WriteOptions {
            dry_run: self.dry_run()?,
            strict: self.text("fieldValidation") == "Strict",
            patch: false,
        })
    }

    fn dry_run(&self) -> Result<bool, ApiError> {
        match self.text("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => {
                let error = FieldError::unsupported("dryRun", &json!([other]), &[json!("All")]);
                Err(invalid_options("CreateOptions", &error))
            }
        }
    }

    /// Options of a DELETE from its body or, without one, from the query.
    pub(super) fn delete(&self, body: &[u8]) -> Result<DeleteOptions, ApiError> {
        let sent: Value = match body {
            [] => json!({
                "gracePeriodSeconds": self.number::<i64>("gracePeriodSeconds")?,
                "propagationPolicy": self.text("propagationPolicy"),
            }),
            body => super::write::parse(body)?,
        };
        let text = |path: &[&str]| object::text(&sent, path).map(str::to_owned);
        let orphan = sent.get("orphanDependents").and_then(Value::as_bool) == Some(true);
        let propagation = match object::text(&sent, &["propagationPolicy"]).unwrap_or_default() {
            "Orphan" => Propagation::Orphan,
            "Foreground" => Propagation::Foreground,
            "" if orphan => Propagation::Orphan,
            "" | "Background" => Propagation::Background,
            other => {
                let allowed = ["Foreground", "Background", "Orphan", "nil"].map(Value::from);
                let error = FieldError::unsupported("propagationPolicy", &json!(other), &allowed);
                return Err(invalid_options("DeleteOptions", &error));
            }
        };
        let dry = object::list(&sent, &["dryRun"])
            .iter()
            .any(|value| value == "All");
        Ok(DeleteOptions {
            grace: sent.get("gracePeriodSeconds").and_then(Value::as_i64),
            uid: text(&["preconditions", "uid"]),
            version: text(&["preconditions", "resourceVersion"]),
            propagation,
            dry_run: dry || self.dry_run()?,
        })
    }
}

/// The complaint about a field that objects of this kind cannot be selected by.
fn unknown_field(kind: &Kind, error: &SelectorError) -> ApiError {
    ApiError::bad_request(match error {
        SelectorError::Unreadable(detail) => detail.clone(),
        SelectorError::Field(path) if !kind.is_custom() && kind.behaviour.selectable.is_empty() => {
            format!(
                "\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            )
        }
        SelectorError::Field(path) => format!("field label not supported: {path}"),
    })
}

fn refuse_match(detail: &str) -> ApiError {
    invalid_options(
        "ListOptions",
        &FieldError::forbidden("resourceVersionMatch", detail),
    )
}

pub(super) fn invalid_options(kind: &str, error: &FieldError) -> ApiError {
    ApiError::invalid("meta.k8s.io", kind, "", std::slice::from_ref(error))
}
