# On each hypervisor: ovsdb-server, ovs-vswitchd with the userspace datapath, its bridges, and for ML2/OVN
# ovn-controller. Sourced by up.
# shellcheck shell=bash

# Open vSwitch's and OVN's tools look for everything of a hypervisor in one folder.
hypervisor_env() {
  local v
  for v in OVS_RUNDIR OVS_DBDIR OVS_LOGDIR OVS_SYSCONFDIR OVN_RUNDIR OVN_DBDIR OVN_LOGDIR; do export $v="$1"; done
}

has_address() { in_netns "$1" ip -o addr show dev "$2" up | grep -qF " $3/"; }

start_hypervisor() { # NAME NUMBER
  local h=$1 address=$KURYR_STACK_UNDERLAY.$2 d=$OS_DIR/$1 vsctl
  mkdir -p "$d"
  hypervisor_env "$d"
  [ -e "$d/conf.db" ] || ovsdb-tool create "$d/conf.db" "$SWITCH_DIR/vswitch.ovsschema"
  start "$h-ovsdb" nsenter --net="/run/netns/$h" ovsdb-server -vconsole:warn --remote=punix:"$d/db.sock" \
    --unixctl="$d/ovsdb.ctl" "$d/conf.db"
  wait_for 20 "$h-ovsdb" ovsdb-client list-dbs unix:"$d/db.sock"
  vsctl="ovs-vsctl --db=unix:$d/db.sock --timeout=30"
  $vsctl --no-wait -- init -- set Open_vSwitch . external_ids:system-id="$h" external_ids:hostname="$h"
  [ "$BACKEND" = ovs ] || $vsctl --no-wait set Open_vSwitch . \
    external_ids:ovn-remote=unix:"$RUN/sb.sock" external_ids:ovn-encap-type=geneve \
    external_ids:ovn-encap-ip="$address" external_ids:ovn-bridge-mappings=physnet1:br-ex \
    external_ids:ovn-bridge-datapath-type=netdev external_ids:ovn-cms-options=enable-chassis-as-gw \
    external_ids:ovn-monitor-all=true
  start "$h-vswitchd" "$HERE/switch" "$h" "$d" "$address"
  $vsctl -- --may-exist add-br br-int -- set bridge br-int datapath_type=netdev fail_mode=secure \
      other_config:disable-in-band=true \
    -- --may-exist add-br br-ex -- set bridge br-ex datapath_type=netdev \
    -- --may-exist add-port br-ex outside \
    -- --may-exist add-br br-phy -- set bridge br-phy datapath_type=netdev \
    -- --may-exist add-port br-phy underlay
  # tunnels leave through br-phy, which holds the underlay address
  wait_for 20 "$h-vswitchd" has_address "$h" br-phy "$address"
  [ "$BACKEND" = ovs ] ||
    start "$h-controller" nsenter --net="/run/netns/$h" ovn-controller -vconsole:warn unix:"$d/db.sock"
}

# Neutron 21 reads a chassis' options from external_ids, where OVN 23.03 no longer writes them:
# without this no gateway port binds, and each try holds up Neutron's port events for seconds.
copy_chassis_options() {
  local h sbctl="ovn-sbctl --db=unix:$RUN/sb.sock"
  for h in "${HYPERVISORS[@]}"; do
    wait_for 30 "$h-controller" sh -c "$sbctl --bare --columns=name find Chassis name=$h | grep -q ."
    $sbctl set Chassis "$h" external_ids:ovn-bridge-mappings=physnet1:br-ex \
      external_ids:ovn-cms-options=enable-chassis-as-gw external_ids:datapath-type=netdev
  done
}

number=0
for h in "${HYPERVISORS[@]}"; do
  number=$((number + 1))
  # in a subshell: its environment is this hypervisor's alone
  (start_hypervisor "$h" $number)
done
[ "$BACKEND" = ovs ] || copy_chassis_options
