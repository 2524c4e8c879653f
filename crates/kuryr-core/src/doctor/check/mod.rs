//! The checks, a module a subject. Each adds what it finds.

mod claims;
mod cluster;
mod held;
mod networks;
mod nodes;
mod pods;
mod policies;
mod ports;

pub(super) use claims::check as claims;
pub(super) use cluster::check as cluster;
pub(super) use held::check as held;
pub(super) use networks::check as networks;
pub(super) use nodes::check as nodes;
pub(super) use pods::check as pods;
pub(super) use policies::check as policies;
pub(super) use ports::check as ports;
