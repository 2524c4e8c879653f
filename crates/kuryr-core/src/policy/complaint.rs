//! What a policy's owner is to know: each becomes an Event of the NetworkPolicy.

use std::fmt;

/// Something to tell. It is told once, until it is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Complaint {
    /// The Event's reason.
    pub reason: Reason,
    /// What of the policy it is about; empty for all of it. Of one reason and subject there is
    /// one complaint at a time.
    pub about: String,
    /// The Event's text: what can't be, and what happens instead.
    pub message: String,
}

impl Complaint {
    /// A complaint.
    #[must_use]
    pub fn new(reason: Reason, about: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason,
            about: about.into(),
            message: message.into(),
        }
    }

    /// What makes it the same complaint: texts may carry request ids and counts.
    pub(crate) fn identity(&self) -> (Reason, String) {
        (self.reason, self.about.clone())
    }
}

/// The `reason` of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The policy is in force on all pods that it selects. Not a warning.
    InForce,
    /// A field can't be read, and allows nothing.
    InvalidValue,
    /// A named port beside an ipBlock in egress: addresses have no names.
    PortNameOfAddress,
    /// More rules than a security group may have: those of this direction are not in force, and
    /// the pods are isolated.
    TooManyRules,
    /// A pod would need more security groups than a port may have.
    TooManyGroups,
    /// A pod whose egress is limited can't reach a Service, because not all that is behind it
    /// is allowed.
    ServiceNotReachable,
    /// The project's quota is used up: the policy is not in force on all pods.
    QuotaReached,
    /// Neutron refused or failed: the policy is not in force on all pods.
    NeutronFailed,
}

impl Reason {
    /// Whether the Event is a warning.
    #[must_use]
    pub fn is_warning(self) -> bool {
        self != Self::InForce
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
