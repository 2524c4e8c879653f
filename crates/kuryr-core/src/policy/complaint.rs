//! What a policy's owner is to know: each becomes an Event of the NetworkPolicy.

use std::fmt;

use super::action::Trouble;

/// Something to tell. It is told once, until it is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Complaint {
    /// The Event's reason.
    pub reason: Reason,
    /// What of the policy it is about; empty for all of it. Of one reason and subject there is one complaint at a time.
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
}

/// The `reason` of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A field can't be read, and allows nothing.
    InvalidValue,
    /// A named port beside an ipBlock in egress: addresses have no names.
    PortNameOfAddress,
    /// A pod would need more security groups than a port may have: what this policy allows it is not in force.
    TooManyGroups,
    /// A pod whose egress is limited can't reach a Service, because not all that is behind it is allowed.
    ServiceNotReachable,
    /// The project may have no more security groups or rules.
    QuotaReached,
    /// Neutron refuses or fails a call for one of its groups, again and again.
    NeutronFailed,
    /// It takes longer than it should, though nothing that it needs failed.
    NotInForce,
}

impl Reason {
    /// Whether a policy that it is said of is not in force.
    #[must_use]
    pub fn delays(self) -> bool {
        matches!(
            self,
            Self::QuotaReached | Self::NeutronFailed | Self::NotInForce
        )
    }
}

impl From<Trouble> for Reason {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::QuotaReached => Self::QuotaReached,
            Trouble::NeutronFailed => Self::NeutronFailed,
        }
    }
}

/// What a policy's owner is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Something is wrong, or not as it may look.
    Complaint(Complaint),
    /// It is new, was edited, or was complained of, and is in force now on all pods that it selects.
    InForce {
        /// How many those are.
        pods: usize,
    },
}

impl News {
    /// Whether the Event is a `Warning`, else it is `Normal`.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Complaint(_))
    }

    /// The Event's reason.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Complaint(complaint) => complaint.reason.to_string(),
            Self::InForce { .. } => "InForce".to_owned(),
        }
    }

    /// The Event's text.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Complaint(complaint) => complaint.message.clone(),
            Self::InForce { pods: 0 } => "it selects no pod now".to_owned(),
            Self::InForce { pods: 1 } => "in force on the pod that it selects".to_owned(),
            Self::InForce { pods } => format!("in force on all {pods} pods that it selects"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
