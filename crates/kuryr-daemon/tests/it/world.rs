//! A node whose kernel and API server are in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use kuryr_api::vif::{Vif, VifNetwork, VifSubnet};
use kuryr_cni::protocol::{Attached, Pod, Target};
use kuryr_daemon::Refusal;
use kuryr_daemon::attach::{Attachments, Checkpoint, Ledger, Limits};
use kuryr_daemon::plug::{Netns, Plugger};
use kuryr_daemon::ports::{Known, PodKey, PodPort, PortStore};
use kuryr_net::{
    Holder, InterfaceSpec, LocalPort, Method, NetError, OwnedInterface, Plugged, UnplugSpec,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const UPLINK: &str = "ens3";

/// What the kernel has, whoever looks.
#[derive(Default)]
pub(crate) struct Kernel {
    /// Links of pods, by the name of the node's end.
    pub(crate) links: BTreeMap<String, InterfaceSpec>,
    /// VLAN to link name: stays when a link goes with its namespace, until unplugged.
    pub(crate) trunk: BTreeMap<u16, String>,
    /// Namespaces, by path, with their inode.
    pub(crate) netns: BTreeMap<PathBuf, u64>,
    /// What must never happen and did.
    pub(crate) violations: Vec<String>,
    /// Whose frames are switched on the node.
    pub(crate) switched: Vec<LocalPort>,
    /// Whether plugging is refused.
    pub(crate) refuses: bool,
    /// Whether the uplink is gone.
    pub(crate) no_uplink: bool,
    /// How often something was really plugged.
    pub(crate) plugged: usize,
    /// How often unplugging began.
    pub(crate) unplugging: usize,
    inodes: u64,
}

/// Where unplugging stops while a test looks at what others do meanwhile.
#[derive(Default)]
pub(crate) struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn shut(&self) {
        *self.shut.lock().unwrap() = true;
    }

    pub(crate) fn open(&self) {
        *self.shut.lock().unwrap() = false;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let shut = self.shut.lock().unwrap();
        // Not for ever: a test that failed never opens it.
        let limit = Duration::from_secs(10);
        drop(
            self.opened
                .wait_timeout_while(shut, limit, |shut| *shut)
                .unwrap(),
        );
    }
}

/// One daemon's hands on the kernel; it loses them when it is killed.
pub(crate) struct Hands {
    kernel: Arc<Mutex<Kernel>>,
    pub(crate) gate: Gate,
    changed: watch::Sender<()>,
    dead: AtomicBool,
}

impl Hands {
    fn kernel(&self) -> Result<MutexGuard<'_, Kernel>, NetError> {
        let kernel = self.kernel.lock().unwrap();
        if self.dead.load(Ordering::SeqCst) {
            return Err(netns_error(Path::new("/dead"), io::ErrorKind::Other));
        }
        Ok(kernel)
    }
}

fn netns_error(path: &Path, kind: io::ErrorKind) -> NetError {
    NetError::Netns {
        path: path.to_owned(),
        source: kind.into(),
    }
}

impl Kernel {
    pub(crate) fn make_netns(&mut self, path: &str) {
        self.inodes += 1;
        let inode = self.inodes;
        self.netns.entry(path.into()).or_insert(inode);
    }

    /// A namespace goes, and with it the links in it; the trunk's map does not notice.
    pub(crate) fn kill_netns(&mut self, path: &str) {
        self.netns.remove(Path::new(path));
        self.links
            .retain(|_, link| link.pod_netns != Path::new(path));
    }

    fn holder(&self, vlan: u16, but: &str) -> Option<Holder> {
        let name = self.trunk.get(&vlan).filter(|name| *name != but)?;
        let link = self.links.get(name)?;
        Some(Holder {
            link_name: name.clone(),
            alias: link.alias(),
            netns: None,
        })
    }
}

impl Plugger for Hands {
    fn uplink(&self) -> &str {
        UPLINK
    }

    fn check_uplink(&self) -> Result<(), NetError> {
        if self.kernel()?.no_uplink {
            return Err(NetError::UplinkMissing {
                uplink: UPLINK.into(),
            });
        }
        Ok(())
    }

    fn plug(&self, spec: &InterfaceSpec) -> Result<Plugged, NetError> {
        let mut kernel = self.kernel()?;
        if kernel.refuses {
            return Err(NetError::MethodUnavailable {
                method: Method::Bpf,
                reason: "the test says so".into(),
            });
        }
        if !kernel.netns.contains_key(&spec.pod_netns) {
            return Err(netns_error(&spec.pod_netns, io::ErrorKind::NotFound));
        }
        if let Some(holder) = kernel.holder(spec.vlan, &spec.host_name) {
            return Err(NetError::VlanInUse {
                uplink: UPLINK.into(),
                vlan: spec.vlan,
                holder,
            });
        }
        let same =
            |link: &InterfaceSpec| link.pod_netns == spec.pod_netns && link.ifname == spec.ifname;
        let other = kernel
            .links
            .iter()
            .find(|(name, link)| same(link) && **name != spec.host_name);
        if let Some((name, _)) = other {
            let violation = format!("{} plugged over {name}", spec.host_name);
            kernel.violations.push(violation);
        }
        let moved = kernel
            .links
            .get(&spec.host_name)
            .is_some_and(|link| !same(link));
        if moved {
            let violation = format!("{} plugged twice", spec.host_name);
            kernel.violations.push(violation);
        }
        let as_plugged = InterfaceSpec {
            method: Method::Bpf,
            ..spec.clone()
        };
        let before = kernel
            .links
            .insert(spec.host_name.clone(), as_plugged.clone());
        kernel.trunk.insert(spec.vlan, spec.host_name.clone());
        let changed = before.as_ref() != Some(&as_plugged);
        kernel.plugged += usize::from(changed);
        drop(kernel);
        self.changed.send_replace(());
        Ok(Plugged {
            method: Method::Bpf,
            reason: "it is the only one".into(),
            changed,
            ifindex: 2,
        })
    }

    fn cut(&self, spec: &UnplugSpec) -> Result<(), NetError> {
        let mut kernel = self.kernel()?;
        if let Some(vlan) = spec.vlan
            && kernel.trunk.get(&vlan) == Some(&spec.host_name)
        {
            kernel.trunk.remove(&vlan);
        }
        Ok(())
    }

    fn unplug(&self, spec: &UnplugSpec) -> Result<(), NetError> {
        self.kernel()?.unplugging += 1;
        self.changed.send_replace(());
        self.gate.pass();
        let mut kernel = self.kernel()?;
        kernel.links.remove(&spec.host_name);
        if let Some(vlan) = spec.vlan
            && kernel
                .trunk
                .get(&vlan)
                .is_some_and(|name| *name == spec.host_name)
        {
            kernel.trunk.remove(&vlan);
        }
        drop(kernel);
        self.changed.send_replace(());
        Ok(())
    }

    fn check(&self, spec: &InterfaceSpec) -> Result<(), NetError> {
        if self.kernel()?.links.get(&spec.host_name) == Some(spec) {
            return Ok(());
        }
        Err(NetError::Differs {
            ifname: spec.ifname.clone(),
            differences: vec![],
        })
    }

    fn list(&self) -> Result<Vec<OwnedInterface>, NetError> {
        let kernel = self.kernel()?;
        let owned = kernel.links.iter().map(|(name, link)| OwnedInterface {
            method: Method::Bpf,
            vlan: Some(link.vlan),
            link_name: name.clone(),
            alias: link.alias(),
            netns: None,
        });
        Ok(owned.collect())
    }

    fn switch_locally(&self, ports: &[LocalPort]) -> Result<Option<usize>, NetError> {
        self.kernel()?.switched = ports.to_vec();
        self.changed.send_replace(());
        Ok(Some(ports.len()))
    }

    fn evict(&self, vlan: u16) -> Result<Option<Holder>, NetError> {
        let mut kernel = self.kernel()?;
        let holder = kernel.holder(vlan, "");
        if let Some(name) = kernel.trunk.remove(&vlan) {
            kernel.links.remove(&name);
        }
        Ok(holder)
    }

    fn netns(&self, path: &Path) -> Netns {
        match self.kernel() {
            Ok(kernel) => kernel
                .netns
                .get(path)
                .map_or(Netns::Gone, |i| Netns::There(*i)),
            Err(_) => Netns::Unknown,
        }
    }
}

/// A node, its daemon, and the API server's KuryrPorts.
pub(crate) struct World {
    pub(crate) kernel: Arc<Mutex<Kernel>>,
    pub(crate) api: BTreeMap<PodKey, Known>,
    pub(crate) store: Arc<PortStore>,
    pub(crate) node: Arc<Attachments>,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) hands: Arc<Hands>,
    wait: Duration,
    changed: watch::Sender<()>,
}

impl World {
    /// With a daemon that has started and tidied up.
    pub(crate) async fn new() -> Self {
        Self::waiting(Duration::from_secs(20)).await
    }

    /// With a daemon whose ADDs wait that long.
    pub(crate) async fn waiting(wait: Duration) -> Self {
        let mut world = Self::stopped(wait);
        world.start().await;
        world
    }

    /// With a daemon that has not started yet.
    pub(crate) fn stopped(wait: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let kernel = Arc::default();
        let changed = watch::Sender::new(());
        let (store, hands, node) = daemon(&kernel, &changed, dir.path(), wait);
        Self {
            kernel,
            api: BTreeMap::new(),
            store,
            node,
            dir,
            hands,
            wait,
            changed,
        }
    }

    async fn start(&mut self) {
        self.node.undo_unfinished().await;
        self.store.list_begins();
        for (pod, known) in &self.api {
            self.store.list_brings(pod.clone(), known.clone());
        }
        self.store.list_ends();
        self.node.adopt_leftovers().await.unwrap();
        self.node.sweep().await;
    }

    /// The daemon is killed in the midst of whatever it does, and another one starts.
    pub(crate) async fn restart(&mut self) {
        {
            let _no_hand_moves = self.kernel.lock().unwrap();
            self.hands.dead.store(true, Ordering::SeqCst);
        }
        let (store, hands, node) = daemon(&self.kernel, &self.changed, self.dir.path(), self.wait);
        (self.store, self.hands, self.node) = (store, hands, node);
        self.start().await;
    }

    /// A KuryrPort of the pod, with a port or without.
    pub(crate) fn port(&mut self, pod: &str, uid: &str, vif: Option<Vif>) {
        let entry = vif.map(|vif| {
            let entry = Ok(vif);
            ("eth0".to_owned(), entry)
        });
        let port = PodPort {
            uid: uid.into(),
            vifs: entry.into_iter().collect(),
            ..PodPort::default()
        };
        self.apply(pod, Known::Port(port));
    }

    pub(crate) fn apply(&mut self, pod: &str, known: Known) {
        self.api.insert(key(pod), known.clone());
        self.store.apply(key(pod), known);
    }

    pub(crate) fn edit(&mut self, pod: &str, edit: impl FnOnce(&mut PodPort)) {
        if let Some(Known::Port(mut port)) = self.api.get(&key(pod)).cloned() {
            edit(&mut port);
            self.apply(pod, Known::Port(port));
        }
    }

    pub(crate) fn activate(&mut self, pod: &str) {
        self.edit(pod, |port| {
            for entry in port.vifs.values_mut() {
                entry.as_mut().unwrap().active = true;
            }
        });
    }

    pub(crate) fn delete_port(&mut self, pod: &str) {
        self.api.remove(&key(pod));
        self.store.delete(&key(pod));
    }

    /// An ADD, its namespace made before.
    pub(crate) async fn add(&self, target: &Target) -> Result<Attached, Refusal> {
        self.netns(target);
        self.node
            .add(target, Duration::from_secs(60), CancellationToken::new())
            .await
    }

    /// An ADD in the background.
    pub(crate) fn adding(&self, target: &Target) -> JoinHandle<Result<Attached, Refusal>> {
        self.adding_until(target, CancellationToken::new())
    }

    pub(crate) fn adding_until(
        &self,
        target: &Target,
        gone: CancellationToken,
    ) -> JoinHandle<Result<Attached, Refusal>> {
        self.netns(target);
        let node = Arc::clone(&self.node);
        let target = target.clone();
        tokio::spawn(async move { node.add(&target, Duration::from_secs(60), gone).await })
    }

    /// A DEL in the background.
    pub(crate) fn deleting(&self, target: &Target) -> JoinHandle<Result<(), Refusal>> {
        let node = Arc::clone(&self.node);
        let target = target.clone();
        tokio::spawn(async move { node.del(&target).await })
    }

    fn netns(&self, target: &Target) {
        if let Some(path) = &target.netns {
            self.kernel().make_netns(path);
        }
    }

    pub(crate) fn kernel(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap()
    }

    /// Waits until the kernel is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&Kernel) -> bool) {
        let mut changed = self.changed.subscribe();
        let limit = Duration::from_secs(20);
        while !wanted(&self.kernel()) {
            let changed = tokio::time::timeout(limit, changed.changed()).await;
            changed
                .expect("the kernel never came to what the test waits for")
                .unwrap();
        }
    }

    /// Nothing is left of anything.
    pub(crate) fn assert_clean(&self) {
        let kernel = self.kernel();
        assert_eq!(kernel.violations, Vec::<String>::new());
        assert!(kernel.links.is_empty(), "links: {:?}", kernel.links.keys());
        assert!(kernel.trunk.is_empty(), "trunk: {:?}", kernel.trunk);
        assert!(
            self.node.ledger().is_empty(),
            "{:?}",
            self.node.ledger().all()
        );
    }
}

fn daemon(
    kernel: &Arc<Mutex<Kernel>>,
    changed: &watch::Sender<()>,
    dir: &Path,
    wait: Duration,
) -> (Arc<PortStore>, Arc<Hands>, Arc<Attachments>) {
    let store = Arc::new(PortStore::default());
    let hands = Arc::new(Hands {
        kernel: Arc::clone(kernel),
        changed: changed.clone(),
        gate: Gate::default(),
        dead: AtomicBool::new(false),
    });
    let limits = Limits {
        node: "worker-1".into(),
        port_wait: wait,
        workers: 4,
    };
    let ledger = Ledger::load(Checkpoint::open(dir).unwrap()).unwrap();
    let probe = Arc::new(|| -> futures::future::BoxFuture<'static, _> {
        Box::pin(async { Err("the test says so".to_owned()) })
    });
    let plugger: Arc<dyn Plugger> = hands.clone();
    let node = Attachments::new(limits, Arc::clone(&store), plugger, ledger, probe);
    (store, hands, Arc::new(node))
}

pub(crate) fn key(pod: &str) -> PodKey {
    PodKey {
        namespace: "demo".into(),
        name: pod.into(),
    }
}

/// What the runtime asks for a container of a pod; the uid is `u-<pod>`.
pub(crate) fn target(container: &str, pod: &str) -> Target {
    Target {
        network: "kuryr".into(),
        container_id: container.into(),
        ifname: "eth0".into(),
        netns: Some(format!("/run/netns/{container}")),
        pod: Some(Pod {
            namespace: "demo".into(),
            name: pod.into(),
            uid: Some(uid(pod)),
        }),
    }
}

pub(crate) fn uid(pod: &str) -> String {
    format!("u-{pod}")
}

/// A dual-stack port; `n` makes it unlike others.
pub(crate) fn vif(n: u16, vlan: u16, active: bool) -> Vif {
    let subnet = |cidr: &str, gateway: &str, dns: &str, ip: String| VifSubnet {
        cidr: cidr.parse().unwrap(),
        gateway: gateway.parse().ok(),
        dns: vec![dns.parse().unwrap()],
        routes: vec![],
        ips: vec![ip.parse().unwrap()],
    };
    let mut v4 = subnet(
        "10.41.0.0/16",
        "10.41.0.1",
        "10.41.0.2",
        format!("10.41.1.{n}"),
    );
    v4.routes = vec![("192.0.2.0/24".parse().unwrap(), "10.41.0.9".parse().ok())];
    let v6 = subnet(
        "fd00:41::/64",
        "fd00:41::1",
        "10.41.0.2",
        format!("fd00:41::1:{n}"),
    );
    Vif {
        port_id: format!("{n:08}-8a43-4d0a-9c43-0d5a3b1f9e77"),
        mac: format!("fa:16:3e:00:00:{n:02x}"),
        vlan,
        active,
        network: VifNetwork {
            id: "net".into(),
            name: "k8s-pods".into(),
            mtu: 1442,
            subnets: vec![v4, v6],
        },
    }
}
