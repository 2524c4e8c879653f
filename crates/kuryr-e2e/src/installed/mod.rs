//! Our programs as pods, as `deploy/` has them.

mod changes;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::Kubeconfig;
use kuryr_net::netns;
use serde::Deserialize;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::stack::{Stack, output};
use crate::world::World;
use crate::{Outcome, fail};

/// Names the folder of the images; `cargo xtask test` sets it.
const IMAGES: &str = "KURYR_IMAGES";
/// How long pods of ours may take to be there or to go.
const PATIENCE: Duration = Duration::from_secs(120);

/// What `kubectl apply -k` is told, and what it needs around it.
pub struct Installation {
    stack: Stack,
    overlay: PathBuf,
    uninstall: PathBuf,
    /// OpenStack as nodes reach it; ends with this.
    _openstack: JoinSet<()>,
}

impl Installation {
    /// Brings the images to the nodes and writes what an operator writes; nothing is applied yet.
    ///
    /// # Errors
    /// No images, or a node that takes none.
    pub async fn prepare(world: &World, dir: &Path) -> Outcome<Self> {
        let Some(images) = std::env::var_os(IMAGES).map(PathBuf::from) else {
            return fail(format!(
                "{IMAGES} is not set: cargo xtask test --only e2e-ovn"
            ));
        };
        let stack = world.stack.clone();
        let mut openstack = JoinSet::new();
        for node in &world.nodes {
            for image in ["kuryr-controller.tar", "kuryr-daemon.tar"] {
                let mut import = stack.on_node(&node.name, Path::new("ctr"));
                import
                    .args(["-n", "k8s.io", "images", "import"])
                    .arg(images.join(image));
                output(import).await?;
            }
            for port in &stack.openstack {
                forward(&mut openstack, &node.netns, *port)?;
            }
        }
        let installation = Self {
            stack,
            overlay: dir.join("overlay"),
            uninstall: dir.join("uninstall"),
            _openstack: openstack,
        };
        installation.write(&world.kit.configuration(8082, 9654))?;
        Ok(installation)
    }

    fn write(&self, configuration: &str) -> Outcome {
        // As the pods see it.
        let clouds = self.stack.clouds.display().to_string();
        let api_root = format!("[kubernetes]\napi_root = {}\n", self.api_root()?);
        let configuration = configuration
            .replace(&clouds, "/etc/kuryr-cloud/clouds.yaml")
            .replace("[kubernetes]\n", &api_root);
        fs::create_dir_all(&self.overlay)?;
        fs::create_dir_all(&self.uninstall)?;
        fs::write(self.overlay.join("kuryr.conf"), configuration)?;
        fs::copy(&self.stack.clouds, self.overlay.join("clouds.yaml"))?;
        let mut files = Vec::new();
        flatten(&deploy("base"), &mut files)?;
        let mut names = Vec::new();
        for (at, file) in files.iter().enumerate() {
            let name = format!("{at:02}.yaml");
            fs::copy(file, self.overlay.join(&name))?;
            names.push(name);
        }
        let kustomization = format!(
            "resources: [{}]\nimages:\n{}{}\
             configMapGenerator:\n  - {{name: kuryr-config, namespace: kuryr, files: [kuryr.conf]}}\n\
             secretGenerator:\n  - {{name: kuryr-cloud, namespace: kuryr, files: [clouds.yaml]}}\n",
            names.join(", "),
            image("controller"),
            image("daemon")
        );
        fs::write(self.overlay.join("kustomization.yaml"), kustomization)?;
        // That folder's own kustomization names the operator's registry.
        let workload = "uninstall.yaml";
        fs::copy(
            deploy("uninstall").join(workload),
            self.uninstall.join(workload),
        )?;
        let kustomization = format!("resources: [{workload}]\nimages:\n{}", image("daemon"));
        fs::write(self.uninstall.join("kustomization.yaml"), kustomization)?;
        Ok(())
    }

    fn api_root(&self) -> Outcome<String> {
        let file = Kubeconfig::read_from(&self.stack.kubeconfig)?;
        let server = file.clusters.into_iter().find_map(|c| c.cluster?.server);
        match server {
            Some(server) => Ok(server),
            None => fail("the kubeconfig names no server"),
        }
    }

    /// `kuryr preflight` has no problem to tell.
    ///
    /// # Errors
    /// It has.
    pub async fn preflight(&self, world: &World) -> Outcome {
        let file = self.overlay.with_file_name("preflight.conf");
        fs::write(&file, world.kit.configuration(0, 0))?;
        let mut look = world
            .kit
            .kuryr(&["preflight", "--pods", "8", "--config-file"]);
        look.arg(file)
            .arg("--kubeconfig")
            .arg(&self.stack.kubeconfig);
        match look.output().await? {
            done if done.status.success() => Ok(()),
            done => fail(format!(
                "{}{}",
                String::from_utf8_lossy(&done.stdout),
                String::from_utf8_lossy(&done.stderr)
            )),
        }
    }

    /// `kubectl apply -k`, and all pods are ready.
    ///
    /// # Errors
    /// They are not in time.
    pub async fn apply(&self) -> Outcome {
        self.apply_only().await?;
        self.rolled_out("kuryr", "daemonset/kuryr-daemon").await?;
        self.rolled_out("kuryr", "deployment/kuryr-controller")
            .await
    }

    /// `kubectl apply -k`, whatever comes of it.
    ///
    /// # Errors
    /// kubectl's.
    pub async fn apply_only(&self) -> Outcome {
        let mut apply = self.stack.kubectl();
        apply.args(["apply", "-k"]).arg(&self.overlay);
        output(apply).await.map(drop)
    }

    /// All pods of a set are there and ready.
    ///
    /// # Errors
    /// They are not in time; says what is known of them.
    pub async fn rolled_out(&self, namespace: &str, what: &str) -> Outcome {
        let mut status = self.kubectl(namespace, &["rollout", "status", what]);
        status.arg(format!("--timeout={}s", PATIENCE.as_secs()));
        let Err(why) = output(status).await else {
            return Ok(());
        };
        let mut told = why.to_string();
        let questions: [&[&str]; 3] = [
            &["get", "pods", "-o", "wide"],
            &["describe", "pods"],
            &["logs", what, "--tail=20"],
        ];
        for question in questions {
            let said = output(self.kubectl(namespace, question)).await;
            told.push('\n');
            told.push_str(&said.unwrap_or_else(|e| e.to_string()));
        }
        fail(told)
    }

    /// Deletes pods of ours by their label, without waiting for their end.
    ///
    /// # Errors
    /// kubectl's.
    pub async fn delete_pods(&self, name: &str) -> Outcome {
        let label = format!("app.kubernetes.io/name={name}");
        let delete = ["delete", "pods", "--wait=false", "-l", &label];
        output(self.kubectl("kuryr", &delete)).await.map(drop)
    }

    /// Deletes the workloads, keeps the custom resources, and takes plugin and configuration off the nodes.
    ///
    /// # Errors
    /// Something stays.
    pub async fn remove(&self) -> Outcome {
        let workloads = [
            "delete",
            "deployment/kuryr-controller",
            "daemonset/kuryr-daemon",
            "--timeout=60s",
            "--ignore-not-found",
        ];
        output(self.kubectl("kuryr", &workloads)).await?;
        let mut apply = self.stack.kubectl();
        apply.args(["apply", "-k"]).arg(&self.uninstall);
        output(apply).await?;
        let done = self
            .rolled_out("kuryr-uninstall", "daemonset/kuryr-uninstall")
            .await;
        let mut delete = self.stack.kubectl();
        delete
            .args(["delete", "--timeout=60s", "-k"])
            .arg(&self.uninstall);
        output(delete).await?;
        done
    }

    fn kubectl(&self, namespace: &str, args: &[&str]) -> Command {
        let mut command = self.stack.kubectl();
        command.args(["-n", namespace]).args(args);
        command
    }
}

/// A file of `deploy/`.
fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(name)
}

/// A line of a kustomization: an image as it was imported.
fn image(name: &str) -> String {
    format!("  - {{name: kuryr/{name}, newName: localhost/kuryr/{name}, newTag: test}}\n")
}

/// The stack's APIs listen on the loopback address of this machine; nodes find them on theirs.
fn forward(tasks: &mut JoinSet<()>, node: &Path, port: u16) -> Outcome {
    let listen = || std::net::TcpListener::bind(("127.0.0.1", port));
    let listener = netns::run_in(Some(node), listen)??;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    tasks.spawn(async move {
        let mut calls = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            calls.spawn(async move {
                if let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await {
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                }
            });
            while calls.try_join_next().is_some() {}
        }
    });
    Ok(())
}

/// The files that a kustomization names, and those that it names as folders: kubectl 1.20 takes no folders among resources.
fn flatten(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    #[derive(Deserialize)]
    struct Kustomization {
        resources: Vec<String>,
    }
    let text = fs::read_to_string(folder.join("kustomization.yaml"))?;
    let list: Kustomization = serde_yaml_ng::from_str(&text)?;
    for resource in list.resources {
        let path = folder.join(resource);
        if path.is_dir() {
            flatten(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
