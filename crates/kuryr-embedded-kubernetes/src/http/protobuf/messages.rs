//! The messages that clients send in protobuf, field by field.

pub(super) type Message = &'static [Field];

/// One field: its number on the wire and its name in JSON.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u64,
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) repeated: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Text,
    /// Zero is absent.
    Number,
    /// Zero is a value.
    NumberPointer,
    BoolPointer,
    TextMap,
    BytesMap,
    Time,
    IntOrString,
    Inner(Message),
}

const fn one(number: u64, name: &'static str, form: Form) -> Field {
    Field {
        number,
        name,
        form,
        repeated: false,
    }
}

const fn many(number: u64, name: &'static str, form: Form) -> Field {
    Field {
        number,
        name,
        form,
        repeated: true,
    }
}

use Form::{BoolPointer, BytesMap, Inner, IntOrString, Number, NumberPointer, Text, TextMap, Time};

/// Number of the object's bytes in the envelope.
pub(super) const RAW: u64 = 2;

/// The envelope (`runtime.Unknown`), without the object.
pub(super) const UNKNOWN: Message = &[one(1, "typeMeta", Inner(TYPE_META))];
const TYPE_META: Message = &[one(1, "apiVersion", Text), one(2, "kind", Text)];

pub(super) const TIME: Message = &[one(1, "seconds", NumberPointer)];
pub(super) const INT_OR_STRING: Message = &[
    one(1, "type", Number),
    one(2, "intVal", NumberPointer),
    one(3, "strVal", Text),
];

const OBJECT_META: Message = &[
    one(1, "name", Text),
    one(2, "generateName", Text),
    one(3, "namespace", Text),
    one(5, "uid", Text),
    one(6, "resourceVersion", Text),
    one(7, "generation", Number),
    one(8, "creationTimestamp", Time),
    one(9, "deletionTimestamp", Time),
    one(10, "deletionGracePeriodSeconds", NumberPointer),
    many(11, "labels", TextMap),
    many(12, "annotations", TextMap),
    many(13, "ownerReferences", Inner(OWNER)),
    many(14, "finalizers", Text),
];
const OWNER: Message = &[
    one(1, "kind", Text),
    one(3, "name", Text),
    one(4, "uid", Text),
    one(5, "apiVersion", Text),
    one(6, "controller", BoolPointer),
    one(7, "blockOwnerDeletion", BoolPointer),
];
const METADATA: Field = one(1, "metadata", Inner(OBJECT_META));

const NAMESPACE: Message = &[
    METADATA,
    one(2, "spec", Inner(&[many(1, "finalizers", Text)])),
];
const CONFIG_MAP: Message = &[
    METADATA,
    many(2, "data", TextMap),
    many(3, "binaryData", BytesMap),
    one(4, "immutable", BoolPointer),
];
const SECRET: Message = &[
    METADATA,
    many(2, "data", BytesMap),
    one(3, "type", Text),
    many(4, "stringData", TextMap),
    one(5, "immutable", BoolPointer),
];
const REFERENCE: Message = &[
    one(1, "kind", Text),
    one(2, "namespace", Text),
    one(3, "name", Text),
    one(4, "uid", Text),
    one(5, "apiVersion", Text),
];
const SERVICE_ACCOUNT: Message = &[
    METADATA,
    many(2, "secrets", Inner(REFERENCE)),
    many(3, "imagePullSecrets", Inner(&[one(1, "name", Text)])),
    one(4, "automountServiceAccountToken", BoolPointer),
];
const SERVICE: Message = &[METADATA, one(2, "spec", Inner(SERVICE_SPEC))];
const SERVICE_SPEC: Message = &[
    many(1, "ports", Inner(SERVICE_PORT)),
    many(2, "selector", TextMap),
    one(3, "clusterIP", Text),
    one(4, "type", Text),
    many(5, "externalIPs", Text),
    one(7, "sessionAffinity", Text),
    one(8, "loadBalancerIP", Text),
    many(9, "loadBalancerSourceRanges", Text),
    one(10, "externalName", Text),
    one(11, "externalTrafficPolicy", Text),
    one(17, "ipFamilyPolicy", Text),
    many(18, "clusterIPs", Text),
    many(19, "ipFamilies", Text),
    one(20, "allocateLoadBalancerNodePorts", BoolPointer),
    one(21, "loadBalancerClass", Text),
    one(22, "internalTrafficPolicy", Text),
];
const SERVICE_PORT: Message = &[
    one(1, "name", Text),
    one(2, "protocol", Text),
    one(3, "port", Number),
    one(4, "targetPort", IntOrString),
    one(5, "nodePort", Number),
    one(6, "appProtocol", Text),
];

const RULE: Message = &[
    many(1, "verbs", Text),
    many(2, "apiGroups", Text),
    many(3, "resources", Text),
    many(4, "resourceNames", Text),
    many(5, "nonResourceURLs", Text),
];
const ROLE: Message = &[METADATA, many(2, "rules", Inner(RULE))];
const SUBJECT: Message = &[
    one(1, "kind", Text),
    one(2, "apiGroup", Text),
    one(3, "name", Text),
    one(4, "namespace", Text),
];
const ROLE_REF: Message = &[
    one(1, "apiGroup", Text),
    one(2, "kind", Text),
    one(3, "name", Text),
];
const BINDING_OF_ROLE: Message = &[
    METADATA,
    many(2, "subjects", Inner(SUBJECT)),
    one(3, "roleRef", Inner(ROLE_REF)),
];

const POD_BINDING: Message = &[METADATA, one(2, "target", Inner(REFERENCE))];
const DELETE_OPTIONS: Message = &[
    one(1, "gracePeriodSeconds", NumberPointer),
    one(
        2,
        "preconditions",
        Inner(&[one(1, "uid", Text), one(2, "resourceVersion", Text)]),
    ),
    one(3, "orphanDependents", BoolPointer),
    one(4, "propagationPolicy", Text),
    many(5, "dryRun", Text),
];
const EVICTION: Message = &[METADATA, one(2, "deleteOptions", Inner(DELETE_OPTIONS))];

const ATTRIBUTES: Message = &[
    one(1, "namespace", Text),
    one(2, "verb", Text),
    one(3, "group", Text),
    one(4, "version", Text),
    one(5, "resource", Text),
    one(6, "subresource", Text),
    one(7, "name", Text),
];
const PATH_ATTRIBUTES: Message = &[one(1, "path", Text), one(2, "verb", Text)];
const REVIEW: Message = &[
    METADATA,
    one(
        2,
        "spec",
        Inner(&[
            one(1, "resourceAttributes", Inner(ATTRIBUTES)),
            one(2, "nonResourceAttributes", Inner(PATH_ATTRIBUTES)),
        ]),
    ),
];

/// The message of a kind.
pub(super) fn of_kind(kind: &str) -> Option<Message> {
    Some(match kind {
        "Namespace" => NAMESPACE,
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "Service" => SERVICE,
        "Role" | "ClusterRole" => ROLE,
        "RoleBinding" | "ClusterRoleBinding" => BINDING_OF_ROLE,
        "Binding" => POD_BINDING,
        "Eviction" => EVICTION,
        "DeleteOptions" => DELETE_OPTIONS,
        "SelfSubjectAccessReview" => REVIEW,
        _ => return None,
    })
}
