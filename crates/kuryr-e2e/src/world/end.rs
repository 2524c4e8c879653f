//! The end of a world: nothing of it is left.

use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use super::{PATIENCE, VM, World};
use crate::progress::until;
use crate::{Failure, Outcome, fail};

impl World {
    /// Waits until nothing is left of what was not there before the scenario.
    ///
    /// # Errors
    /// It takes too long; lists what is left.
    pub async fn until_nothing_left(&self) -> Outcome {
        until("nothing of ours is left", PATIENCE, async || {
            let left = self.traces().await?.since(&self.before);
            match left.0.is_empty() {
                true => Ok(()),
                false => fail(left.to_string()),
            }
        })
        .await
    }

    /// Deletes everything that the scenario made, whatever state it is in.
    ///
    /// # Errors
    /// Something was left, or could not be taken away; all is tried.
    pub async fn close(mut self) -> Outcome {
        let progress = self.progress.clone();
        let mut failures: Vec<Failure> = Vec::new();
        let mut note = |result: Outcome| failures.extend(result.err());
        note(self.all_run());
        let emptied = progress
            .step("all pods deleted, nothing of ours is left", self.empty())
            .await;
        let forced = emptied.is_err();
        note(emptied);
        note(self.stop_programs().await);
        note(self.kit.no_panic());
        if forced {
            note(self.force().await);
        } else {
            note(
                progress
                    .step("nor after the programs' end", self.until_nothing_left())
                    .await,
            );
        }
        note(self.stack.vm_down(VM).await);
        for node in &self.nodes {
            note(node.uninstall());
        }
        note(self.pods.close().await);
        note(self.tenant.delete_groups().await);
        if failures.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = failures.iter().map(ToString::to_string).collect();
        fail(all.join("\n"))
    }

    /// Lets our programs take away what a run left that was cut short.
    pub(super) async fn tidy_up(&mut self) -> Outcome {
        if !self.is_used().await? {
            return Ok(());
        }
        self.progress
            .say("tidies up after a run that was cut short");
        self.start().await?;
        self.pods.delete_all().await?;
        until("what it left is gone", PATIENCE, async || {
            match self.is_used().await? {
                true => fail("there is something"),
                false => Ok(()),
            }
        })
        .await?;
        self.stop_programs().await
    }

    async fn empty(&mut self) -> Outcome {
        for controller in self.controllers.values() {
            controller.process.signal("CONT").await?;
        }
        self.start_programs().await?;
        self.pods.delete_all().await?;
        self.pods.until_gone().await?;
        if self.kit.namespaces {
            // A network stays for as long as its namespace does.
            self.pods.close().await?;
            self.pods.open().await?;
        }
        self.until_nothing_left().await
    }

    /// Takes away by force what our programs did not.
    async fn force(&self) -> Outcome {
        let nothing = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let (all, by) = (ListParams::default(), PatchParams::default());
        for port in self.pods.ports().list(&all).await?.items {
            self.pods
                .ports()
                .patch(&port.name_any(), &by, &nothing)
                .await?;
        }
        for balancer in self.pods.balancers().list(&all).await?.items {
            self.pods
                .balancers()
                .patch(&balancer.name_any(), &by, &nothing)
                .await?;
        }
        for pod in self.pods.api().list(&all).await?.items {
            self.pods
                .api()
                .patch(&pod.name_any(), &by, &nothing)
                .await?;
        }
        self.tenant.clear().await
    }

    /// Whether an earlier run left something.
    async fn is_used(&self) -> Outcome<bool> {
        let all = ListParams::default();
        Ok(!self.pods.api().list(&all).await?.items.is_empty()
            || !self.pods.ports().list(&all).await?.items.is_empty()
            || !self.pods.balancers().list(&all).await?.items.is_empty()
            || !self.tenant.ours().await?.is_empty()
            || !self.tenant.networks().await?.is_empty())
    }
}
