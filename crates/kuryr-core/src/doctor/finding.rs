//! One finding.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::catalogue::FindingKind;
use crate::port::{Action, Id, PodKey};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Pods are without network, or something of ours is lost.
    Error,
    /// It will be an error if nothing is done.
    Warning,
    /// To be known.
    Note,
}

impl Severity {
    /// Its word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The Lease of the leader.
    Lease,
    /// The OpenStack project.
    Project,
    Subnet(Id),
    /// A Neutron network.
    Network(Id),
    /// A Kubernetes node.
    Node(Id),
    /// A Neutron trunk.
    Trunk(Id),
    Pod(PodKey),
    /// A KuryrPort.
    KuryrPort(PodKey),
    /// A Neutron port.
    Port(Id),
    /// A Neutron security group: its id, or, of one that is not there, its name.
    SecurityGroup(Id),
    /// A Kubernetes object of another kind, such as `kuryrnetwork`; with namespace and name.
    Object(&'static str, PodKey),
}

impl Subject {
    /// What it is, as one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Project => "project",
            Self::Subnet(_) => "subnet",
            Self::Network(_) => "network",
            Self::Node(_) => "node",
            Self::Trunk(_) => "trunk",
            Self::Pod(_) => "pod",
            Self::KuryrPort(_) => "kuryrport",
            Self::Port(_) => "port",
            Self::SecurityGroup(_) => "security-group",
            Self::Object(kind, _) => kind,
        }
    }

    /// Which one: an id, a name, or `namespace/name`; empty where there is only one.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Lease | Self::Project => String::new(),
            Self::Subnet(id)
            | Self::Network(id)
            | Self::Node(id)
            | Self::Trunk(id)
            | Self::Port(id)
            | Self::SecurityGroup(id) => id.to_string(),
            Self::Pod(key) | Self::KuryrPort(key) | Self::Object(_, key) => key.to_string(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lease | Self::Project => f.write_str(self.kind()),
            _ => write!(f, "{} {}", self.kind(), self.name()),
        }
    }
}

/// Who puts it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// `--fix`, also beside a controller that leads: no order of their writes does harm.
    Fix,
    /// The controller that leads; `--fix` where none does.
    Controller,
    /// A person.
    Operator,
    /// Nobody: there is nothing to put right.
    Nobody,
}

impl By {
    /// Its word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Controller => "controller",
            Self::Operator => "operator",
            Self::Nobody => "nobody",
        }
    }
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// Who does it.
    pub by: By,
    /// What, as a sentence without its full stop.
    pub what: String,
    /// The same as effects, in this order; each is only right if those before it were done.
    pub actions: Vec<Action>,
}

impl Remedy {
    /// Nothing is done.
    pub(super) fn none(what: impl Into<String>) -> Self {
        Self {
            by: By::Nobody,
            what: what.into(),
            actions: Vec::new(),
        }
    }

    /// A person has to do it.
    pub(super) fn operator(what: impl Into<String>) -> Self {
        Self {
            by: By::Operator,
            ..Self::none(what)
        }
    }

    /// `--fix` does it at any time.
    pub(super) fn fix(what: impl Into<String>, actions: Vec<Action>) -> Self {
        Self {
            by: By::Fix,
            what: what.into(),
            actions,
        }
    }

    /// The controller does it, or `--fix` if none leads.
    pub(super) fn controller(what: impl Into<String>, actions: Vec<Action>) -> Self {
        Self {
            by: By::Controller,
            ..Self::fix(what, actions)
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: FindingKind,
    /// How bad.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// The node that it concerns, if one.
    pub node: Option<Id>,
    /// The namespace that it concerns, if one.
    pub namespace: Option<Id>,
    /// How many ports it stands for.
    pub ports: usize,
    /// What it is, as a sentence without its full stop.
    pub what: String,
    /// What would be done.
    pub remedy: Remedy,
}

impl Finding {
    /// A finding about something of the cluster as a whole, of one port.
    pub(super) fn new(
        kind: FindingKind,
        severity: Severity,
        subject: Subject,
        what: impl Into<String>,
        remedy: Remedy,
    ) -> Self {
        Self {
            kind,
            severity,
            subject,
            node: None,
            namespace: None,
            ports: 1,
            what: what.into(),
            remedy,
        }
    }

    /// The same, of a node.
    pub(super) fn on(mut self, node: &Id) -> Self {
        self.node = Some(node.clone()).filter(|n| !n.is_empty());
        self
    }

    /// The same, of a pod's namespace.
    pub(super) fn of(self, pod: &PodKey) -> Self {
        self.in_namespace(&pod.namespace)
    }

    /// The same, of a namespace.
    pub(super) fn in_namespace(mut self, namespace: &Id) -> Self {
        self.namespace = Some(namespace.clone());
        self
    }

    /// The same, for so many ports.
    pub(super) fn counting(mut self, ports: usize) -> Self {
        self.ports = ports;
        self
    }

    pub(super) fn order(&self) -> impl Ord + '_ {
        (
            self.node.as_ref(),
            self.namespace.as_ref(),
            self.severity,
            self.kind,
            &self.subject,
        )
    }
}

/// What is looked at: everything, or some nodes and namespaces only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// These nodes; all if empty.
    pub nodes: BTreeSet<Id>,
    /// These namespaces; all if empty.
    pub namespaces: BTreeSet<Id>,
}

impl Scope {
    /// Whether a finding is in it. What concerns the cluster as a whole is in the scope of everything only.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        self.has_node(finding.node.as_ref()) && self.has_namespace(finding.namespace.as_ref())
    }

    pub(super) fn has_node(&self, node: Option<&Id>) -> bool {
        self.nodes.is_empty() || node.is_some_and(|n| self.nodes.contains(n))
    }

    pub(super) fn has_namespace(&self, namespace: Option<&Id>) -> bool {
        self.namespaces.is_empty() || namespace.is_some_and(|n| self.namespaces.contains(n))
    }
}

/// A time as people say it.
#[must_use]
pub fn span(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s @ 7200..172_800 => format!("{} h", s / 3600),
        s => format!("{} d", s / 86_400),
    }
}
