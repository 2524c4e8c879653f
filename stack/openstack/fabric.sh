# The wires: a namespace with two bridges (underlay of the tunnels, outside network), and the hypervisors'
# namespaces with a veth pair to each. Sourced by up.
# shellcheck shell=bash

fabric() { in_netns "$KURYR_STACK_FABRIC" "$@"; }

ensure_netns "$KURYR_STACK_FABRIC"
fabric ip link set lo up
for bridge in underlay outside; do
  fabric ip link show $bridge >/dev/null 2>&1 || fabric ip link add $bridge type bridge
  fabric ip link set $bridge up
done
fabric ip addr replace "$KURYR_STACK_EXTERNAL.1/24" dev outside
fabric ethtool -K outside tx off >/dev/null

for h in "${HYPERVISORS[@]}"; do
  ensure_netns "$h"
  in_netns "$h" ip link set lo up
  for link in underlay outside; do
    peer=${link:0:1}-$h
    in_netns "$h" ip link show $link >/dev/null 2>&1 && continue
    fabric ip link add "$peer" type veth peer name $link netns "$h"
    fabric ip link set "$peer" master $link up
    in_netns "$h" ip link set $link up
    # the userspace datapath neither makes nor checks partial checksums
    fabric ethtool -K "$peer" tx off >/dev/null
    in_netns "$h" ethtool -K $link tx off >/dev/null
  done
done
