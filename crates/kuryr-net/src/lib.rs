//! Plugs and unplugs one pod interface.
//!
//! A pod's interface is a VLAN on its node's trunk port: a Neutron subport. Where the kernel
//! has 8021q it is a vlan link moved into the pod's network namespace ([`Method::Vlan`]);
//! where it hasn't, a veth pair whose frames two small tc-bpf programs tag and untag
//! ([`Method::Bpf`]).
//!
//! | module | what it knows |
//! |---|---|
//! | `interface` | [`plug`], [`unplug`], [`check`], [`list`], [`probe`]: what a pod interface is made of |
//! | [`links`] | links, addresses, routes and tc filters of one namespace, over netlink |
//! | [`netns`] | network namespaces: made, entered on a thread of their own, removed |
//! | `local` | [`switch_locally`]: whose frames need not leave the node to reach another pod of it |
//! | `bpf` | the programs that stand in for a vlan link, and their maps |
//! | [`hypervisor_trunk`] | the other end of a trunk, for a lab's hypervisor |
//! | `ethtool` | offloads |
//!
//! # Blocking
//! Everything here blocks for as long as the kernel takes (milliseconds): call it from
//! `tokio::task::spawn_blocking` or a thread of your own. It may be called from any thread: a
//! network namespace is only ever entered on a thread that ends afterwards, so that none
//! returns to its owner in another namespace than it left.

mod bpf;
pub mod error;
mod ethtool;
pub mod hypervisor_trunk;
mod interface;
pub mod links;
mod local;
pub mod mac;
mod netlink;
pub mod netns;
mod spec;

pub use error::{Difference, Holder, NetError, Refusal};
pub use interface::{check, cut, evict, find_uplink, list, plug, probe, unplug};
pub use local::{LocalPort, switch_locally};
pub use mac::MacAddr;
pub use spec::{
    Capabilities, InterfaceSpec, Method, Node, OwnedInterface, Plugged, RouteSpec, UnplugSpec,
    Uplink, alias_owner, owner_alias,
};
