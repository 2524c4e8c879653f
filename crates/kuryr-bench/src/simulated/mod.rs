//! What benches at size run on: an embedded cloud in this process, with the real controller as a process of its own beside it.
//!
//! ```text
//! site        the cloud: OpenStack, Kubernetes, a trunk and a Node for each node
//! objects     pods as large as pods are; KuryrPorts as the controller writes them
//! controller  the process: started, asked, killed, its memory and CPU
//! watch       which pods have their port, since when
//! calls       what was asked of Neutron, by kind
//! run         a controller beside its cloud: started, waited for, killed
//! ```
//!
//! Nothing is plugged: no namespace, no link, no privilege. The cloud answers at once and
//! shares the machine with the controller, whose times it makes longer, never shorter.

pub(crate) mod calls;
pub(crate) mod controller;
pub(crate) mod objects;
pub(crate) mod run;
pub(crate) mod site;
pub(crate) mod watch;
