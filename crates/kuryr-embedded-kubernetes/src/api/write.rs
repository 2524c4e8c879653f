//! Creating and updating objects.

use rand::Rng as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Api, Target, WriteOptions, decode};
use crate::{
    kinds::{Context, Kind},
    model::{
        error::{ApiError, FieldError},
        object,
    },
    store::{Expect, Object, Stored},
};

/// Letters of generated names: no vowels, so that no words come out.
const NAME_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Length of the generated end of a name.
const NAME_END: usize = 5;
/// How often a write that does not insist on a version is tried again when others write too.
const ATTEMPTS: usize = 16;

/// Metadata that a client cannot change.
const SYSTEM_METADATA: [&str; 7] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "generateName",
    "selfLink",
];

/// What part of the object a write is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The object, but its status where that is a subresource.
    Main,
    /// The status alone.
    Status,
    /// Anything, without the rules for clients: bindings, controllers.
    Internal,
}

impl Api {
    /// Creates an object in `namespace` ("" for a cluster-wide kind).
    ///
    /// # Errors
    /// As the real service: 400, 403, 404, 409, 422.
    pub fn create(
        &self,
        kind: &Kind,
        namespace: &str,
        sent: Value,
        options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        let mut new = decode::decode(kind, sent, options)?;
        place(kind, namespace, &mut new)?;
        if !object::meta(&new, "resourceVersion").is_empty() {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(ApiError::new(500, "", message));
        }
        generate_name(&mut new);
        if kind.namespaced {
            self.check_namespace(kind, namespace, object::name(&new))?;
        }
        begin(kind, &mut new);
        // Held until the object is stored, so that no other gets the same address.
        let _choice = (kind.table.as_str() == "services").then(|| self.addresses.lock());
        (kind.behaviour.on_create)(&mut new, self.context())?;
        decode::validate(kind, &new, None)?;
        let name = object::name(&new).to_owned();
        self.commit(kind, Expect::Absent, new, options)
            .map_err(|_| ApiError::already_exists(&kind.group, &kind.plural, &name))
    }

    /// Updates an object: `make` gets the present one (in the form of the kind's version)
    /// and answers with the one wanted. It is called again if another write came between.
    ///
    /// # Errors
    /// As the real service: 400, 404, 409, 422; and what `make` answers.
    pub fn update(
        &self,
        target: &Target,
        part: Part,
        options: &WriteOptions,
        mut make: impl FnMut(&Value) -> Result<Value, ApiError>,
    ) -> Result<Object, ApiError> {
        let kind = &target.kind;
        for _ in 0..ATTEMPTS {
            let old = self.get(target)?;
            let sent = make(&kind.load(&old.value))?;
            check_identity(target, &old, &sent, options)?;
            let mut new = decode::decode(kind, sent, options)?;
            keep_fixed(kind, part, &mut new, &old.value);
            let _choice = (kind.table.as_str() == "services").then(|| self.addresses.lock());
            if part == Part::Main {
                (kind.behaviour.on_update)(&mut new, &old.value, self.context())?;
            }
            check_finalizers(kind, &new, &old.value)?;
            if part != Part::Internal {
                decode::validate(kind, &new, Some(&old.value))?;
            }
            count_generation(kind, &mut new, &old.value);
            if new == old.value {
                return Ok(old);
            }
            let expect = Expect::Version(old.version);
            let stored = match is_over(&new) {
                // Watchers see the object as it was last stored; the answer shows what was asked for, at the same
                // version.
                true => self
                    .commit_removal(kind, expect, old.value.clone(), options)
                    .map(|_| Stored::unversioned(new, old.version)),
                false => self.commit(kind, expect, new, options),
            };
            if let Ok(object) = stored {
                return Ok(object);
            }
        }
        Err(ApiError::stale(&kind.group, &kind.plural, &target.key.name))
    }

    pub(super) fn context(&self) -> Context<'_> {
        Context {
            store: &self.store,
            addresses: &self.addresses,
        }
    }

    /// Stores an object, or on a dry run pretends to.
    pub(super) fn commit(
        &self,
        kind: &Kind,
        expect: Expect,
        value: Value,
        options: &WriteOptions,
    ) -> Result<Object, crate::store::Raced> {
        if options.dry_run {
            let taken = self
                .store
                .get(&kind.table, &crate::store::Key::of(&value))
                .is_some();
            return match (expect, taken) {
                (Expect::Absent, true) => Err(crate::store::Raced),
                _ => Ok(Stored::unversioned(value, 0)),
            };
        }
        let object = self.store.put(&kind.table, expect, value)?;
        self.after_change(&kind.table, &object.value, false);
        Ok(object)
    }

    /// Removes an object, or on a dry run pretends to.
    pub(super) fn commit_removal(
        &self,
        kind: &Kind,
        expect: Expect,
        last: Value,
        options: &WriteOptions,
    ) -> Result<Object, crate::store::Raced> {
        if options.dry_run {
            return Ok(Stored::unversioned(last, 0));
        }
        let object = self.store.remove(&kind.table, expect, last)?;
        self.after_change(&kind.table, &object.value, true);
        Ok(object)
    }
}

/// The namespace of the path is the object's.
fn place(kind: &Kind, namespace: &str, new: &mut Value) -> Result<(), ApiError> {
    let sent = object::namespace(new);
    if !kind.namespaced {
        object::remove(new, &["metadata", "namespace"]);
        return Ok(());
    }
    if !sent.is_empty() && sent != namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object::set(new, &["metadata", "namespace"], json!(namespace));
    Ok(())
}

fn generate_name(new: &mut Value) {
    let prefix = object::meta(new, "generateName").to_owned();
    if object::name(new).is_empty() && !prefix.is_empty() {
        let mut random = rand::rng();
        let mut letter = || char::from(NAME_LETTERS[random.random_range(0..NAME_LETTERS.len())]);
        let end: String = (0..NAME_END).map(|_| letter()).collect();
        object::set(new, &["metadata", "name"], json!(format!("{prefix}{end}")));
    }
}

/// What every new object gets, and what none may bring.
fn begin(kind: &Kind, new: &mut Value) {
    let meta = object::meta_mut(new);
    for field in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
    ] {
        meta.remove(field);
    }
    meta.insert("uid".to_owned(), json!(Uuid::new_v4()));
    meta.insert("creationTimestamp".to_owned(), json!(object::now()));
    if kind.generation {
        meta.insert("generation".to_owned(), json!(1));
    }
    if kind.status && !kind.behaviour.status_on_create {
        object::remove(new, &["status"]);
    }
}

/// Name, uid and version of the request are those of the present object.
fn check_identity(
    target: &Target,
    old: &Stored,
    sent: &Value,
    options: &WriteOptions,
) -> Result<(), ApiError> {
    let kind = &target.kind;
    let (name, wanted) = (object::name(sent), &target.key.name);
    if name != wanted {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        )));
    }
    let namespace = object::namespace(sent);
    if !namespace.is_empty() && namespace != target.key.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    check_uid(target, object::uid(&old.value), object::uid(sent), options)?;
    match object::meta(sent, "resourceVersion") {
        "" if kind.strict_version => {
            let detail = "must be specified for an update";
            let error = FieldError {
                message: format!("Invalid value: 0x0: {detail}"),
                ..FieldError::invalid("metadata.resourceVersion", &json!(0), detail)
            };
            Err(ApiError::invalid(&kind.group, &kind.plural, name, &[error]))
        }
        "" => Ok(()),
        version if version == old.version.to_string() => Ok(()),
        version if version.parse::<u64>().is_err() => {
            let message = format!("strconv.ParseUint: parsing \"{version}\": invalid syntax");
            Err(ApiError::new(500, "", message))
        }
        _ => Err(ApiError::stale(&kind.group, &kind.plural, name)),
    }
}

/// A uid in the request must be the object's: of a PUT it is a precondition, of a patch a
/// change that is not allowed.
fn check_uid(
    target: &Target,
    present: &str,
    uid: &str,
    options: &WriteOptions,
) -> Result<(), ApiError> {
    let (kind, name) = (&target.kind, &target.key.name);
    if uid.is_empty() || uid == present {
        return Ok(());
    }
    if options.patch {
        let error = FieldError::invalid("metadata.uid", &json!(uid), "field is immutable");
        return Err(ApiError::invalid(&kind.group, &kind.kind, name, &[error]));
    }
    let detail = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, \
         AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object \
         meta: {present}",
        kind.plural, target.key
    );
    Err(ApiError::conflict(&kind.group, &kind.plural, name, &detail))
}

/// Takes over from the old object what this write cannot change.
fn keep_fixed(kind: &Kind, part: Part, new: &mut Value, old: &Value) {
    object::copy(old, new, &["metadata", "namespace"]);
    object::copy(old, new, &["metadata", "resourceVersion"]);
    for field in SYSTEM_METADATA {
        object::copy(old, new, &["metadata", field]);
    }
    if object::at(new, &["metadata", "managedFields"]).is_none() {
        object::copy(old, new, &["metadata", "managedFields"]);
    }
    match part {
        Part::Main if kind.status => object::copy(old, new, &["status"]),
        Part::Status => {
            let mut result = old.clone();
            object::copy(new, &mut result, &["status"]);
            let kept: &[&str] = match kind.is_custom() {
                true => &["managedFields"],
                false => &["managedFields", "labels", "annotations", "finalizers"],
            };
            for field in kept {
                object::copy(new, &mut result, &["metadata", field]);
            }
            *new = result;
        }
        Part::Main | Part::Internal => {}
    }
}

/// An object that is being deleted gets no new finalizers.
fn check_finalizers(kind: &Kind, new: &Value, old: &Value) -> Result<(), ApiError> {
    if !object::is_deleting(old) {
        return Ok(());
    }
    let before: Vec<&str> = object::finalizers(old).collect();
    let added: Vec<&str> = object::finalizers(new)
        .filter(|name| !before.contains(name))
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    let added: Vec<String> = added.iter().map(|name| format!("\"{name}\"")).collect();
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        added.join(", ")
    );
    let error = FieldError::forbidden("metadata.finalizers", &detail);
    Err(ApiError::invalid(
        &kind.group,
        &kind.kind,
        object::name(new),
        &[error],
    ))
}

/// `metadata.generation` counts changes outside metadata and status.
fn count_generation(kind: &Kind, new: &mut Value, old: &Value) {
    let wanted = |object: &Value| {
        let mut object = object.clone();
        object::remove(&mut object, &["metadata"]);
        if kind.status {
            object::remove(&mut object, &["status"]);
        }
        object
    };
    if kind.generation && wanted(new) != wanted(old) {
        let count = object::at(old, &["metadata", "generation"])
            .and_then(Value::as_i64)
            .unwrap_or(0);
        object::set(new, &["metadata", "generation"], json!(count + 1));
    }
}

/// The object is being deleted and nothing holds it any more.
pub(super) fn is_over(object: &Value) -> bool {
    let grace = object::at(object, &["metadata", "deletionGracePeriodSeconds"]);
    object::is_deleting(object)
        && object::finalizers(object).next().is_none()
        && holding(object).is_empty()
        && grace.and_then(Value::as_i64).unwrap_or(0) == 0
}

/// What holds a namespace beside its finalizers.
pub(super) fn holding(object: &Value) -> &[Value] {
    match object::text(object, &["kind"]) {
        Some("Namespace") => object::list(object, &["spec", "finalizers"]),
        _ => &[],
    }
}
