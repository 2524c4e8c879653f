//! What OpenStack's refusals mean to load balancers.

use std::time::Duration;

use kuryr_core::service::{Failure, Outcome, Refusal, refusal};
use kuryr_openstack::{ConflictKind, Error, ErrorKind};

/// An error as the plan needs to know it.
pub(super) fn failure(error: &Error) -> Failure {
    let message = error.gist();
    match error.kind() {
        ErrorKind::Withheld => Failure::NotLeader,
        ErrorKind::NotFound(_) => Failure::Gone { message },
        ErrorKind::Unsupported { message: said, .. } => Failure::Refused {
            option: refusal(said),
            message,
        },
        ErrorKind::BadRequest(_) => Failure::Invalid { message },
        ErrorKind::Conflict { kind, .. } => match kind {
            ConflictKind::Immutable => Failure::Immutable { message },
            ConflictKind::OverQuota => Failure::Quota { message },
            ConflictKind::AddressTaken | ConflictKind::PortInUse => {
                Failure::AddressInUse { message }
            }
            // What we were to make is there: a look shows it.
            ConflictKind::Duplicate => Failure::Unknown { message },
            _ => again(error, message),
        },
        _ if error.maybe_applied() => Failure::Unknown { message },
        _ => again(error, message),
    }
}

fn again(error: &Error, message: String) -> Failure {
    let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    let after = error.retry_after().map(millis);
    Failure::Again { message, after }
}

/// The outcome of an action that failed.
pub(super) fn failed(error: &Error) -> Outcome {
    tracing::warn!("{error}");
    Outcome::Failed(failure(error))
}

/// The outcome of a call that has nothing to tell.
pub(super) fn done<T>(answer: Result<T, Error>) -> Outcome {
    answer.map_or_else(|error| failed(&error), |_| Outcome::Done)
}

/// The outcome of a failover. By Octavia's default policy admins alone may ask for one: that is
/// as if the provider had none.
pub(super) fn failed_over<T>(answer: Result<T, Error>) -> Outcome {
    match answer {
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden(_)) => {
            tracing::info!("{error}; load balancers in ERROR are made anew instead");
            Outcome::Failed(Failure::Refused {
                option: Some(Refusal::Failover),
                message: error.gist(),
            })
        }
        answer => done(answer),
    }
}

/// The outcome of a deletion: what is gone already is deleted.
pub(super) fn deleted(answer: Result<(), Error>) -> Outcome {
    match answer {
        Err(error) if error.is_not_found() => Outcome::Done,
        answer => done(answer),
    }
}
