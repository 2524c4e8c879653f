//! What the API offers, as clients ask for it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    api::Api,
    kinds::{Kind, group_version},
    model::{error::ApiError, path::ApiPath},
};

/// Verbs in the order of the real service, which differs for custom resources.
const CUSTOM_VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];
const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// `/version`.
pub(super) fn version(version: &str) -> Value {
    let mut numbers = version.trim_start_matches('v').split('.');
    json!({
        "major": numbers.next(),
        "minor": numbers.next(),
        "gitVersion": version,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// `/`.
pub(super) fn paths() -> Value {
    json!({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]})
}

/// Discovery below `/api` and `/apis`. `accept` may prefer the aggregated form; clients
/// that do also take this one.
pub(super) fn answer(api: &Api, path: &ApiPath, _accept: &str) -> Result<Value, ApiError> {
    match path {
        ApiPath::CoreVersions => Ok(json!({
            "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [],
        })),
        ApiPath::Groups => {
            let groups: Vec<Value> = versions(api)
                .iter()
                .map(|(name, versions)| group(name, versions))
                .collect();
            Ok(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ApiPath::Group(name) => {
            let all = versions(api);
            let versions = all.get(name).ok_or_else(ApiError::no_such_resource)?;
            let mut answer = group(name, versions);
            answer["kind"] = json!("APIGroup");
            answer["apiVersion"] = json!("v1");
            Ok(answer)
        }
        ApiPath::Resources { group, version } => resources(api, group, version),
        ApiPath::Resource(_) => Err(ApiError::no_such_resource()),
    }
}

/// Whether there is such a group; "" is the core group.
pub(super) fn has_group(api: &Api, group: &str) -> bool {
    group.is_empty() || versions(api).contains_key(group)
}

/// Versions by group, without the core group.
fn versions(api: &Api) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    groups.insert("authorization.k8s.io".to_owned(), vec!["v1".to_owned()]);
    for kind in api
        .registry()
        .all()
        .iter()
        .filter(|kind| !kind.group.is_empty())
    {
        let versions = groups.entry(kind.group.clone()).or_default();
        if !versions.contains(&kind.version) {
            versions.push(kind.version.clone());
        }
    }
    for versions in groups.values_mut() {
        versions.sort_by_key(|version| std::cmp::Reverse(stability(version)));
    }
    groups
}

/// Orders versions as Kubernetes does: v2 before v1 before v1beta1 before v1alpha1.
fn stability(version: &str) -> (u8, Vec<u32>) {
    let level = match () {
        () if version.contains("alpha") => 0,
        () if version.contains("beta") => 1,
        () => 2,
    };
    let numbers = version.split(|character: char| !character.is_ascii_digit());
    (
        level,
        numbers.filter_map(|number| number.parse().ok()).collect(),
    )
}

fn group(name: &str, versions: &[String]) -> Value {
    let entry = |version: &String| json!({"groupVersion": group_version(name, version), "version": version});
    json!({
        "name": name,
        "versions": versions.iter().map(entry).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(entry),
    })
}

fn resources(api: &Api, group: &str, version: &str) -> Result<Value, ApiError> {
    let mut list = Vec::new();
    if (group, version) == ("authorization.k8s.io", "v1") {
        list.push(json!({
            "name": "selfsubjectaccessreviews", "singularName": "selfsubjectaccessreview",
            "namespaced": false, "kind": "SelfSubjectAccessReview", "verbs": ["create"],
        }));
    }
    let all = api.registry().all();
    for kind in all
        .iter()
        .filter(|kind| kind.group == group && kind.version == version)
    {
        list.extend(entries(kind));
    }
    if list.is_empty() {
        return Err(ApiError::no_such_resource());
    }
    let mut answer = json!({
        "kind": "APIResourceList",
        "groupVersion": group_version(group, version), "resources": list,
    });
    if !group.is_empty() {
        answer["apiVersion"] = json!("v1");
    }
    Ok(answer)
}

fn verbs(kind: &Kind) -> Vec<&'static str> {
    if kind.is_custom() {
        return CUSTOM_VERBS.to_vec();
    }
    let mut verbs = VERBS.to_vec();
    if kind.table.as_str() == "namespaces" {
        verbs.retain(|verb| *verb != "deletecollection");
    }
    verbs
}

fn entries(kind: &Kind) -> Vec<Value> {
    let mut main = json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced,
        "kind": kind.kind, "verbs": verbs(kind),
    });
    if !kind.short_names.is_empty() {
        main["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        main["categories"] = json!(kind.categories);
    }
    let sub = |name: &str, of: &str, verbs: &[&str]| {
        json!({
            "name": format!("{}/{name}", kind.plural), "singularName": "",
            "namespaced": kind.namespaced, "kind": of, "verbs": verbs,
        })
    };
    let mut all = vec![main];
    if kind.status {
        all.push(sub("status", &kind.kind, &["get", "patch", "update"]));
    }
    for (name, of) in kind.behaviour.subresources {
        let verb = if *name == "finalize" {
            "update"
        } else {
            "create"
        };
        all.push(sub(name, of, &[verb]));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_first() {
        let mut versions = vec!["v1beta1", "v2", "v1alpha1", "v1", "v1beta2"];
        versions.sort_by_key(|version| std::cmp::Reverse(stability(version)));
        assert_eq!(versions, ["v2", "v1", "v1beta2", "v1beta1", "v1alpha1"]);
    }
}
