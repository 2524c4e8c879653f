//! Label and field selectors as they stand in a request's query.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{names, object};

/// All requirements of a `labelSelector`; an empty one matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<LabelRequirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct LabelRequirement {
    key: String,
    rule: LabelRule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum LabelRule {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Exists,
    Absent,
}

impl LabelSelector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    ///
    /// # Errors
    /// A sentence that names the part which cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        split_outside_parentheses(text)
            .into_iter()
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(LabelRequirement::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Matches everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the object's labels fulfil every requirement.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|requirement| requirement.matches(object))
    }
}

impl LabelRequirement {
    fn parse(part: &str) -> Result<Self, String> {
        let (key, rule) = if let Some(key) = part.strip_prefix('!') {
            (key, LabelRule::Absent)
        } else if let Some((key, value)) = part.split_once("!=") {
            (key, LabelRule::NotIn(one(value)))
        } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            (key, LabelRule::In(one(value)))
        } else if let Some((key, values)) = set_based(part, "notin")? {
            (key, LabelRule::NotIn(values))
        } else if let Some((key, values)) = set_based(part, "in")? {
            (key, LabelRule::In(values))
        } else {
            (part, LabelRule::Exists)
        };
        let key = key.trim();
        if !names::is_qualified_name(key) {
            return Err(format!(
                "unable to parse requirement: invalid label key \"{key}\""
            ));
        }
        if let LabelRule::In(values) | LabelRule::NotIn(values) = &rule
            && let Some(bad) = values.iter().find(|value| !names::is_label_value(value))
        {
            return Err(format!(
                "unable to parse requirement: invalid label value \"{bad}\""
            ));
        }
        Ok(Self {
            key: key.to_owned(),
            rule,
        })
    }

    fn matches(&self, object: &Value) -> bool {
        let value = object::label(object, &self.key);
        match &self.rule {
            LabelRule::In(values) => value.is_some_and(|value| values.contains(value)),
            LabelRule::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            LabelRule::Exists => value.is_some(),
            LabelRule::Absent => value.is_none(),
        }
    }
}

fn one(value: &str) -> BTreeSet<String> {
    BTreeSet::from([value.trim().to_owned()])
}

/// Reads `key <word> (a, b)`; `None` if the part has another form.
fn set_based<'a>(part: &'a str, word: &str) -> Result<Option<(&'a str, BTreeSet<String>)>, String> {
    let Some((head, rest)) = part.split_once('(') else {
        return Ok(None);
    };
    let Some(key) = head.trim_end().strip_suffix(word) else {
        return Ok(None);
    };
    if !key.ends_with(char::is_whitespace) {
        return Ok(None);
    }
    let Some(values) = rest.strip_suffix(')') else {
        return Err(format!(
            "unable to parse requirement: missing ')' in \"{part}\""
        ));
    };
    let values = values.split(',').map(|value| value.trim().to_owned());
    Ok(Some((key, values.collect())))
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .collect()
}

/// A `fieldSelector` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// Objects cannot be selected by this field.
    #[error("field label not supported: {0}")]
    Field(String),
}

/// All requirements of a `fieldSelector`; an empty one matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<FieldRequirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldRequirement {
    path: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Reads `a.b=c,d!=e`; only the paths in `allowed` may be used.
    ///
    /// # Errors
    /// A sentence that names the part which cannot be read or the path which is not supported.
    pub fn parse(text: &str, allowed: &[&str]) -> Result<Self, SelectorError> {
        text.split(',')
            .filter(|part| !part.trim().is_empty())
            .map(|part| FieldRequirement::parse(part.trim(), allowed))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the object's fields fulfil every requirement.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|requirement| {
            let path: Vec<&str> = requirement.path.split('.').collect();
            let value = object::text(object, &path).unwrap_or_default();
            (value == requirement.value) == requirement.equal
        })
    }

    /// The value that `path` must have, where the selector says so.
    pub fn required(&self, path: &str) -> Option<&str> {
        let wanted =
            |requirement: &&FieldRequirement| requirement.equal && requirement.path == path;
        self.0.iter().find(wanted).map(|found| found.value.as_str())
    }
}

impl FieldRequirement {
    fn parse(part: &str, allowed: &[&str]) -> Result<Self, SelectorError> {
        let (path, value, equal) = if let Some((path, value)) = part.split_once("!=") {
            (path, value, false)
        } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            (path, value, true)
        } else {
            return Err(SelectorError::Unreadable(format!(
                "invalid selector: '{part}'; can't understand '{part}'"
            )));
        };
        if !allowed.contains(&path) {
            return Err(SelectorError::Field(path.to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            value: value.to_owned(),
            equal,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn matches(selector: &str, labels: Value) -> bool {
        let object = json!({"metadata": {"labels": labels}});
        LabelSelector::parse(selector).unwrap().matches(&object)
    }

    #[test]
    fn every_form_of_requirement() {
        let labels = json!({"app": "web", "tier": "front"});
        for yes in [
            "",
            "app=web",
            "app==web",
            "app",
            "!gone",
            "app!=db",
            "gone!=db",
            "app in (db, web),tier notin (back)",
            "tier=front,app",
        ] {
            assert!(matches(yes, labels.clone()), "{yes}");
        }
        for no in [
            "app=db",
            "gone",
            "!app",
            "app!=web",
            "app in (db)",
            "app notin (web)",
        ] {
            assert!(!matches(no, labels.clone()), "{no}");
        }
    }

    #[test]
    fn unreadable_selectors_are_named() {
        for bad in ["a in (b", "=b", "a=b c", "a b"] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fields_are_compared_as_strings_and_absent_is_empty() {
        let allowed = ["spec.nodeName", "status.phase"];
        let parse = |text| FieldSelector::parse(text, &allowed);
        let pod = json!({"status": {"phase": "Running"}});
        assert!(parse("spec.nodeName=").unwrap().matches(&pod));
        assert!(
            parse("status.phase!=Failed,status.phase==Running")
                .unwrap()
                .matches(&pod)
        );
        assert!(!parse("spec.nodeName=a").unwrap().matches(&pod));
        assert_eq!(
            parse("spec.other=a").unwrap_err(),
            SelectorError::Field("spec.other".to_owned())
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,60}") {
            let _ = LabelSelector::parse(&text);
            let _ = FieldSelector::parse(&text, &["metadata.name"]);
        }

        #[test]
        fn equality_and_its_negation_never_agree(
            key in "[a-z]{1,3}", value in "[a-z]{0,3}", actual in proptest::option::of("[a-z]{0,3}"),
        ) {
            let labels = actual.map_or(json!({}), |actual| json!({key.clone(): actual}));
            let equal = matches(&format!("{key}={value}"), labels.clone());
            let unequal = matches(&format!("{key}!={value}"), labels.clone());
            let set = matches(&format!("{key} in ({value})"), labels);
            prop_assert_ne!(equal, unequal);
            prop_assert_eq!(equal, set);
        }
    }
}
