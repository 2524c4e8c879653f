//! The store's promises: nothing overwritten unseen, history true or refused.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn named(name: &str, data: u32) -> Value {
    json!({"metadata": {"namespace": "n", "name": name}, "data": data})
}

fn names(objects: &[Object]) -> Vec<String> {
    objects
        .iter()
        .map(|object| format!("{}={}", object.key().name, object.value["data"]))
        .collect()
}

fn table() -> TableName {
    TableName::from("things")
}

#[test]
fn a_write_that_builds_on_something_else_is_refused() {
    let store = Store::new(10);
    let first = store.put(&table(), Expect::Absent, named("a", 1)).unwrap();
    assert_eq!(
        store
            .put(&table(), Expect::Absent, named("a", 2))
            .unwrap_err(),
        Raced
    );
    store
        .put(&table(), Expect::Version(first.version), named("a", 2))
        .unwrap();
    assert_eq!(
        store
            .put(&table(), Expect::Version(first.version), named("a", 3))
            .unwrap_err(),
        Raced
    );
    assert_eq!(
        store
            .remove(&table(), Expect::Version(first.version), named("a", 2))
            .unwrap_err(),
        Raced
    );
}

#[test]
fn a_deleted_object_has_the_version_of_its_deletion() {
    let store = Store::new(10);
    let first = store.put(&table(), Expect::Absent, named("a", 1)).unwrap();
    let gone = store
        .remove(&table(), Expect::Version(first.version), named("a", 9))
        .unwrap();
    assert_eq!(gone.version, first.version + 1);
    let changes = store.changes_since(&table(), first.version).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].object.version, gone.version);
    assert_eq!(changes[0].kind, ChangeKind::Deleted);
}

#[test]
fn forgotten_history_is_refused() {
    let store = Store::new(2);
    let first = store.put(&table(), Expect::Absent, named("a", 1)).unwrap();
    for name in ["b", "c", "d"] {
        store.put(&table(), Expect::Absent, named(name, 1)).unwrap();
    }
    assert!(store.changes_since(&table(), first.version).is_err());
    assert!(store.changes_since(&table(), first.version + 1).is_ok());
    let version = store.version();
    store.forget_history();
    assert!(store.changes_since(&table(), version).is_err());
    assert!(
        store
            .changes_since(&table(), store.version())
            .unwrap()
            .is_empty()
    );
}

proptest! {
    #[test]
    fn an_older_view_is_the_view_of_that_time(
        steps in proptest::collection::vec((0u32..5, any::<bool>()), 1..30),
    ) {
        let store = Store::new(100);
        let mut views = Vec::new();
        for (data, (name, remove)) in steps.into_iter().enumerate() {
            let value = named(&name.to_string(), u32::try_from(data).unwrap());
            let held = store.get(&table(), &Key::of(&value));
            let expect = held.map_or(Expect::Absent, |object| Expect::Version(object.version));
            if remove {
                let _ = store.remove(&table(), expect, value);
            } else {
                store.put(&table(), expect, value).unwrap();
            }
            let (objects, version) = store.list(&table(), "n");
            views.push((version, names(&objects)));
        }
        for (version, view) in views {
            prop_assert_eq!(names(&store.list_at(&table(), "n", version).unwrap()), view);
        }
    }
}
