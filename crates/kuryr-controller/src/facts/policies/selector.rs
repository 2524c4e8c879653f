//! Label selectors and labels.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kuryr_core::policy::{Id, Labels, Requirement, Selector, Test};

/// Labels as decisions have them.
pub(super) fn labels(all: &BTreeMap<String, String>) -> Labels {
    let pairs = all.iter();
    pairs
        .map(|(key, value)| (Id::from(key.as_str()), Id::from(value.as_str())))
        .collect()
}

/// A selector; the empty one selects everything.
pub(super) fn selector(selector: &LabelSelector) -> Selector {
    let equal = selector.match_labels.as_ref().map(labels);
    let expressions = selector.match_expressions.iter().flatten();
    Selector::new(equal.unwrap_or_default(), expressions.map(requirement))
}

fn requirement(expression: &LabelSelectorRequirement) -> Requirement {
    let values = || {
        let values = expression.values.iter().flatten();
        values.map(|v| Id::from(v.as_str())).collect()
    };
    let test = match expression.operator.as_str() {
        "In" => Test::In(values()),
        "NotIn" => Test::NotIn(values()),
        "Exists" => Test::Exists,
        "DoesNotExist" => Test::DoesNotExist,
        other => Test::Unknown(other.into()),
    };
    Requirement {
        key: expression.key.as_str().into(),
        test,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> String {
        let object: LabelSelector = serde_json::from_value(value).unwrap();
        selector(&object).to_string()
    }

    #[test]
    fn labels_and_expressions_are_read_and_nothing_is_everything() {
        assert_eq!(read(json!({})), "everything");
        let all = json!({
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "NotIn", "values": ["back", "db"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "new", "operator": "Exists"},
                {"key": "zone", "operator": "In", "values": ["b", "a"]},
            ],
        });
        assert_eq!(
            read(all),
            "app=web,new,!old,tier notin (back,db),zone in (a,b)"
        );
    }

    #[test]
    fn an_operator_of_the_future_selects_nothing() {
        let object = json!({"matchExpressions": [{"key": "n", "operator": "Gt", "values": ["1"]}]});
        let object: LabelSelector = serde_json::from_value(object).unwrap();
        let labels = labels(&BTreeMap::from([("n".to_owned(), "2".to_owned())]));
        assert!(!selector(&object).matches(&labels));
    }
}
