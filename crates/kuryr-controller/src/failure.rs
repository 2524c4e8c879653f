//! What the clients' errors mean to a plan: one map for every reconciler.

use std::fmt::Display;
use std::time::Duration;

use kuryr_core::reconcile::{Failure, FailureKind};
use kuryr_openstack::{ConflictKind, Error, ErrorKind};

use crate::objects::{code, maybe_applied, message};

/// A call to Keystone, Neutron or Octavia failed.
pub(crate) fn of_openstack(error: &Error) -> Failure {
    Failure {
        kind: kind(error),
        message: error.gist(),
        after: error.retry_after().map(millis),
    }
}

fn kind(error: &Error) -> FailureKind {
    match error.kind() {
        ErrorKind::Withheld => FailureKind::NotLeader,
        ErrorKind::NotFound(_) => FailureKind::Gone,
        ErrorKind::BadRequest(_) => FailureKind::Invalid,
        ErrorKind::Conflict { kind, .. } => of_conflict(kind),
        ErrorKind::Unsupported { message, .. } => FailureKind::Refused {
            said: message.clone(),
        },
        _ if error.maybe_applied() => FailureKind::Unknown,
        _ => FailureKind::Again,
    }
}

fn of_conflict(kind: &ConflictKind) -> FailureKind {
    match kind {
        ConflictKind::Immutable => FailureKind::Immutable,
        ConflictKind::OverQuota => FailureKind::Quota { free: None },
        ConflictKind::IpExhausted | ConflictKind::PrefixesExhausted => FailureKind::SubnetFull,
        ConflictKind::AddressTaken
        | ConflictKind::PortInUse
        | ConflictKind::DuplicateSubPort { .. } => FailureKind::Taken,
        // What we were to make is there: a look shows it.
        ConflictKind::Duplicate => FailureKind::Unknown,
        _ => FailureKind::Again,
    }
}

fn millis(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

/// A call to the API server about an object failed; `what` was attempted, such as `reading the KuryrPort of`.
pub(crate) fn of_kubernetes(what: &str, object: &impl Display, error: &kube::Error) -> Failure {
    let kind = match code(error) {
        404 => FailureKind::Gone,
        _ if maybe_applied(error) => FailureKind::Unknown,
        _ => FailureKind::Again,
    };
    let message = message(what, object, error);
    tracing::warn!("{message}; trying again");
    Failure::new(kind, message)
}

/// The answer of a call to OpenStack that has nothing to tell.
pub(crate) fn openstack<T>(answer: Result<T, Error>) -> Result<T, Failure> {
    answer.map_err(|error| {
        tracing::warn!("{error}");
        of_openstack(&error)
    })
}

/// The answer of a deletion: what is gone already is deleted.
pub(crate) fn deleted(answer: Result<(), Error>) -> Result<(), Failure> {
    match answer {
        Err(error) if error.is_not_found() => Ok(()),
        answer => openstack(answer),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn what_the_api_server_refused_was_not_done_and_what_it_lost_may_have_been() {
        let kind = |code| {
            let error = kube::Error::Api(Box::new(Status::failure("", "").with_code(code)));
            of_kubernetes("writing", &"shop/web", &error).kind
        };
        assert_eq!(kind(404), FailureKind::Gone);
        assert_eq!(kind(409), FailureKind::Again);
        assert_eq!(kind(422), FailureKind::Again);
        assert_eq!(kind(500), FailureKind::Unknown);
    }

    #[test]
    fn conflicts_say_whether_another_has_it_or_it_is_busy() {
        let taken = ConflictKind::DuplicateSubPort {
            segmentation_id: Some(7),
        };
        assert_eq!(of_conflict(&taken), FailureKind::Taken);
        assert_eq!(
            of_conflict(&ConflictKind::Immutable),
            FailureKind::Immutable
        );
        assert_eq!(
            of_conflict(&ConflictKind::IpExhausted),
            FailureKind::SubnetFull
        );
        assert_eq!(of_conflict(&ConflictKind::RuleExists), FailureKind::Again);
    }
}
