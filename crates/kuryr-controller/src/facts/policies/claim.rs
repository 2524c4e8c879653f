//! KuryrNetworkPolicies: read, and written as what a policy came to.

use std::collections::BTreeSet;

use kube::ResourceExt;
use kube::core::DynamicObject;
use kuryr_api::names::NETWORKPOLICY_FINALIZER;
use kuryr_core::policy::{
    Claim, Content, Direction, ListedRule, PolicyKey, Requirement, Selector, Test,
};
use kuryr_openstack::model::SecurityGroupRule;
use serde_json::{Value, json};

use super::group::{new_rule, seen_rule};
use super::policy::direction;
use super::selector::selector;
use crate::reconcile::version;

/// Namespace and name, which are its policy's.
#[must_use]
pub fn claim_key(object: &DynamicObject) -> PolicyKey {
    PolicyKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

/// Reads a KuryrNetworkPolicy as far as it can be read.
#[must_use]
pub fn claim(object: &DynamicObject) -> Claim {
    let group = object.data.pointer("/status/securityGroupId");
    let group = group.and_then(Value::as_str).filter(|id| !id.is_empty());
    Claim {
        policy: claim_key(object),
        group: group.map(Into::into),
        content: content(&object.data),
        deleting: object.metadata.deletion_timestamp.is_some(),
        finalizer: object
            .finalizers()
            .iter()
            .any(|f| f == NETWORKPOLICY_FINALIZER),
        version: version(object.metadata.resource_version.as_deref()),
    }
}

/// What it says; none if it is not what would be written to say that, such as what upstream wrote.
fn content(data: &Value) -> Option<Content> {
    let read = |path: &str| data.pointer(path).cloned();
    let pods = serde_json::from_value(read("/spec/podSelector")?).ok()?;
    let types: Vec<String> = serde_json::from_value(read("/spec/policyTypes")?).ok()?;
    let rules: Vec<SecurityGroupRule> =
        serde_json::from_value(read("/status/securityGroupRules")?).ok()?;
    let listed = |made: &SecurityGroupRule| {
        Some(ListedRule {
            rule: seen_rule(made).rule?,
            group: made.security_group_id.as_str().into(),
            id: made.id.as_str().into(),
        })
    };
    let content = Content {
        pods: selector(&pods),
        types: types.iter().filter_map(|word| direction(word)).collect(),
        rules: rules.iter().map(listed).collect::<Option<_>>()?,
    };
    let (spec, status) = body(&content);
    (data["spec"] == spec && data["status"] == status).then_some(content)
}

/// `spec` and `status` of a KuryrNetworkPolicy with this content.
#[must_use]
pub fn body(content: &Content) -> (Value, Value) {
    let pods = label_selector(&content.pods);
    let rules = |direction: Direction| {
        let all = content.rules.iter().map(|listed| &listed.rule);
        let own = all.filter(|rule| rule.direction == direction);
        // The same rule may be in two groups.
        let own: BTreeSet<_> = own.collect();
        let own = own.into_iter().map(|rule| {
            let mut rule = json!(new_rule("", rule));
            if let Some(fields) = rule.as_object_mut() {
                fields.remove("security_group_id");
            }
            json!({ "sgRule": rule })
        });
        own.collect::<Vec<_>>()
    };
    let types = content.types.iter().map(|direction| match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    });
    let listed = content.rules.iter().map(|listed| {
        let mut rule = json!(new_rule(&listed.group, &listed.rule));
        rule["id"] = json!(&*listed.id);
        rule
    });
    let spec = json!({
        "podSelector": pods,
        "policyTypes": types.collect::<Vec<_>>(),
        "ingressSgRules": rules(Direction::Ingress),
        "egressSgRules": rules(Direction::Egress),
    });
    let mut status = json!({
        "podSelector": pods,
        "securityGroupRules": listed.collect::<Vec<_>>(),
    });
    if let Some(group) = content.group() {
        status["securityGroupId"] = json!(&**group);
    }
    (spec, status)
}

/// A merge patch to that: it takes out what may be there and is not to be.
#[must_use]
pub fn patch(content: &Content) -> Value {
    let (mut spec, mut status) = body(content);
    for body in [&mut spec, &mut status] {
        let pods = &mut body["podSelector"];
        for field in ["matchLabels", "matchExpressions"] {
            if pods.get(field).is_none() {
                pods[field] = Value::Null;
            }
        }
    }
    if status.get("securityGroupId").is_none() {
        status["securityGroupId"] = Value::Null;
    }
    json!({ "spec": spec, "status": status })
}

/// A selector as Kubernetes writes it. All of it is expressions: a merge replaces these as a whole, and labels one by one.
fn label_selector(selector: &Selector) -> Value {
    let all: Vec<Value> = selector.requirements().map(expression).collect();
    match all.is_empty() {
        true => json!({}),
        false => json!({ "matchExpressions": all }),
    }
}

fn expression(requirement: &Requirement) -> Value {
    let (operator, values) = match &requirement.test {
        Test::In(values) => ("In", Some(values)),
        Test::NotIn(values) => ("NotIn", Some(values)),
        Test::Exists => ("Exists", None),
        Test::DoesNotExist => ("DoesNotExist", None),
        Test::Unknown(operator) => (&**operator, None),
    };
    let mut expression = json!({ "key": &*requirement.key, "operator": operator });
    if let Some(values) = values {
        expression["values"] = values.iter().map(|value| json!(&**value)).collect();
    }
    expression
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use kuryr_api::crd::KuryrNetworkPolicy;
    use kuryr_core::policy::{Family, Id, Protocol, Remote, Rule, Traffic};

    use super::*;

    fn content() -> Content {
        let listed = |direction, remote, n: u16| ListedRule {
            rule: Rule {
                direction,
                family: Family::V4,
                traffic: Traffic::Ports(Protocol::Tcp, n, 90),
                remote,
            },
            group: Id::from(format!("{direction}-group")),
            id: Id::from(format!("rule{n}")),
        };
        let members = Remote::Group("members".into());
        let block = Remote::Prefix("10.0.0.0/8".parse().unwrap());
        Content {
            pods: selector(
                &serde_json::from_value(json!({
                    "matchLabels": {"app": "web"},
                    "matchExpressions": [
                        {"key": "old", "operator": "DoesNotExist"},
                        {"key": "tier", "operator": "NotIn", "values": ["a", "b"]},
                    ],
                }))
                .unwrap(),
            ),
            types: Direction::BOTH.into(),
            rules: [
                listed(Direction::Ingress, members, 80),
                listed(Direction::Egress, block, 81),
                listed(Direction::Egress, Remote::Any, 82),
            ]
            .into(),
        }
    }

    fn object(spec: &Value, status: &Value) -> DynamicObject {
        let object = json!({
            "metadata": {"name": "p", "namespace": "a", "resourceVersion": "7", "finalizers": [NETWORKPOLICY_FINALIZER]},
            "spec": spec, "status": status,
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_is_written_is_read_as_that() {
        for content in [content(), Content::default()] {
            let (spec, status) = body(&content);
            let claim = claim(&object(&spec, &status));
            assert_eq!(claim.group.as_ref(), content.group());
            // Upstream's definition keeps what it does not know.
            let peers = status.pointer("/securityGroupRules/0/remote_group_id");
            assert_eq!(peers.is_some(), !content.rules.is_empty());
            assert_eq!(claim.content, Some(content));
            assert_eq!((claim.version, claim.finalizer), (7, true));
            assert_eq!(claim.old_group(), None);
        }
    }

    #[test]
    fn what_is_written_is_what_the_definition_says() {
        let (spec, status) = body(&content());
        let whole = json!({"metadata": {"name": "p"}, "spec": spec, "status": status});
        let typed: KuryrNetworkPolicy = serde_json::from_value(whole).unwrap();
        let status = typed.status.unwrap();
        assert_eq!(status.security_group_id.as_deref(), Some("ingress-group"));
        assert_eq!(typed.spec.ingress_sg_rules.len(), 1);
        assert_eq!(typed.spec.egress_sg_rules.len(), 2);
        assert_eq!(status.security_group_rules[0].id.as_deref(), Some("rule80"));
    }

    #[test]
    fn what_upstream_wrote_names_its_group_and_says_nothing() {
        let rule = json!({"direction": "ingress", "ethertype": "IPv4", "description": "Kuryr-Kubernetes NetPolicy SG rule"});
        let spec = json!({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"],
            "ingressSgRules": [{"sgRule": rule}], "egressSgRules": []});
        let claim = claim(&object(
            &spec,
            &json!({"securityGroupId": "sg", "securityGroupRules": []}),
        ));
        assert_eq!(claim.content, None);
        assert_eq!(claim.old_group(), Some(&"sg".into()));
        for odd in [json!(7), json!({"securityGroupId": 7})] {
            assert_eq!(super::claim(&object(&json!("odd"), &odd)).old_group(), None);
        }
    }

    #[test]
    fn a_patch_takes_out_what_is_not_to_be() {
        let patch = patch(&Content::default());
        assert_eq!(patch["spec"]["podSelector"]["matchLabels"], Value::Null);
        assert!(patch["status"].get("securityGroupId").is_some());
    }
}
