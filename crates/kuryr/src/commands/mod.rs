//! One module a subcommand.

pub(crate) mod bench;
pub(crate) mod config;
pub(crate) mod crds;
pub(crate) mod doctor;
pub(crate) mod lab;
pub(crate) mod manifests;
pub(crate) mod preflight;
