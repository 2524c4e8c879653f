//! Processor time of a thread.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// What the calling thread has used so far, user's and kernel's (`getrusage(RUSAGE_THREAD)`). On a veth the kernel
/// carries a packet as far as the receiving socket on the sender's time, so the sender's has the whole path in it.
pub(crate) fn of_this_thread() -> Duration {
    let micros = getrusage(UsageWho::RUSAGE_THREAD)
        .map(|usage| usage.user_time().num_microseconds() + usage.system_time().num_microseconds());
    Duration::from_micros(micros.ok().and_then(|us| us.try_into().ok()).unwrap_or(0))
}
