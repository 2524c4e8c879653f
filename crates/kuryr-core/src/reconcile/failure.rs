//! Why a call did not do what it was to do: one form for every reconciler and every service that is called.

use crate::Millis;

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means for the next try.
    pub kind: FailureKind,
    /// What came back, in words for a log line or an Event.
    pub message: String,
    /// Milliseconds that the other side asked to be left alone for (`Retry-After`).
    pub after: Option<Millis>,
}

/// What a failure means for the next try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Nothing was changed, and the same call may work later.
    Again,
    /// It may have been carried out: no answer came, or one that says neither.
    Unknown,
    /// This process is not the leader any more; nothing was sent.
    NotLeader,
    /// 404: what was to be changed is not there.
    Gone,
    /// 409: another has what was asked for (a VLAN on a trunk, an address, a port).
    Taken,
    /// 409: what was to be changed is being changed.
    Immutable,
    /// The project may have no more of it.
    Quota {
        /// How many more it may have, where that is known.
        free: Option<usize>,
    },
    /// The subnet has no address left.
    SubnetFull,
    /// 501: the provider does not take an option, of which this is said.
    Refused {
        /// The other side's own words.
        said: String,
    },
    /// 400: it will never be taken as it is.
    Invalid,
}

impl Failure {
    /// A failure of this kind; nobody asked for a pause.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            after: None,
        }
    }

    /// Nothing was changed, and the same call may work later.
    pub fn again(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Again, message)
    }

    /// It may have been carried out.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unknown, message)
    }

    /// It was not sent, because another leads.
    #[must_use]
    pub fn not_leader() -> Self {
        Self::new(FailureKind::NotLeader, "not the leader")
    }

    /// Whether it may have been carried out.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.kind == FailureKind::Unknown
    }

    /// Whether what is there is another than was thought: something is gone, or another's.
    #[must_use]
    pub fn is_surprise(&self) -> bool {
        matches!(self.kind, FailureKind::Gone | FailureKind::Taken)
    }
}
