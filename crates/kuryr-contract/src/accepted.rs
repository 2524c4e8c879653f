//! Differences that are known, and why they are. A difference that is not here fails the suite; so does an entry
//! that no difference needs any more.

use serde_json::Value;

use crate::compare::Difference;
use crate::target::Flavour;

/// A place where the embedded service answers otherwise than the real one, and may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The service: `neutron`, `keystone`, `kubernetes`.
    pub service: &'static str,
    /// The case; all if empty.
    pub case: &'static str,
    /// Where in the answer: a part of the path, without list positions. All of it if empty.
    pub at: &'static str,
    /// Why it may.
    pub reason: &'static str,
}

/// All of them. The real API server that the golden transcripts are from is 1.20.
pub const ACCEPTED: &[Accepted] = &[
    Accepted {
        service: "kubernetes",
        case: "version",
        at: "",
        reason: "the embedded one says whose it is, and that it serves what 1.33 does",
    },
    Accepted {
        service: "kubernetes",
        case: "",
        at: "resources.singularName",
        reason: "API servers tell it of built-in kinds from 1.27 on",
    },
    Accepted {
        service: "kubernetes",
        case: "discovery",
        at: "groups.versions",
        reason: "1.20 still serves beta versions that were removed since",
    },
    Accepted {
        service: "kubernetes",
        case: "namespaces",
        at: "metadata.labels",
        reason: "namespaces get this label from 1.21 on",
    },
    Accepted {
        service: "kubernetes",
        case: "nodes",
        at: "metadata.annotations",
        reason: "a controller that is not embedded writes it, and nothing of ours reads it",
    },
    Accepted {
        service: "kubernetes",
        case: "crds",
        at: "status.acceptedNames",
        reason: "names are accepted in the call that makes a definition, not a moment after it; clients wait for it",
    },
    Accepted {
        service: "kubernetes",
        case: "crds",
        at: "metadata.resourceVersion",
        reason: "as acceptedNames: no second version is needed for it",
    },
    Accepted {
        service: "kubernetes",
        case: "crds",
        at: "status.conditions",
        reason: "as acceptedNames: established at once",
    },
    Accepted {
        service: "kubernetes",
        case: "decoding",
        at: "message",
        reason: "Go's JSON reader words what it could not decode in its own way; clients look at reason and code",
    },
    Accepted {
        service: "kubernetes",
        case: "",
        at: "details.causes",
        reason: "1.20 checks metadata twice and lists some causes twice",
    },
];

impl Accepted {
    /// Whether this entry is about a difference.
    pub fn covers(&self, service: &str, case: &str, difference: &Difference) -> bool {
        let path = format!(".{}.", plain(&difference.at));
        self.service == service
            && (self.case.is_empty() || case == self.case)
            && (self.at.is_empty() || path.contains(&format!(".{}.", self.at)))
    }
}

/// Whether no client can rely on the difference of the two answers.
pub(crate) fn unobservable(flavour: Flavour, difference: &Difference) -> bool {
    match flavour {
        Flavour::Kubernetes => empty_either_way(difference),
        Flavour::Octavia => settled_meanwhile(difference),
        _ => false,
    }
}

/// The status in Octavia's answer to a change: its provider works while the answer is written, and is sometimes the faster
/// one. Whoever changes something waits for the status by looks of its own.
fn settled_meanwhile(difference: &Difference) -> bool {
    let change = ["POST ", "PUT "]
        .iter()
        .any(|verb| difference.sent.starts_with(verb));
    let is_one_of = |value: &Option<Value>, of: &[&str]| {
        let text = value.as_ref().and_then(Value::as_str);
        text.is_some_and(|text| of.contains(&text))
    };
    let both = |of: &[&str]| is_one_of(&difference.golden, of) && is_one_of(&difference.answer, of);
    change
        && match difference.at.rsplit('.').next() {
            Some("provisioning_status") => both(&["ACTIVE", "PENDING_CREATE", "PENDING_UPDATE"]),
            Some("operating_status") => both(&["OFFLINE", "ONLINE", "NO_MONITOR"]),
            _ => false,
        }
}

/// Go's `omitempty` decides whether an empty value is written or
/// left out, and whoever reads takes the one for the other. In a schema `default: []` is not nothing.
fn empty_either_way(difference: &Difference) -> bool {
    let empty = |value: &Option<Value>| match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    };
    empty(&difference.golden)
        && empty(&difference.answer)
        && !difference.at.contains("openAPIV3Schema")
}

/// A path without positions in lists.
fn plain(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|c| {
            inside = (inside || *c == '[') && *c != ']';
            !inside && *c != ']'
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_may_be_through_before_its_answer() {
        let status = |sent: &str, golden: &str, answer: &str| Difference {
            sent: sent.to_owned(),
            answer: Some(json!(answer)),
            ..difference("pool.provisioning_status", Some(json!(golden)))
        };
        let told = |d: &Difference| !unobservable(Flavour::Octavia, d);
        assert!(!told(&status("PUT /p", "PENDING_UPDATE", "ACTIVE")));
        assert!(told(&status("PUT /p", "PENDING_UPDATE", "ERROR")));
        assert!(told(&status("GET /p", "PENDING_UPDATE", "ACTIVE")));
    }

    fn difference(at: &str, golden: Option<Value>) -> Difference {
        Difference {
            step: 1,
            sent: String::new(),
            at: at.to_owned(),
            golden,
            answer: None,
            matters: true,
        }
    }

    #[test]
    fn an_entry_covers_what_is_below_it_and_nothing_beside() {
        let entry = Accepted {
            service: "kubernetes",
            case: "",
            at: "status.acceptedNames",
            reason: "",
        };
        let covers = |at| entry.covers("kubernetes", "crds", &difference(at, None));
        assert!(covers("items[3].status.acceptedNames.shortNames[0]"));
        assert!(!covers("status.acceptedNamesToo"));
        assert!(!entry.covers("neutron", "crds", &difference("status.acceptedNames", None)));
    }

    #[test]
    fn empty_is_as_absent_in_kubernetes_but_for_schemas() {
        let found = |at, flavour| unobservable(flavour, &difference(at, Some(json!([]))));
        assert!(found("status.conditions", Flavour::Kubernetes));
        assert!(!found("spec.openAPIV3Schema.default", Flavour::Kubernetes));
        assert!(!found("port.tags", Flavour::NeutronOvn));
    }

    #[test]
    fn every_entry_says_why() {
        assert!(ACCEPTED.iter().all(|a| a.reason.len() > 20));
    }
}
