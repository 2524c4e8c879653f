//! ADD: wait for the port, plug it, wait until it is active, answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kuryr_api::vif::Vif;
use kuryr_cni::protocol::{Attached, Target};
use kuryr_net::{NetError, Plugged, alias_owner};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::locks::{Guard, Key};
use super::pending::Ongoing;
use super::progress::{Step, Waiting, Wanted, activated, find, gone, is_own};
use super::record::MethodName;
use super::{Attachment, Attachments, plan};
use crate::error::Refusal;
use crate::plug::Netns;
use crate::ports::PodKey;

impl Attachments {
    /// Gives a container its interface. Safe to repeat: the same container gets the same
    /// answer, a newer container of the pod takes the interface over. What fails leaves
    /// nothing behind.
    ///
    /// `timeout`: when the plugin gives up; `gone`: cancelled when it has.
    ///
    /// # Errors
    /// [`Refusal`], with the cause.
    pub async fn add(
        &self,
        target: &Target,
        timeout: Duration,
        gone: CancellationToken,
    ) -> Result<Attached, Refusal> {
        let wanted = wanted(target)?;
        let limit = timeout.min(self.limits.port_wait);
        let until = Until {
            at: Instant::now() + limit,
            limit,
        };
        let mut ongoing =
            self.pending
                .begin(&wanted.pod, &wanted.ifname, &target.container_id, gone);
        let seen = AtomicBool::new(false);
        let (vif, uid) = self
            .wait(&mut ongoing, &wanted, until, || self.find(&wanted, &seen))
            .await?;
        let plugged = self.plug(target, &wanted, &uid, &vif, &ongoing).await?;
        let settled = self
            .settle(&mut ongoing, &wanted, until, &uid, &vif, &plugged)
            .await;
        if settled.is_err() {
            self.roll_back(&plugged).await;
        }
        settled
    }

    /// The port, once the daemon knows what it may plug it beside. `seen`: whether the pod's
    /// own KuryrPort was there, after which its absence means that the pod is gone.
    fn find(&self, wanted: &Wanted, seen: &AtomicBool) -> Step<(Vif, String)> {
        let fresh = self.store.freshness();
        let error = fresh.failing.map(|f| f.error);
        if !fresh.synced || !self.tidied.load(Ordering::Acquire) {
            return Step::Wait(Waiting::Sync { error });
        }
        let known = self.store.get(&wanted.pod);
        let own = known.as_ref().is_some_and(|known| is_own(known, wanted));
        match find(known, wanted, &self.limits.node) {
            Step::Wait(Waiting::KuryrPort { .. } | Waiting::Uid { .. })
                if seen.fetch_or(own, Ordering::Relaxed) =>
            {
                Step::Refuse(gone(wanted, "its KuryrPort was deleted meanwhile"))
            }
            Step::Wait(Waiting::KuryrPort { node, .. }) => {
                Step::Wait(Waiting::KuryrPort { node, error })
            }
            step => {
                seen.fetch_or(own, Ordering::Relaxed);
                self.alone(wanted, step)
            }
        }
    }

    /// A VIF is plugged if no other pod's KuryrPort has a part of it; who is plugged already goes on.
    fn alone(&self, wanted: &Wanted, step: Step<(Vif, String)>) -> Step<(Vif, String)> {
        let Step::Done((vif, uid)) = step else {
            return step;
        };
        let plugged = self.ledger.of_port(&vif.port_id);
        if plugged.is_some_and(|a| a.pod == wanted.pod && a.vlan == vif.vlan) {
            return Step::Done((vif, uid));
        }
        match self.store.taken(&wanted.pod, &vif) {
            Some(what) => Step::Wait(Waiting::Taken(what)),
            None => Step::Done((vif, uid)),
        }
    }

    /// Looks each time the store changes, until there is something or it is too late.
    async fn wait<T>(
        &self,
        ongoing: &mut Ongoing,
        wanted: &Wanted,
        until: Until,
        look: impl Fn() -> Step<T>,
    ) -> Result<T, Refusal> {
        let mut changes = self.store.subscribe();
        loop {
            changes.mark_unchanged();
            let cause = match look() {
                Step::Done(found) => return Ok(found),
                Step::Refuse(refusal) => return Err(refusal),
                Step::Wait(cause) => cause,
            };
            tracing::debug!(%cause, "waiting");
            tokio::select! {
                biased;
                stopped = ongoing.stopped() => return Err(stopped),
                changed = timeout_at(until.at, changes.changed()) => if changed.is_err() {
                    return Err(Refusal::Timeout {
                        pod: wanted.pod.clone(),
                        limit_s: until.limit.as_secs(),
                        cause,
                    });
                },
            }
        }
    }

    /// Plugs, after what is in the way is gone. Recorded before the kernel is touched, so
    /// that whoever comes after a crash knows of it.
    async fn plug(
        &self,
        target: &Target,
        wanted: &Wanted,
        uid: &str,
        vif: &Vif,
        ongoing: &Ongoing,
    ) -> Result<Attachment, Refusal> {
        let mut want = self.attachment(target, wanted, uid, vif)?;
        let _guard = self.lock_to_plug(&want).await;
        ongoing.check()?;
        for other in plan::in_the_way(&self.ledger.all(), &want) {
            self.make_way(&want, &other).await?;
        }
        // Of a repeated ADD; it stays complete, and a failure below undoes it.
        want.complete = self
            .ledger
            .of_port(&want.port_id)
            .is_some_and(|a| a.complete);
        self.remember(want.clone()).await?;
        match self.plug_in_kernel(&want).await {
            Ok(plugged) => {
                self.failures.store(0, Ordering::Relaxed);
                want.method = MethodName::of(plugged.method);
                tracing::info!(port = want.port_id, vlan = want.vlan, method = %plugged.method,
                    changed = plugged.changed, "plugged");
                Ok(want)
            }
            Err(refusal) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                // Plugging undoes itself, but a repeated ADD's interface was there before.
                if let Err(error) = self.unplug(&want).await {
                    tracing::warn!(%error, "a failed ADD left something behind; DEL or the next start removes it");
                }
                Err(refusal)
            }
        }
    }

    fn attachment(
        &self,
        target: &Target,
        wanted: &Wanted,
        uid: &str,
        vif: &Vif,
    ) -> Result<Attachment, Refusal> {
        let netns = target.netns.clone().ok_or(Refusal::Incomplete {
            command: "ADD",
            what: "CNI_NETNS",
        })?;
        let inode = match self.plugger.netns(netns.as_ref()) {
            Netns::There(inode) => Some(inode),
            Netns::Unknown => None,
            Netns::Gone => {
                let why = format!("there is no network namespace at {netns}");
                return Err(gone(wanted, &why));
            }
        };
        let uplink = self.plugger.uplink().to_owned();
        let pod = wanted.pod.clone();
        Ok(Attachment {
            netns_inode: inode,
            ..Attachment::wanted(target, pod, uid.to_owned(), vif, uplink)
        })
    }

    /// Takes what is needed; which locks those are may change while they are waited for.
    async fn lock_to_plug(&self, want: &Attachment) -> Guard<Key> {
        loop {
            let keys = plan::keys_to_plug(&self.ledger.all(), want);
            let guard = self.locks.lock(keys).await;
            if guard.covers(&plan::keys_to_plug(&self.ledger.all(), want)) {
                return guard;
            }
        }
    }

    /// Unplugs what is in the way, unless another pod has it by right.
    async fn make_way(&self, want: &Attachment, other: &Attachment) -> Result<(), Refusal> {
        if other.pod != want.pod && self.store.holds(&other.pod, &other.port_id) {
            return Err(Refusal::VlanHeld {
                pod: want.pod.clone(),
                vlan: want.vlan,
                holder: other.pod.clone(),
            });
        }
        tracing::info!(other = %other.pod, container = other.container, port = other.port_id,
            vlan = other.vlan, "replacing an interface whose time is over");
        self.unplug(other).await
    }

    /// Plugs; a link of ours on the VLAN that no record explains is a leftover and goes.
    async fn plug_in_kernel(&self, want: &Attachment) -> Result<Plugged, Refusal> {
        let spec = want
            .interface_spec()
            .map_err(|reason| Refusal::InvalidVif {
                pod: want.pod.clone(),
                reason,
            })?;
        let vlan = want.vlan;
        let store = self.store.clone();
        let (pod, port_id) = (want.pod.clone(), want.port_id.clone());
        // A link whose port a pod's KuryrPort names is that pod's, recorded or not.
        let is_nobodys = move |alias: &str| {
            alias_owner(alias).is_some_and(|owner| {
                owner == port_id
                    || store
                        .find_port(owner)
                        .is_none_or(|(holder, ..)| holder == pod)
            })
        };
        self.on_kernel("plugging", want, move |plugger| match plugger.plug(&spec) {
            Err(NetError::VlanInUse { holder, .. }) if is_nobodys(&holder.alias) => {
                tracing::warn!(vlan, %holder, "removing a link that nobody knows of");
                plugger.evict(vlan)?;
                plugger.plug(&spec)
            }
            result => result,
        })
        .await
    }

    /// Waits until the port is active, then makes the ADD final.
    async fn settle(
        &self,
        ongoing: &mut Ongoing,
        wanted: &Wanted,
        until: Until,
        uid: &str,
        vif: &Vif,
        plugged: &Attachment,
    ) -> Result<Attached, Refusal> {
        if !vif.active {
            let look = || activated(self.store.get(&wanted.pod), wanted, uid, vif);
            self.wait(ongoing, wanted, until, look).await?;
        }
        let _guard = self.locks.lock(plugged.keys()).await;
        ongoing.check()?;
        let recorded = self.ledger.of_port(&plugged.port_id);
        let recorded = recorded
            .filter(|a| a.same_as(plugged))
            .ok_or_else(|| Refusal::Stopped {
                pod: wanted.pod.clone(),
                why: "its interface was removed meanwhile".to_owned(),
            })?;
        let complete = Attachment {
            complete: true,
            ..plugged.clone()
        };
        if recorded != complete {
            self.remember(complete.clone()).await?;
        }
        Ok(complete.to_attached())
    }

    /// Undoes an ADD that failed after it plugged, if nobody else has seen to it.
    async fn roll_back(&self, plugged: &Attachment) {
        let _guard = self.locks.lock(plugged.keys()).await;
        let left = self.ledger.of_port(&plugged.port_id);
        if let Some(left) = left.filter(|a| a.same_as(plugged) && !a.complete)
            && let Err(error) = self.unplug(&left).await
        {
            tracing::warn!(%error, "a failed ADD left something behind; DEL or the next start removes it");
        }
    }
}

/// When an ADD ends, and how long that was.
#[derive(Clone, Copy)]
struct Until {
    at: Instant,
    limit: Duration,
}

fn wanted(target: &Target) -> Result<Wanted, Refusal> {
    let pod = target.pod.as_ref().ok_or(Refusal::Incomplete {
        command: "ADD",
        what: "K8S_POD_NAMESPACE and K8S_POD_NAME in CNI_ARGS",
    })?;
    Ok(Wanted {
        pod: PodKey {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
        },
        uid: pod.uid.clone(),
        ifname: target.ifname.clone(),
    })
}
