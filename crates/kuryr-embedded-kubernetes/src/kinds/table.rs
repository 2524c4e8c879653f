//! Objects as rows of a table, which is what `kubectl get` asks for.

use serde_json::{Value, json};

use super::{Form, Kind};
use crate::model::{
    duration,
    jsonpath::{JsonPath, plain},
    object,
};

/// What a cell holds: text, a number or null.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell(pub Value);

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self(Value::String(text))
    }
}

impl Cell {
    /// The string at `path`, or "".
    pub fn text(object: &Value, path: &[&str]) -> Self {
        Self::from(object::text(object, path).unwrap_or_default().to_owned())
    }

    /// The text, or `<none>` if it is empty.
    pub fn or_none(text: &str) -> Self {
        Self::from(if text.is_empty() { "<none>" } else { text }.to_owned())
    }

    /// The map at `path` as `a=1,b=2`.
    pub fn pairs(object: &Value, path: &[&str]) -> Self {
        let map = object::at(object, path).and_then(Value::as_object);
        let pairs = map
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={}", plain(value)));
        Self::or_none(&pairs.collect::<Vec<_>>().join(","))
    }
}

/// A column of a built-in kind.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    name: &'static str,
    kind: &'static str,
    /// 0 shows always, 1 only with `-o wide`.
    priority: u8,
    cell: fn(&Value) -> Cell,
}

impl Column {
    /// A column of text.
    pub const fn new(name: &'static str, cell: fn(&Value) -> Cell) -> Self {
        Self {
            name,
            kind: "string",
            priority: 0,
            cell,
        }
    }

    /// A column of text that shows only with `-o wide`.
    pub const fn wide(name: &'static str, cell: fn(&Value) -> Cell) -> Self {
        Self {
            name,
            kind: "string",
            priority: 1,
            cell,
        }
    }

    /// A column of whole numbers.
    pub const fn integer(name: &'static str, cell: fn(&Value) -> Cell) -> Self {
        Self {
            name,
            kind: "integer",
            priority: 0,
            cell,
        }
    }

    /// The object's age.
    pub const fn age(name: &'static str) -> Self {
        Self::new(name, |object| Cell::from(duration::age(created(object))))
    }
}

/// A column that a CRD declares (`additionalPrinterColumns`).
#[derive(Debug, Clone)]
pub struct CustomColumn {
    name: String,
    kind: String,
    format: String,
    description: String,
    priority: i64,
    path: JsonPath,
}

impl CustomColumn {
    /// Reads one entry of `additionalPrinterColumns`.
    ///
    /// # Errors
    /// A sentence that names the part of the path which cannot be read.
    pub fn parse(column: &Value) -> Result<Self, String> {
        let field = |name: &str| object::text(column, &[name]).unwrap_or_default().to_owned();
        Ok(Self {
            name: field("name"),
            kind: field("type"),
            format: field("format"),
            description: match field("description") {
                none if none.is_empty() => format!(
                    "Custom resource definition column (in JSONPath format): {}",
                    field("jsonPath")
                ),
                given => given,
            },
            priority: column["priority"].as_i64().unwrap_or(0),
            path: JsonPath::parse(&field("jsonPath"))?,
        })
    }

    /// The usual column of a CRD that declares none.
    pub fn age() -> Self {
        let column =
            json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"});
        Self::parse(&column).unwrap_or_else(|_| unreachable!("a path that can be read"))
    }

    fn definition(&self) -> Value {
        definition(
            &self.name,
            &self.kind,
            &self.format,
            &self.description,
            self.priority,
        )
    }

    fn cell(&self, object: &Value) -> Value {
        let found = self.path.find(object);
        let Some(first) = found.first() else {
            return Value::Null;
        };
        match self.kind.as_str() {
            "string" => json!(
                found
                    .iter()
                    .map(|value| plain(value))
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
            "date" => first
                .as_str()
                .map_or(Value::Null, |moment| json!(duration::age(Some(moment)))),
            _ => (*first).clone(),
        }
    }
}

fn created(object: &Value) -> Option<&str> {
    object::text(object, &["metadata", "creationTimestamp"])
}

fn definition(name: &str, kind: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({
        "name": name, "type": kind, "format": format,
        "description": description, "priority": priority,
    })
}

/// How much of each object a row carries (`includeObject`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum IncludeObject {
    /// Kind and metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
    /// Nothing.
    None,
}

/// What the API says of the column of names.
const NAME: &str = "Name must be unique within a namespace. Is required when creating resources, although some \
                    resources may allow a client to request the generation of an appropriate name automatically. \
                    Name is primarily intended for creation idempotence and configuration definition. Cannot be \
                    updated. More info: http://kubernetes.io/docs/user-guide/identifiers#names";

/// The definitions of the kind's columns.
pub(crate) fn definitions(kind: &Kind) -> Value {
    let name = definition("Name", "string", "name", NAME, 0);
    let mut all = vec![name];
    match &kind.form {
        Form::Custom(form) => all.extend(form.columns.iter().map(CustomColumn::definition)),
        Form::BuiltIn(_) => {
            let column = |column: &Column| {
                definition(column.name, column.kind, "", "", i64::from(column.priority))
            };
            all.extend(built_in_columns(kind).iter().map(column));
        }
    }
    // Events show no name of their own.
    if kind.table.as_str() == "events" {
        all[0]["priority"] = json!(1);
        all.rotate_left(1);
    }
    Value::Array(all)
}

/// The kind's columns; AGE is last where the kind does not place it.
fn built_in_columns(kind: &Kind) -> Vec<Column> {
    let mut columns = kind.behaviour.columns.to_vec();
    let placed = columns
        .iter()
        .any(|column| matches!(column.name, "Age" | "Created At"))
        || kind.table.as_str() == "events";
    if !placed {
        let end = columns
            .iter()
            .position(|column| column.priority > 0)
            .unwrap_or(columns.len());
        columns.insert(end, Column::age("Age"));
    }
    columns
}

/// One object (in its stored form) as a row.
pub(crate) fn row(kind: &Kind, object: &Value, include: IncludeObject) -> Value {
    let mut cells = vec![json!(object::name(object))];
    match &kind.form {
        Form::Custom(form) => cells.extend(form.columns.iter().map(|column| column.cell(object))),
        Form::BuiltIn(_) => {
            let columns = built_in_columns(kind);
            cells.extend(columns.iter().map(|column| (column.cell)(object).0));
        }
    }
    if kind.table.as_str() == "events" {
        cells.rotate_left(1);
    }
    let mut row = json!({"cells": cells});
    match include {
        IncludeObject::Metadata => row["object"] = partial(object),
        IncludeObject::Object => row["object"] = kind.load(object),
        IncludeObject::None => {}
    }
    row
}

/// The object's metadata alone, as `PartialObjectMetadata`.
pub(crate) fn partial(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata"),
    })
}

/// Rows as a table.
pub(crate) fn table(definitions: Value, rows: Vec<Value>, metadata: Value) -> Value {
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}
