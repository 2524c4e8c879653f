//! Objects with the values in them.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::slots::{self, Filling, at, is_empty};
use crate::source::{self, When};
use crate::values::{Problem, Values};

/// Objects, in the order in which they are applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered(pub Vec<Value>);

impl Rendered {
    /// As YAML documents.
    ///
    /// # Errors
    /// None that is known: the objects came from YAML.
    pub fn yaml(&self) -> Result<String, serde_yaml_ng::Error> {
        let mut text = String::new();
        for object in &self.0 {
            text += "---\n";
            text += &serde_yaml_ng::to_string(object)?;
        }
        Ok(text)
    }

    /// As one `List`.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({"apiVersion": "v1", "kind": "List", "items": self.0})
    }
}

/// Puts values in.
///
/// # Errors
/// All that is missing or out of range.
pub fn render(values: &Values) -> Result<Rendered, Vec<Problem>> {
    let problems = values.problems();
    if !problems.is_empty() {
        return Err(problems);
    }
    let all = serde_json::to_value(values).map_err(|e| vec![Problem::Value(e.to_string())])?;
    let namespace = at(&all, "namespace").clone();
    let is_applied = |when: When| match when {
        When::Always | When::NotInChart => true,
        When::If(path) => !is_empty(at(&all, path)),
        When::Unless(path) => is_empty(at(&all, path)),
    };
    let put = |filling: Filling| match filling {
        Filling::Value(path) => at(&all, path).clone(),
        Filling::Or(path, other) => match at(&all, path) {
            empty if is_empty(empty) => other.into(),
            value => value.clone(),
        },
        Filling::Digest(path) => digest(at(&all, path).as_str().unwrap_or_default()).into(),
    };
    let documents = source::documents(values.platform).into_iter();
    let objects = documents.filter(|d| is_applied(d.when)).map(|d| {
        let mut object = d.object;
        slots::fill(&mut object, &namespace, put);
        object
    });
    Ok(Rendered(objects.collect()))
}

fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
