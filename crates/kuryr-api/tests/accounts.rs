//! What `deploy/rbac` and `deploy/admission` say is what Kubernetes reads, and they speak of the same accounts and kinds.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use kuryr_api::crd;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml_ng::{Deserializer, Value};

fn documents(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(file);
    let text = fs::read_to_string(path).unwrap();
    Deserializer::from_str(&text)
        .map(|d| Value::deserialize(d).unwrap())
        .collect()
}

fn of_kind<T: DeserializeOwned>(file: &str, kind: &str) -> Vec<T> {
    let all = documents(file).into_iter().filter(|d| d["kind"] == kind);
    all.map(|d| serde_yaml_ng::from_value(d).unwrap()).collect()
}

#[test]
fn only_the_controllers_account_may_write_what_is_ours() {
    let policies: Vec<ValidatingAdmissionPolicy> = of_kind(
        "admission/custom-resources.yaml",
        "ValidatingAdmissionPolicy",
    );
    let spec = policies[0].spec.clone().unwrap();
    let accounts: Vec<ServiceAccount> = of_kind("rbac/accounts.yaml", "ServiceAccount");
    let says = spec.validations.unwrap()[0].expression.clone();
    for account in accounts {
        let (name, namespace) = (
            account.metadata.name.unwrap(),
            account.metadata.namespace.unwrap(),
        );
        let named = says.contains(&format!("'system:serviceaccount:{namespace}:{name}'"));
        assert_eq!(named, name == "kuryr-controller", "{name}");
    }
    let rules = spec.match_constraints.unwrap().resource_rules.unwrap();
    let resources = rules[0].resources.clone().unwrap();
    for crd in crd::all() {
        assert!(
            resources.contains(&crd.spec.names.plural),
            "{}",
            crd.spec.names.plural
        );
    }
}

#[test]
fn no_account_may_do_everything_or_read_secrets() {
    let cluster: Vec<ClusterRole> = of_kind("rbac/accounts.yaml", "ClusterRole");
    let roles: Vec<Role> = of_kind("rbac/accounts.yaml", "Role");
    let rules = cluster
        .into_iter()
        .filter_map(|r| r.rules)
        .chain(roles.into_iter().filter_map(|r| r.rules));
    for rule in rules.flatten() {
        let words = rule.verbs.iter().chain(rule.resources.iter().flatten());
        assert!(
            words.clone().all(|w| w != "*" && w != "secrets"),
            "{rule:?}"
        );
    }
}
