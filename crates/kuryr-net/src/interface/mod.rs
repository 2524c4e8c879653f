//! One pod interface: plugged, found right, unplugged.
//!
//! What is there is read ([`observe`]), compared with what is wanted by a pure function
//! ([`diff`]), and made ([`fn@plug`]) by one of two ways ([`vlan`], [`veth`]).

mod diff;
mod list;
mod observe;
mod plug;
mod probe;
pub(crate) mod sides;
mod unplug;
mod veth;
mod vlan;

pub use list::list;
pub use plug::{check, plug};
pub use probe::{find_uplink, probe};
pub use unplug::{cut, evict, unplug};
