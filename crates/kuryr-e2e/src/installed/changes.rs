//! What an operator does to an installation: other images, another credential, all of it away.

use std::fs;
use std::time::Duration;

use tokio::process::Command;

use super::{Installation, deploy};
use crate::progress::until;
use crate::stack::output;
use crate::world::World;
use crate::{Outcome, fail};

const PATIENCE: Duration = Duration::from_secs(120);
/// The tag of the images as they were imported.
const IMPORTED: &str = "test";

/// What carries our pods, and its container.
const WORKLOADS: [(&str, &str); 2] = [
    ("daemonset/kuryr-daemon", "daemon"),
    ("deployment/kuryr-controller", "controller"),
];

impl Installation {
    /// Gives the nodes the images under another tag too, as a release that changes no format.
    ///
    /// # Errors
    /// A node's.
    pub async fn tag_images(&self, world: &World, tag: &str) -> Outcome {
        for node in &world.nodes {
            for (_, name) in WORKLOADS {
                let image = |tag: &str| format!("localhost/kuryr/{name}:{tag}");
                let mut command = self.stack.on_node(&node.name, "ctr".as_ref());
                command
                    .args(["-n", "k8s.io", "images", "tag", "--force"])
                    .args([image(IMPORTED), image(tag)]);
                output(command).await?;
            }
        }
        Ok(())
    }

    /// Has all pods of ours replaced by those of another tag, the daemons first, and waits until they are.
    ///
    /// # Errors
    /// They are not in time.
    pub async fn change_images(&self, tag: &str) -> Outcome {
        for (what, _) in WORKLOADS {
            self.set_image(what, tag).await?;
            self.rolled_out("kuryr", what).await?;
        }
        Ok(())
    }

    /// Names the image of another tag, and does not wait.
    ///
    /// # Errors
    /// kubectl's.
    pub async fn set_image(&self, what: &str, tag: &str) -> Outcome {
        let name = WORKLOADS.iter().find(|(w, _)| *w == what);
        let (_, name) = name.ok_or("no workload of ours")?;
        let image = format!("{name}=localhost/kuryr/{name}:{tag}");
        output(self.kubectl("kuryr", &["set", "image", what, &image]))
            .await
            .map(drop)
    }

    /// The API server takes what `kuryr manifests` prints. PodDisruptionBudgets of policy/v1 are newer than this stack's.
    ///
    /// # Errors
    /// It refuses an object.
    pub async fn dry_run(&self, world: &World) -> Outcome {
        let values = self.overlay.join("values.yaml");
        let images = "images: {controller: 'localhost/kuryr/controller:test', daemon: 'localhost/kuryr/daemon:test'}";
        let older = "controller: {podDisruptionBudget: false}";
        fs::write(&values, format!("{images}\n{older}\n"))?;
        let mut print = world.kit.kuryr(&["manifests", "--values"]);
        print.arg(&values);
        print
            .arg("--config-file")
            .arg(self.overlay.join("kuryr.conf"));
        print.arg("--clouds").arg(self.overlay.join("clouds.yaml"));
        let printed = self.overlay.join("printed.yaml");
        fs::write(&printed, output(print).await?)?;
        let mut apply = self.stack.kubectl();
        apply
            .args(["apply", "--dry-run=server", "-f"])
            .arg(&printed);
        output(apply).await.map(drop)
    }

    /// The controller's credential from the next [`Self::apply`] on.
    ///
    /// # Errors
    /// Its file can't be written.
    pub fn change_password(&self, password: Option<&str>) -> Outcome {
        let text = fs::read_to_string(&self.stack.clouds)?;
        let line = |line: &str| match (password, line.split_once("password:")) {
            (Some(other), Some((before, _))) => format!("{before}password: {other}\n"),
            _ => format!("{line}\n"),
        };
        let text: String = text.lines().map(line).collect();
        fs::write(self.overlay.join("clouds.yaml"), text)?;
        Ok(())
    }

    /// `kuryr doctor` with the installation's configuration and credential.
    ///
    /// # Errors
    /// Its file can't be written.
    pub fn doctor(&self, world: &World) -> Outcome<Command> {
        let file = self.overlay.with_file_name("doctor.conf");
        let (theirs, ours) = (&self.stack.clouds, self.overlay.join("clouds.yaml"));
        let configuration = world.kit.configuration(0, 0);
        let configuration =
            configuration.replace(&theirs.display().to_string(), &ours.display().to_string());
        fs::write(&file, configuration)?;
        let mut look = world.kit.kuryr(&["doctor", "--config-file"]);
        look.arg(file)
            .arg("--kubeconfig")
            .arg(&self.stack.kubeconfig)
            // The stack's own, which would come before the file's.
            .env_remove("OS_CLIENT_CONFIG_FILE")
            .env_remove("OS_CLOUD");
        Ok(look)
    }

    /// What `kubectl get` prints of some objects, until `is` likes it.
    ///
    /// # Errors
    /// It does not in time; says what was printed last.
    pub async fn until_shown(
        &self,
        what: &str,
        namespace: &str,
        get: &[&str],
        is: impl Fn(&str) -> bool,
    ) -> Outcome {
        until(what.to_owned(), PATIENCE, async || {
            let shown = output(self.kubectl(namespace, get)).await?;
            match is(&shown) {
                true => Ok(()),
                false => fail(format!("kubectl prints {shown}")),
            }
        })
        .await
    }

    /// Takes our definitions and accounts out of Kubernetes, so that the installation has to bring its own.
    ///
    /// # Errors
    /// Something of ours is left in Kubernetes.
    pub async fn forget_definitions(&self) -> Outcome {
        let mut files = vec![deploy("rbac/accounts.yaml")];
        super::flatten(&deploy("crds"), &mut files)?;
        let mut delete = self.stack.kubectl();
        delete.args(["delete", "--timeout=120s", "--ignore-not-found"]);
        for file in files {
            delete.arg("-f").arg(file);
        }
        output(delete).await?;
        self.nothing_of_ours().await
    }

    /// Deletes all that was applied, custom resource definitions with the rest, and the Lease that the controller made.
    ///
    /// # Errors
    /// Something of ours is left in Kubernetes.
    pub async fn remove_all(&self) -> Outcome {
        self.remove().await?;
        let mut delete = self.stack.kubectl();
        delete
            .args(["delete", "--timeout=120s", "--ignore-not-found", "-k"])
            .arg(&self.overlay);
        output(delete).await?;
        self.nothing_of_ours().await
    }

    async fn nothing_of_ours(&self) -> Outcome {
        let lease = ["delete", "lease", "kuryr-controller", "--ignore-not-found"];
        output(self.kubectl("kube-system", &lease)).await?;
        let kinds = "crd,namespace,clusterrole,clusterrolebinding,role,rolebinding,lease,configmap,secret,serviceaccount";
        let get = ["get", kinds, "-o", "name"];
        let ours = |name: &str| name.contains("kuryr") && !name.ends_with("/kuryr-e2e");
        let none = |shown: &str| !shown.lines().any(ours);
        self.until_shown(
            "nothing of ours is in Kubernetes",
            "kube-system",
            &get,
            none,
        )
        .await
    }
}
