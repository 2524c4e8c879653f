# Every setting of the stack, each overridden from the environment. Sourced by all scripts.
# shellcheck shell=bash disable=SC2034

STACK_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

: "${KURYR_STACK_STATE:=/var/lib/kuryr-stack}"     # what runs: databases, keys, logs; a folder for each backend
: "${KURYR_STACK_CACHE:=/var/cache/kuryr-stack}"   # what takes long to make: the Kubernetes binaries and images
: "${KURYR_STACK_NODES:=2}"                        # worker nodes, 1 to 9, spread over the hypervisors
: "${KURYR_STACK_CNI:=none}"                       # none: nodes wait for a CNI configuration; bridge: the reference plugin

# ---- OpenStack
: "${KURYR_STACK_HOST:=127.0.0.1}"                 # address of its three APIs
: "${KURYR_STACK_PORT_KEYSTONE:=25000}"
: "${KURYR_STACK_PORT_MEMCACHED:=25211}"           # Keystone's cache
: "${KURYR_STACK_PORT_NEUTRON:=29696}"
: "${KURYR_STACK_PORT_OCTAVIA:=29876}"
: "${KURYR_STACK_PORT_RABBIT:=25672}"              # ML2/OVS; the next two ports: Erlang's node, epmd
: "${KURYR_STACK_AGENT_POLL:=2}"                   # ML2/OVS: the agent looks for changed ports this often, s (Neutron's default)
: "${KURYR_STACK_REGION:=RegionOne}"
: "${KURYR_STACK_ADMIN_PASSWORD:=admin}"
: "${KURYR_STACK_SERVICE_PASSWORD:=service}"
: "${KURYR_STACK_KURYR_PASSWORD:=kuryr}"
: "${KURYR_STACK_QUOTA:=5000}"                     # ports, networks, groups, rules... of project k8s
: "${KURYR_STACK_KEYSTONE_WORKERS:=2}"
: "${KURYR_STACK_NEUTRON_WORKERS:=2}"
: "${KURYR_STACK_OCTAVIA_THREADS:=8}"
: "${KURYR_STACK_DEBUG:=false}"                    # debug logs of the OpenStack services

# ---- hypervisors: network namespaces joined by two bridges in a namespace of their own
: "${KURYR_STACK_HYPERVISORS:=oc1 oc2}"            # namespace = host name = chassis
: "${KURYR_STACK_FABRIC:=of}"
: "${KURYR_STACK_UNDERLAY:=172.30.250}"            # /24 of the tunnels; hypervisor N is .N
: "${KURYR_STACK_EXTERNAL:=172.30.251}"            # /24 of network `public`; gateway .1, this machine .254

# ---- Kubernetes
: "${KURYR_STACK_PORT_API:=16443}"                 # and the next two: controller-manager, scheduler
: "${KURYR_STACK_PORT_ETCD:=12379}"                # and the next one
: "${KURYR_STACK_APISERVER_ARGS:=}"                # more flags of kube-apiserver
: "${KURYR_STACK_BRIDGE_NET:=10.244}"              # /16 of the bridge plugin's pods; node N has .N.0/24
SERVICE_CIDR=10.96.0.0/16                          # the lower half of network k8s-services (vms/nodes.py)
API_ADDRESS=$KURYR_STACK_EXTERNAL.254              # this machine, as the nodes reach it

read -r -a HYPERVISORS <<<"$KURYR_STACK_HYPERVISORS"
KEYSTONE_URL=http://$KURYR_STACK_HOST:$KURYR_STACK_PORT_KEYSTONE/v3
NEUTRON_URL=http://$KURYR_STACK_HOST:$KURYR_STACK_PORT_NEUTRON
OCTAVIA_URL=http://$KURYR_STACK_HOST:$KURYR_STACK_PORT_OCTAVIA

PY=/usr/bin/python3
export SWITCH_DIR=$KURYR_STACK_CACHE/switch        # ovs-vswitchd and its libraries (openstack/newer-switch)

# Debian's own tools and Python, whatever else is first on the PATH; no proxy, no cloud of the caller's.
own_environment() {
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
  unset PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE KUBECONFIG ${!OS_*}
  unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
}

# The folders of one backend: `use_backend ovn|ovs`.
use_backend() {
  case $1 in ovn | ovs) ;; *) die "backend '$1' is unknown: ovn or ovs" ;; esac
  BACKEND=$1
  OS_DIR=$KURYR_STACK_STATE/$BACKEND/os
  K8S_DIR=$KURYR_STACK_STATE/$BACKEND/k8s
  K8S_BIN=$KURYR_STACK_CACHE/k8s/bin
  IMAGES=$KURYR_STACK_CACHE/k8s/images
  IDS=$OS_DIR/ids.json
  export STACK_OS_DIR=$OS_DIR
  export KURYR_STACK_HYPERVISORS KURYR_STACK_FABRIC KURYR_STACK_EXTERNAL
}

# The backend that has a process running, if any.
running_backend() {
  local b d
  for b in ovn ovs; do
    for d in os k8s; do
      if any_alive "$KURYR_STACK_STATE/$b/$d/run"; then echo "$b"; return; fi
    done
  done
}
