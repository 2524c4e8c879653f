//! Security groups: how they are marked and found again.

use kuryr_openstack::model::{Direction, EtherType, NewSecurityGroup, NewSecurityGroupRule};
use kuryr_openstack::{ConflictKind, MarkedBy, SecurityGroupQuery};
use serde_json::{Value, json};
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer};

use crate::cloud::*;

const ID: &str = "2f245a7b-796b-4f26-9cf9-9e82d248fda7";

fn new() -> NewSecurityGroup {
    NewSecurityGroup {
        name: "kuryr-policy".to_owned(),
        ..NewSecurityGroup::default()
    }
}

fn rule(ethertype: &str) -> Value {
    json!({ "id": ethertype, "direction": "egress", "ethertype": ethertype })
}

async fn accepting() -> MockServer {
    let server = server().await;
    let made = json!({ "security_group": { "id": ID, "name": "kuryr-policy", "description": "kuryr c", "tags": [],
        "security_group_rules": [rule("IPv4"), rule("IPv6")] } });
    on("POST", "security-groups", 201, made)
        .mount(&server)
        .await;
    server
}

fn tags() -> Value {
    json!({ "tags": ["kuryr:c", "kuryr-policy-group=1"] })
}

#[tokio::test]
async fn the_description_marks_it_from_the_start_and_tags_follow() {
    let server = accepting().await;
    on("PUT", &format!("security-groups/{ID}/tags"), 200, tags())
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    let key = ["kuryr-policy-group=1".to_owned()];
    let made = neutron
        .create_owned_security_group(&new(), &key, &mark())
        .await
        .unwrap();
    assert_eq!(mark().on(&made), Some(MarkedBy::Tag));
    assert_eq!(made.rules.len(), 2, "Neutron's own two are seen");
    let sent = requests(&server).await;
    let want = json!({ "security_group": { "name": "kuryr-policy", "description": "kuryr c" } });
    assert_eq!(sent[0].body_json::<Value>().unwrap(), want);
    assert_eq!(sent[1].body_json::<Value>().unwrap(), tags());
}

#[tokio::test]
async fn one_that_cannot_be_tagged_is_given_all_the_same() {
    let server = accepting().await;
    let refused = neutron_error("HTTPNotFound", "The resource could not be found.");
    let path = format!("security-groups/{ID}/tags");
    on("PUT", &path, 404, refused).mount(&server).await;
    let neutron = connect(&server).await.neutron();
    let made = neutron
        .create_owned_security_group(&new(), &[], &mark())
        .await
        .unwrap();
    assert_eq!(mark().on(&made), Some(MarkedBy::Description));
}

#[tokio::test]
async fn what_is_ours_is_found_by_tag_or_description_once() {
    let server = server().await;
    let extensions = json!({ "extensions": [{ "alias": "standard-attr-tag" }] });
    on("GET", "extensions", 200, extensions)
        .mount(&server)
        .await;
    let group = |id: &str, tags: &[&str], description: &str| json!({ "id": id, "tags": tags, "description": description, "security_group_rules": [rule("IPv4")] });
    let list = || Mock::given(path("/network/v2.0/security-groups"));
    let tagged = [
        group("a", &["kuryr:c"], "kuryr c"),
        group("b", &["other"], ""),
    ];
    list()
        .and(query_param("tags", "kuryr:c"))
        .respond_with(json_answer(200, json!({ "security_groups": tagged })))
        .mount(&server)
        .await;
    let described = [
        group("a", &["kuryr:c"], "kuryr c"),
        group("c", &[], "kuryr c"),
    ];
    list()
        .and(query_param("description", "kuryr c"))
        .respond_with(json_answer(200, json!({ "security_groups": described })))
        .mount(&server)
        .await;
    let neutron = connect(&server).await.neutron();
    let found = neutron
        .list_owned_security_groups(&mark(), &SecurityGroupQuery::new())
        .await
        .unwrap();
    let ids: Vec<_> = found
        .iter()
        .map(|g| (g.id.as_str(), g.rules.len()))
        .collect();
    assert_eq!(ids, [("a", 1), ("c", 1)]);
}

#[tokio::test]
async fn rules_are_one_call_and_each_refusal_has_its_kind() {
    let answers = [
        ("OverQuota", 409, ConflictKind::OverQuota),
        ("SecurityGroupRuleExists", 409, ConflictKind::RuleExists),
    ];
    for (kind, status, conflict) in answers {
        let server = server().await;
        on(
            "POST",
            "security-group-rules",
            status,
            neutron_error(kind, "no"),
        )
        .expect(1)
        .mount(&server)
        .await;
        let neutron = connect(&server).await.neutron();
        let rules: Vec<_> = [80, 443]
            .map(|port| NewSecurityGroupRule {
                protocol: Some("tcp".to_owned()),
                port_range_min: Some(port),
                port_range_max: Some(port),
                ..NewSecurityGroupRule::any("g", Direction::Ingress, EtherType::IPv4)
            })
            .into();
        let error = neutron
            .create_security_group_rules(&rules)
            .await
            .unwrap_err();
        assert_eq!(error.conflict(), Some(&conflict));
        let sent = requests(&server).await;
        let body: Value = sent[0].body_json().unwrap();
        assert_eq!(body["security_group_rules"].as_array().unwrap().len(), 2);
    }
}
