//! The kernel's side, behind a trait: what is decided about interfaces is tested without
//! any.

mod net;
pub mod routes;

use std::path::Path;

use kuryr_net::{Holder, InterfaceSpec, LocalPort, NetError, OwnedInterface, Plugged, UnplugSpec};

pub use net::NetPlugger;

/// Plugs and unplugs on this node. Everything blocks for as long as the kernel takes and is
/// safe to repeat, as [`kuryr_net`] has it.
pub trait Plugger: Send + Sync + 'static {
    /// Name of the trunk's link.
    fn uplink(&self) -> &str;

    /// Whether the trunk's link is there.
    ///
    /// # Errors
    /// [`NetError::UplinkMissing`], or the kernel could not be asked.
    fn check_uplink(&self) -> Result<(), NetError>;

    /// See [`kuryr_net::plug`]; the method is the plugger's to choose.
    ///
    /// # Errors
    /// What the kernel refused; nothing stays then.
    fn plug(&self, spec: &InterfaceSpec) -> Result<Plugged, NetError>;

    /// See [`kuryr_net::cut`].
    ///
    /// # Errors
    /// What the kernel refused.
    fn cut(&self, spec: &UnplugSpec) -> Result<(), NetError>;

    /// See [`kuryr_net::unplug`].
    ///
    /// # Errors
    /// What could not be removed.
    fn unplug(&self, spec: &UnplugSpec) -> Result<(), NetError>;

    /// See [`kuryr_net::check`].
    ///
    /// # Errors
    /// What differs.
    fn check(&self, spec: &InterfaceSpec) -> Result<(), NetError>;

    /// See [`kuryr_net::list`].
    ///
    /// # Errors
    /// The links could not be read.
    fn list(&self) -> Result<Vec<OwnedInterface>, NetError>;

    /// See [`kuryr_net::evict`].
    ///
    /// # Errors
    /// The VLAN's link is not ours, or could not be removed.
    fn evict(&self, vlan: u16) -> Result<Option<Holder>, NetError>;

    /// See [`kuryr_net::switch_locally`].
    ///
    /// # Errors
    /// What the kernel refused.
    fn switch_locally(&self, ports: &[LocalPort]) -> Result<Option<usize>, NetError>;

    /// Whether a pod's network namespace is there.
    fn netns(&self, path: &Path) -> Netns;
}

/// What is at a namespace's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Netns {
    /// A namespace with this inode number, by which it differs from others of its time.
    There(u64),
    /// None.
    Gone,
    /// It could not be seen: nothing may be concluded.
    Unknown,
}
