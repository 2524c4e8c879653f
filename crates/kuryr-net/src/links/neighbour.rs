//! Neighbours: which MAC address an address on the link has, as ARP and neighbour discovery
//! found it.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};

use super::Links;
use crate::NetError;

impl Links {
    /// Forgets all neighbours that were found, as `ip neigh flush all` does. The kernel keeps
    /// those of all namespaces in one table, 1024 entries by default (`gc_thresh3`).
    ///
    /// # Errors
    /// [`NetError::Kernel`].
    pub fn forget_neighbours(&self) -> Result<(), NetError> {
        let ask = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        let answer = self.lock().dump(&ask);
        let messages = answer
            .map_err(|e| NetError::kernel(format!("list the neighbours in {}", self.place()), e))?;
        for message in messages {
            let RouteNetlinkMessage::NewNeighbour(neighbour) = message else {
                continue;
            };
            if !was_found(&neighbour) {
                continue;
            }
            let request = RouteNetlinkMessage::DelNeighbour(neighbour);
            match self.lock().request(request, 0) {
                // It went by itself.
                Err(refusal) if !refusal.is(libc::ENOENT) => {
                    let what = format!("forget a neighbour in {}", self.place());
                    return Err(NetError::kernel(what, refusal));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether it came from asking on the link; others need no asking (multicast, loopback) or were
/// set by hand.
fn was_found(neighbour: &NeighbourMessage) -> bool {
    let by_hand = [NeighbourState::Permanent, NeighbourState::Noarp];
    let has_address =
        |attribute: &NeighbourAttribute| matches!(attribute, NeighbourAttribute::Destination(_));
    !by_hand.contains(&neighbour.header.state) && neighbour.attributes.iter().any(has_address)
}
