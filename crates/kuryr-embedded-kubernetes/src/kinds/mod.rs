//! What the API serves: one [`Kind`] for each resource and version, built in or from a CRD.

mod addresses;
pub(crate) mod builtin;
pub(crate) mod crd;
mod event;
mod namespace;
mod node;
mod pod;
mod registry;
mod service;
mod small;
pub(crate) mod table;

use std::{fmt, sync::Arc};

use serde_json::Value;

pub(crate) use addresses::Addresses;
pub use addresses::ServiceRange;
pub(crate) use registry::Registry;

use super::{
    model::{
        error::{ApiError, FieldError},
        names::NameRule,
    },
    patch::lists::ListRules,
    schema::Schema,
    store::{Store, TableName},
};

/// One resource of one API version.
#[derive(Debug)]
pub struct Kind {
    /// API group; "" is the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Name in paths, such as `pods`.
    pub plural: String,
    /// Name for one object, such as `pod`.
    pub singular: String,
    /// Name in objects, such as `Pod`.
    pub kind: String,
    /// Name of the list, such as `PodList`.
    pub list_kind: String,
    /// Abbreviations for `kubectl`.
    pub short_names: Vec<String>,
    /// Groups of resources for `kubectl`, such as `all`.
    pub categories: Vec<String>,
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// `status` is written by the subresource alone.
    pub status: bool,
    /// An update must say which resourceVersion it builds on.
    pub strict_version: bool,
    /// `metadata.generation` counts the changes of what is wanted.
    pub generation: bool,
    /// What names must look like.
    pub names: NameRule,
    /// Where the objects are kept; two kinds may share it.
    pub table: TableName,
    /// How objects of this kind are understood.
    pub form: Form,
    /// What is special about the kind.
    pub behaviour: Behaviour,
}

/// How the objects of a kind are understood.
pub enum Form {
    /// A type of Kubernetes: unknown fields go, wrong types are refused.
    BuiltIn(fn(&Value) -> Result<Value, String>),
    /// A custom resource and its schema.
    Custom(Arc<CustomForm>),
}

/// What a version of a CRD says about its objects.
#[derive(Debug)]
pub struct CustomForm {
    /// Schema of the objects.
    pub schema: Schema,
    /// Columns for `kubectl get`.
    pub columns: Vec<table::CustomColumn>,
}

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BuiltIn(_) => "BuiltIn",
            Self::Custom(_) => "Custom",
        })
    }
}

/// What the rules of a kind may look at beside the object.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// All objects.
    pub store: &'a Store,
    /// Addresses and ports of services.
    pub addresses: &'a Addresses,
}

/// Rules of a kind beside the generic ones; each has a default that does nothing.
#[derive(Debug, Clone, Copy)]
pub struct Behaviour {
    /// Fills in defaults, on every write.
    pub defaults: fn(&mut Value),
    /// Prepares a new object: initial status, allocations.
    pub on_create: fn(&mut Value, Context<'_>) -> Result<(), ApiError>,
    /// Prepares an update: the new object, then the old one.
    pub on_update: fn(&mut Value, &Value, Context<'_>) -> Result<(), ApiError>,
    /// The rules that the object breaks; the second is the old object on an update.
    pub validate: fn(&Value, Option<&Value>) -> Vec<FieldError>,
    /// Between this version's form and the stored form.
    pub conversion: Option<Conversion>,
    /// Fields for `fieldSelector` beside name and namespace.
    pub selectable: &'static [&'static str],
    /// Columns for `kubectl get` between NAME and AGE.
    pub columns: &'static [table::Column],
    /// Subresources beside `status`, and their kinds.
    pub subresources: &'static [(&'static str, &'static str)],
    /// A new object keeps the status it comes with.
    pub status_on_create: bool,
    /// A DELETE that removes the object at once answers with it, not with a Status.
    pub delete_returns_object: bool,
    /// A PUT of an object that is not there creates it.
    pub put_creates: bool,
}

/// Functions between a version's form and the stored form of an object.
#[derive(Debug, Clone, Copy)]
pub struct Conversion {
    /// To the stored form.
    pub store: fn(Value) -> Value,
    /// From the stored form.
    pub load: fn(Value) -> Value,
}

impl Behaviour {
    /// A kind that is only stored.
    pub const PLAIN: Self = Self {
        defaults: |_| {},
        on_create: |_, _| Ok(()),
        on_update: |_, _, _| Ok(()),
        validate: |_, _| Vec::new(),
        conversion: None,
        selectable: &[],
        columns: &[],
        subresources: &[],
        status_on_create: false,
        delete_returns_object: false,
        put_creates: false,
    };
}

impl Kind {
    /// `group/version`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        group_version(&self.group, &self.version)
    }

    /// How the lists of its objects merge.
    pub fn list_rules(&self) -> ListRules<'_> {
        match &self.form {
            Form::BuiltIn(_) => ListRules::BuiltIn(&self.kind),
            Form::Custom(form) => ListRules::Custom(&form.schema),
        }
    }

    /// The kind comes from a CRD.
    pub fn is_custom(&self) -> bool {
        matches!(self.form, Form::Custom(_))
    }

    /// The object in the form of this version.
    pub fn load(&self, stored: &Value) -> Value {
        let mut object = match self.behaviour.conversion {
            Some(conversion) => (conversion.load)(stored.clone()),
            None => stored.clone(),
        };
        object["apiVersion"] = Value::String(self.api_version());
        object["kind"] = Value::String(self.kind.clone());
        object
    }

    /// The object in the stored form.
    pub fn store(&self, object: Value) -> Value {
        match self.behaviour.conversion {
            Some(conversion) => (conversion.store)(object),
            None => object,
        }
    }

    /// 404 for one of its objects.
    pub fn not_found(&self, name: &str) -> ApiError {
        ApiError::not_found(&self.group, &self.plural, name)
    }
}

/// `group/version`, or the version alone for the core group.
pub(crate) fn group_version(group: &str, version: &str) -> String {
    match group {
        "" => version.to_owned(),
        _ => format!("{group}/{version}"),
    }
}
