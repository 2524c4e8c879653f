# One node: containerd and kubelet in the network namespace of its virtual machine and in mount, uts and pid namespaces of
# their own. Sourced by up. The node's folder holds what would be its disk:
#   $K8S_DIR/nodeN/{etc-cni/net.d,opt-cni/bin}   its CNI configuration and plugins
#   $K8S_DIR/nodeN/netns                         its /run/netns: the pods' network namespaces, seen from outside
# shellcheck shell=bash

# Folders of the machine that each node has for itself: folder in the node's own : where it is mounted.
NODE_MOUNTS="kubelet:/var/lib/kubelet containerd:/var/lib/containerd run-containerd:/run/containerd log-pods:/var/log/pods
  log-containers:/var/log/containers var-lib-cni:/var/lib/cni etc-cni:/etc/cni opt-cni:/opt/cni run-kuryr:/run/kuryr
  var-lib-kuryr:/var/lib/kuryr etc-kuryr:/etc/kuryr"

containerd_config() {
  # no negative oom_score_adj: the machine may lack CAP_SYS_RESOURCE
  cat <<Y
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "$K8S_BIN/runc"
      SystemdCgroup = false
Y
}

kubelet_config() { # NAME: its own cgroupRoot, or two kubelets of one kernel kill each other's pods as orphans
  cat <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet-$1.crt
tlsPrivateKeyFile: $PKI/kubelet-$1.key
cgroupDriver: cgroupfs
cgroupRoot: /$1
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi}
nodeStatusUpdateFrequency: 2s
resolvConf: ""
clusterDNS: [${SERVICE_CIDR%.*}.10]
clusterDomain: cluster.local
healthzBindAddress: 127.0.0.1
Y
}

make_cgroups() { # NAME: in each hierarchy of version 1, or in the one of version 2
  local c
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup/$1"
    return
  fi
  for c in /sys/fs/cgroup/*/; do
    case $c in */unified/) continue ;; esac
    mkdir -p "$c$1"
    case $c in
      */cpuset/) cat "$c/cpuset.cpus" >"$c$1/cpuset.cpus"; cat "$c/cpuset.mems" >"$c$1/cpuset.mems" ;;
    esac
  done
}

make_folders() { # FOLDER
  local m
  for m in $NODE_MOUNTS; do mkdir -p "$1/${m%%:*}" "${m#*:}"; done
  mkdir -p "$1/etc-cni/net.d" "$1/opt-cni/bin" "$1/netns" /run/netns
  cp -f "$K8S_BIN"/cni/* "$1/opt-cni/bin/"
  # its namespaces' mounts show here, outside
  mountpoint -q "$1/netns" || {
    mount --bind "$1/netns" "$1/netns"
    mount --make-private "$1/netns"
    mount --make-shared "$1/netns"
  }
}

start_node() { # NAME ADDRESS
  local name=$1 address=$2 d=$K8S_DIR/$1
  [ -e "/run/netns/$name" ] || die "no namespace $name for the node at $address"
  certificate "kubelet-$name" "system:node:$name" system:nodes "DNS:$name,IP:$address"
  kubeconfig "$name" "kubelet-$name"
  make_folders "$d"
  make_cgroups "$name"
  containerd_config >"$d/containerd.toml"
  kubelet_config "$name" >"$d/kubelet.yaml"
  # unshare is what is remembered; its end is the end of its child, pid 1 of the node, and of everything on the node
  start "$name" nsenter --net="/run/netns/$name" \
    env NODE="$name" ADDRESS="$address" FOLDER="$d" LOG="$LOG" RUN="$RUN" KEEPER="$KEEPER" KUBECONFIG="$K8S_DIR/$name.kubeconfig" \
    IMAGES="$IMAGES $K8S_DIR/images" NODE_MOUNTS="$NODE_MOUNTS" \
    unshare --mount --propagation unchanged --uts --pid --fork --kill-child --mount-proc "$HERE/node-init"
}
