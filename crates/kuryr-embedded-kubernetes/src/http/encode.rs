//! Objects in the form that the client accepts: as they are, as table rows, or their
//! metadata alone.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::Call;
use crate::{
    kinds::{
        Kind,
        table::{self, IncludeObject},
    },
    store::{Object, Stored},
};

/// What the answer looks like (`as=` in `Accept`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The objects themselves.
    Plain,
    /// A `Table`.
    Table(IncludeObject),
    /// `PartialObjectMetadata` or a list of it.
    Metadata,
}

impl Shape {
    /// The first form in `accept` that is known here.
    pub(super) fn of(accept: &str, include: IncludeObject) -> Self {
        for media in accept.split(',') {
            let parameter = |wanted: &str| media.split(';').any(|part| part.trim() == wanted);
            if media.trim_start().starts_with("application/json") && parameter("g=meta.k8s.io") {
                if parameter("as=Table") && parameter("v=v1") {
                    return Self::Table(include);
                }
                if parameter("as=PartialObjectMetadata")
                    || parameter("as=PartialObjectMetadataList")
                {
                    return Self::Metadata;
                }
            } else if media.trim().starts_with("application/json") || media.trim() == "*/*" {
                return Self::Plain;
            }
        }
        Self::Plain
    }

    pub(super) fn wanted(call: &Call) -> Self {
        Self::of(
            call.header(axum::http::header::ACCEPT),
            call.query.include_object(),
        )
    }
}

/// One object as the body of an answer.
pub(super) fn one(kind: &Kind, object: &Stored, shape: Shape) -> Bytes {
    match shape {
        Shape::Plain => plain(kind, object),
        Shape::Metadata => Bytes::from(table::partial(&object.value).to_string()),
        Shape::Table(include) => Bytes::from(one_row(kind, object, include, true).to_string()),
    }
}

fn one_row(kind: &Kind, object: &Stored, include: IncludeObject, head: bool) -> Value {
    let row = table::row(kind, &object.value, include);
    let definitions = if head {
        table::definitions(kind)
    } else {
        Value::Null
    };
    let metadata = json!({"resourceVersion": object.version.to_string()});
    table::table(definitions, vec![row], metadata)
}

/// The object with its kind, from the text that was made when it was stored.
fn plain(kind: &Kind, object: &Stored) -> Bytes {
    if kind.behaviour.conversion.is_some() {
        return Bytes::from(kind.load(&object.value).to_string());
    }
    let head = format!(
        "{{\"kind\":{:?},\"apiVersion\":{:?},",
        kind.kind,
        kind.api_version()
    );
    let mut text = Vec::with_capacity(head.len() + object.body.len());
    text.extend_from_slice(head.as_bytes());
    text.extend_from_slice(object.body.get(1..).unwrap_or_default());
    Bytes::from(text)
}

/// A list of objects as the body of an answer.
pub(super) fn list(kind: &Kind, objects: &[Object], metadata: &Value, shape: Shape) -> Bytes {
    match shape {
        Shape::Plain => plain_list(kind, objects, metadata),
        Shape::Table(include) => {
            let rows = objects
                .iter()
                .map(|object| table::row(kind, &object.value, include));
            let table = table::table(table::definitions(kind), rows.collect(), metadata.clone());
            Bytes::from(table.to_string())
        }
        Shape::Metadata => {
            let items: Vec<Value> = objects
                .iter()
                .map(|object| table::partial(&object.value))
                .collect();
            let list = json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items,
            });
            Bytes::from(list.to_string())
        }
    }
}

/// Items of built-in kinds stand without their kind, as in the real service.
fn plain_list(kind: &Kind, objects: &[Object], metadata: &Value) -> Bytes {
    let size: usize = objects.iter().map(|object| object.body.len() + 1).sum();
    let mut text = Vec::with_capacity(size + 256);
    let head = format!(
        "{{\"kind\":{:?},\"apiVersion\":{:?},\"metadata\":{metadata},\"items\":[",
        kind.list_kind,
        kind.api_version()
    );
    text.extend_from_slice(head.as_bytes());
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        match kind.is_custom() || kind.behaviour.conversion.is_some() {
            true => text.extend_from_slice(&plain(kind, object)),
            false => text.extend_from_slice(&object.body),
        }
    }
    text.extend_from_slice(b"]}");
    Bytes::from(text)
}

/// One line of a watch.
pub(super) fn event(kind: &Kind, name: &str, object: &Stored, shape: Shape, first: bool) -> Bytes {
    let body = match shape {
        Shape::Table(include) => Bytes::from(one_row(kind, object, include, first).to_string()),
        shape => one(kind, object, shape),
    };
    line(name, &body)
}

/// A line of a watch that says how far the watch has come.
pub(super) fn bookmark(kind: &Kind, version: u64, shape: Shape) -> Bytes {
    let metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
    let object = match shape {
        Shape::Table(_) => table::table(
            Value::Null,
            Vec::new(),
            json!({"resourceVersion": version.to_string()}),
        ),
        Shape::Metadata => table::partial(&json!({"metadata": metadata})),
        Shape::Plain => json!({
            "kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata,
        }),
    };
    line("BOOKMARK", object.to_string().as_bytes())
}

/// A line of a watch.
pub(super) fn line(name: &str, object: &[u8]) -> Bytes {
    let mut text = format!("{{\"type\":\"{name}\",\"object\":").into_bytes();
    text.extend_from_slice(object);
    text.extend_from_slice(b"}\n");
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_gets_a_table_and_others_do_not() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,\
                       application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        let include = IncludeObject::Metadata;
        assert_eq!(Shape::of(kubectl, include), Shape::Table(include));
        assert_eq!(Shape::of("application/json", include), Shape::Plain);
        assert_eq!(Shape::of("", include), Shape::Plain);
        assert_eq!(
            Shape::of(
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                include
            ),
            Shape::Metadata
        );
    }
}
