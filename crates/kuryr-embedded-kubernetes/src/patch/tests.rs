//! Patches as clients send them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{apply::Applier, lists::ListRules, *};

const POD: ListRules<'static> = ListRules::BuiltIn("Pod");

fn applied(live: &Value, manager: &str, force: bool, config: Value) -> Result<Value, u16> {
    let applier = Applier {
        manager,
        force,
        subresource: "",
    };
    apply::apply(live, &config, applier, POD).map_err(|error| error.code)
}

#[test]
fn json_patch_replaces_an_absent_member() {
    let object = json!({"status": {}});
    let patch = json!([{"op": "replace", "path": "/status/vifs", "value": {"eth0": 1}}]);
    assert_eq!(
        json::apply(&object, &patch).unwrap(),
        json!({"status": {"vifs": {"eth0": 1}}})
    );
}

#[test]
fn a_json_patch_that_does_not_fit_is_refused_whole() {
    let object = json!({"a": 1});
    for operation in [
        json!({"op": "test", "path": "/a", "value": 2}),
        json!({"op": "remove", "path": "/b"}),
        json!({"op": "add", "path": "/b/c", "value": 1}),
    ] {
        assert_eq!(
            json::apply(&object, &json!([operation])).unwrap_err().code,
            422
        );
    }
    assert_eq!(
        json::apply(&object, &json!({"op": "add"}))
            .unwrap_err()
            .code,
        400
    );
}

#[test]
fn strategic_merge_joins_conditions_and_containers_by_key() {
    let pod = json!({
        "spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]},
        "status": {"conditions": [{"type": "Ready", "status": "False"}]},
    });
    let patch = json!({
        "spec": {"containers": [{"name": "a", "image": "z"}, {"name": "b", "$patch": "delete"}]},
        "status": {"conditions": [{"type": "Other", "status": "True"}], "$setElementOrder/x": []},
    });
    assert_eq!(
        strategic::apply(&pod, &patch, POD),
        json!({
            "spec": {"containers": [{"name": "a", "image": "z"}]},
            "status": {"conditions": [
                {"type": "Other", "status": "True"}, {"type": "Ready", "status": "False"},
            ]},
        })
    );
}

#[test]
fn strategic_merge_adds_to_and_deletes_from_finalizers() {
    let pod = json!({"metadata": {"finalizers": ["a", "b"]}});
    let add = json!({"metadata": {"finalizers": ["c"]}});
    assert_eq!(
        strategic::apply(&pod, &add, POD)["metadata"]["finalizers"],
        json!(["a", "b", "c"])
    );
    let delete = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}});
    assert_eq!(
        strategic::apply(&pod, &delete, POD)["metadata"]["finalizers"],
        json!(["b"])
    );
}

#[test]
fn apply_removes_what_the_manager_gave_up() {
    let live = json!({"metadata": {"labels": {"other": "1"}}});
    let first = json!({"metadata": {"labels": {"a": "1", "b": "1"}, "finalizers": ["f", "g"]}});
    let second = json!({"metadata": {"labels": {"a": "2"}, "finalizers": ["g"]}});
    let live = applied(&live, "m", false, first).unwrap();
    let live = applied(&live, "m", false, second).unwrap();
    assert_eq!(live["metadata"]["labels"], json!({"a": "2", "other": "1"}));
    assert_eq!(live["metadata"]["finalizers"], json!(["g"]));
}

#[test]
fn apply_conflicts_only_over_different_values_and_force_takes_the_field() {
    let live = applied(&json!({}), "one", false, json!({"spec": {"x": 1, "y": 1}})).unwrap();
    assert!(applied(&live, "two", false, json!({"spec": {"x": 1}})).is_ok());
    assert_eq!(
        applied(&live, "two", false, json!({"spec": {"x": 2}})),
        Err(409)
    );
    let live = applied(&live, "two", true, json!({"spec": {"x": 2}})).unwrap();
    // The first manager gave up y only: x is no longer its own.
    let live = applied(&live, "one", false, json!({"spec": {}})).unwrap();
    assert_eq!(live["spec"], json!({"x": 2}));
}

#[test]
fn items_that_no_key_tells_apart_stay_apart() {
    for conditions in [
        json!([false, null]),
        json!([{"type": "a", "x": 1}, {"type": "a", "x": 2}]),
        json!([{"x": 1}, {"y": 2}]),
    ] {
        let config = json!({"status": {"conditions": conditions}});
        let once = applied(&json!({}), "m", true, config.clone()).unwrap();
        let twice = applied(&once, "m", true, config).unwrap();
        assert_eq!(twice["status"]["conditions"], conditions);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z$/]{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(
                prop_oneof![
                    "[a-c]",
                    Just("metadata".into()),
                    Just("finalizers".into()),
                    Just("conditions".into()),
                    Just("status".into()),
                    Just("type".into())
                ],
                inner,
                0..4,
            )
            .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Any JSON object; another value becomes a member of one.
fn any_object() -> impl Strategy<Value = Value> {
    any_json().prop_map(|value| match value {
        Value::Object(_) => value,
        other => json!({ "status": other }),
    })
}

proptest! {
    #[test]
    fn no_patch_panics(object in any_json(), patch in any_json()) {
        let _ = json::apply(&object, &patch);
        strategic::apply(&object, &patch, POD);
        let _ = applied(&object, "m", true, patch);
    }

    #[test]
    fn applying_the_same_twice_changes_nothing(object in any_object(), config in any_object()) {
        // An object without a name of its own: metadata is kept apart from the rest.
        let config = json!({"spec": config});
        let once = applied(&object, "m", true, config.clone()).unwrap();
        let twice = applied(&once, "m", true, config).unwrap();
        prop_assert_eq!(once, twice);
    }
}
