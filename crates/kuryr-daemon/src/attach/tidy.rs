//! What nobody asks for: undo what a crash left half done, find what the record lacks,
//! remove what outlived its pod.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use kuryr_api::vif::link_name;
use kuryr_net::{NetError, OwnedInterface, UnplugSpec, alias_owner};

use super::locks::Key;
use super::record::{MethodName, Wiring};
use super::{Attachment, Attachments, netns_is_its, plan};

impl Attachments {
    /// At start, before any call is served: ADDs that were never answered are undone, and
    /// what belongs to namespaces that are gone is removed. What cannot be removed stays
    /// recorded.
    pub async fn undo_unfinished(&self) {
        for attachment in self.ledger.all() {
            if !attachment.complete || self.is_dead(&attachment).await {
                self.unplug_if_still(&attachment).await;
            }
        }
    }

    /// Once the store is synced: links of ours that the record does not explain are taken
    /// into it if a KuryrPort asks for them, else removed. ADDs wait for this.
    ///
    /// # Errors
    /// The node's links could not be read.
    pub async fn adopt_leftovers(&self) -> Result<(), NetError> {
        let recorded = self.ledger.all();
        match self.kernel(|plugger| plugger.list()).await {
            Ok(links) => {
                for link in links? {
                    if !plan::is_recorded(&recorded, &link) {
                        self.adopt_or_remove(&recorded, link).await;
                    }
                }
            }
            Err(reason) => tracing::error!(reason, "the node's links could not be listed"),
        }
        self.tidied.store(true, Ordering::Release);
        self.store.touch();
        Ok(())
    }

    async fn adopt_or_remove(&self, recorded: &[Attachment], link: OwnedInterface) {
        let _guard = self
            .locks
            .lock(
                link.vlan
                    .map(Key::Vlan)
                    .into_iter()
                    .collect::<BTreeSet<_>>(),
            )
            .await;
        if let Some(attachment) = self.adopted(&link) {
            tracing::info!(pod = %attachment.pod, port = attachment.port_id, vlan = attachment.vlan,
                "found plugged, without a record");
            if let Err(error) = self.remember(attachment).await {
                tracing::warn!(%error, "it stays without one");
            }
            return;
        }
        let name = link.link_name.clone();
        let vlan = plan::vlan_to_free(recorded, &link);
        let spec = UnplugSpec {
            alias: Some(link.alias.clone()).filter(|alias| !alias.is_empty()),
            ifname: link.link_name.clone(),
            pod_netns: link.netns,
            host_name: alias_owner(&link.alias).map_or(link.link_name, link_name),
            uplink: self.plugger.uplink().to_owned(),
            vlan,
        };
        let removed = self.kernel(move |plugger| plugger.unplug(&spec)).await;
        match removed {
            Ok(Ok(())) => tracing::info!(link = name, vlan, "removed a link that no pod has"),
            Ok(Err(error)) => tracing::warn!(link = name, %error, "a link that no pod has stays"),
            Err(reason) => tracing::error!(link = name, reason, "a link that no pod has stays"),
        }
    }

    /// The attachment that a link is, if a KuryrPort asks for just that.
    fn adopted(&self, link: &OwnedInterface) -> Option<Attachment> {
        let (pod, pod_uid, ifname, vif) = self.store.find_port(alias_owner(&link.alias)?)?;
        if link.vlan != Some(vif.vlan) || !self.store.holds(&pod, &vif.port_id) {
            return None;
        }
        Some(Attachment {
            network: String::new(),
            container: None,
            ifname,
            netns: link.netns.clone(),
            netns_inode: link.netns.as_deref().and_then(|path| self.inode(path)),
            pod,
            pod_uid,
            wiring: Wiring::of(&vif),
            port_id: vif.port_id,
            vlan: vif.vlan,
            uplink: self.plugger.uplink().to_owned(),
            method: MethodName::of(link.method),
            complete: true,
        })
    }

    /// Removes interfaces whose namespace is gone: their DEL never came, or came to a daemon
    /// that was not there.
    pub async fn sweep(&self) {
        for attachment in self.ledger.all() {
            let busy = attachment
                .container
                .as_ref()
                .is_some_and(|container| self.pending.has(container, &attachment.ifname));
            if !busy && self.is_dead(&attachment).await {
                self.unplug_if_still(&attachment).await;
            }
        }
    }

    /// Whether an attachment has outlived its pod. One whose container is not known has when
    /// no KuryrPort asks for it any more.
    async fn is_dead(&self, attachment: &Attachment) -> bool {
        if attachment.container.is_none() {
            return self.store.freshness().synced
                && !self.store.holds(&attachment.pod, &attachment.port_id);
        }
        let a = attachment.clone();
        let its = self.kernel(move |plugger| netns_is_its(plugger, &a)).await;
        matches!(its, Ok(Some(false)))
    }

    async fn unplug_if_still(&self, attachment: &Attachment) {
        let _guard = self.locks.lock(attachment.keys()).await;
        if self.ledger.of_port(&attachment.port_id).as_ref() != Some(attachment) {
            return;
        }
        if let Err(error) = self.unplug(attachment).await {
            tracing::warn!(%error, "a stale interface stays for now");
        }
    }
}
