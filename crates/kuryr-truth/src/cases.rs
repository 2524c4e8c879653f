//! The policies.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use super::Places;

/// Why a case can't be said.
#[derive(Debug, Error)]
pub enum TruthError {
    /// The cases' file is no list of cases.
    #[error("the cases can't be read: {0}")]
    Cases(#[from] serde_yaml_ng::Error),
    /// It names something that has no address.
    #[error("{0} has no address")]
    Nowhere(String),
}

/// Policies that are there together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// The scenario of Kubernetes' own suite that it re-enacts.
    pub kubernetes: Option<String>,
    /// What of the specification it shows.
    pub shows: String,
    /// Labels that pods, such as `x/a`, and namespaces have besides their usual ones.
    #[serde(default)]
    pub labels: Added,
    policies: Vec<CasePolicy>,
}

/// Labels besides the usual ones, by who has them.
pub type Added = BTreeMap<String, BTreeMap<String, String>>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CasePolicy {
    namespace: String,
    #[serde(default = "usual_name")]
    name: String,
    spec: Value,
}

fn usual_name() -> String {
    "p".to_owned()
}

/// All cases.
///
/// # Errors
/// The file is wrong.
pub fn cases() -> Result<Vec<Case>, TruthError> {
    Ok(serde_yaml_ng::from_str(include_str!("cases.yaml"))?)
}

/// Cases that come one after the other: each edits the policies and labels of the one before.
///
/// # Errors
/// The file is wrong.
pub fn updates() -> Result<Vec<Case>, TruthError> {
    Ok(serde_yaml_ng::from_str(include_str!("updates.yaml"))?)
}

/// What is to be patched into whose labels, where those were added before and these are to be.
#[must_use]
pub fn relabel(before: &Added, after: &Added) -> BTreeMap<String, Value> {
    let gone = before.iter().flat_map(|(who, labels)| {
        let keys = labels.keys();
        keys.map(move |key| (who.clone(), key.clone(), Value::Null))
    });
    let there = after.iter().flat_map(|(who, labels)| {
        let pairs = labels.iter();
        pairs.map(move |(key, value)| (who.clone(), key.clone(), json!(value)))
    });
    let mut patches: BTreeMap<String, Value> = BTreeMap::new();
    for (who, key, value) in gone.chain(there) {
        patches.entry(who).or_insert_with(|| json!({}))[key] = value;
    }
    patches
}

impl Case {
    /// The policies as Kubernetes takes them, each with its namespace.
    ///
    /// # Errors
    /// One names something that has no address.
    pub fn objects(&self, places: &Places) -> Result<Vec<Value>, TruthError> {
        let object = |policy: &CasePolicy| {
            Ok(json!({
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {
                    "namespace": places.namespace(&policy.namespace),
                    "name": policy.name,
                },
                "spec": filled(&policy.spec, places)?,
            }))
        };
        self.policies.iter().map(object).collect()
    }
}

/// The same with addresses in their places.
fn filled(value: &Value, places: &Places) -> Result<Value, TruthError> {
    Ok(match value {
        Value::String(text) => Value::String(filled_text(text, places)?),
        Value::Array(all) => {
            let all = all.iter().map(|value| filled(value, places));
            Value::Array(all.collect::<Result<_, _>>()?)
        }
        Value::Object(all) => {
            let all = all.iter();
            let all = all.map(|(key, value)| Ok((key.clone(), filled(value, places)?)));
            Value::Object(all.collect::<Result<_, TruthError>>()?)
        }
        other => other.clone(),
    })
}

fn filled_text(text: &str, places: &Places) -> Result<String, TruthError> {
    let Some((before, rest)) = text.split_once("${") else {
        return Ok(text.to_owned());
    };
    let (name, after) = rest.split_once('}').unwrap_or((rest, ""));
    let filled = match name {
        "pods" => places.pods.to_string(),
        name => places.address(name)?.to_string(),
    };
    Ok(format!("{before}{filled}{after}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_sixty_of_different_names_and_each_says_what_it_shows() {
        let all = cases().unwrap();
        assert!(all.len() >= 60, "{}", all.len());
        let names: BTreeSet<&String> = all.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|case| !case.shows.is_empty()));
    }

    #[test]
    fn labels_of_a_case_are_patched_in_and_those_of_the_last_out() {
        let all = updates().unwrap();
        let labels = |name: &str| &all.iter().find(|c| c.name == name).unwrap().labels;
        let before = labels("updated-namespace");
        let after = labels("updated-pod");
        let patches = relabel(before, after);
        assert_eq!(patches["y"], json!({"ns2": null}));
        assert_eq!(patches["x/b"], json!({"pod2": "updated"}));
        assert!(relabel(&Added::new(), &Added::new()).is_empty());
        assert_eq!(relabel(after, after)["x/b"], json!({"pod2": "updated"}));
    }

    #[test]
    fn addresses_are_put_in_their_places() {
        let places = Places {
            prefix: "t-".to_owned(),
            addresses: [("y/b".to_owned(), "10.0.0.7".parse().unwrap())].into(),
            pods: "10.0.0.0/16".parse().unwrap(),
        };
        let all = cases().unwrap();
        let case = all.iter().find(|c| c.name == "block-with-except").unwrap();
        let object = case.objects(&places).unwrap().remove(0);
        let block = &object["spec"]["egress"][0]["to"][0]["ipBlock"];
        assert_eq!(
            *block,
            json!({"cidr": "10.0.0.0/16", "except": ["10.0.0.7/32"]})
        );
        assert_eq!(object["metadata"]["namespace"], "t-x");
        let nowhere = Places {
            addresses: Default::default(),
            ..places
        };
        assert!(matches!(
            case.objects(&nowhere),
            Err(TruthError::Nowhere(_))
        ));
    }
}
