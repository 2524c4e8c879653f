"""A virtual machine is a network namespace whose eth0 is plugged into a hypervisor, as Nova and os-vif would plug it."""
from cloud import in_netns, listens, netns_exists, run, vsctl


def tap_of(port_id):
    return 'tap' + port_id[:11]


def plug(vm, hypervisor, port, prefix_length, gateway, mtu):
    """Makes namespace `vm` for a Neutron port that the administrator sees bound.

    Its other end goes into the bridge that Neutron names for the port: br-int, or with ML2/OVS a trunk's own tbr-...
    """
    bridge = (port.binding_vif_details or {}).get('bridge_name') or 'br-int'
    tap = tap_of(port.id)
    run('ip', 'netns', 'del', vm, check=False)  # a name that a crash left
    run('ip', 'netns', 'add', vm)
    in_netns(vm, 'ip link set lo up')
    in_netns(hypervisor, f'ip link add {tap} type veth peer name eth0 netns {vm}')
    in_netns(vm, f'ip link set eth0 address {port.mac_address} mtu {mtu} up')
    # the userspace datapath neither makes nor checks partial checksums
    in_netns(vm, 'ethtool -K eth0 tx off')
    in_netns(hypervisor, f'ethtool -K {tap} tx off')
    in_netns(hypervisor, f'ip link set {tap} mtu 1500 up')
    vsctl(hypervisor,
          '--may-exist', 'add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev',
          '--', '--may-exist', 'add-port', bridge, tap, '--', 'set', 'Interface', tap,
          f'external_ids:iface-id={port.id}', f'external_ids:attached-mac={port.mac_address}',
          f'external_ids:vm-uuid={vm}', 'external_ids:iface-status=active')
    for address in port.fixed_ips:
        in_netns(vm, f'ip addr add {address["ip_address"]}/{prefix_length} dev eth0')
    in_netns(vm, f'ip route add default via {gateway}')


def unplug(vm, hypervisor, port_id):
    """Takes away what plug made; nothing there is no error."""
    if netns_exists(vm):
        in_netns(vm, 'ip link del eth0', check=False)  # at once; a namespace's end takes its links later
        run('ip', 'netns', 'del', vm)
    if listens(hypervisor, 'db.sock'):
        # a dead switch is not waited for: it takes note when it starts
        patience = [] if listens(hypervisor, 'vswitchd.ctl') else ['--no-wait']
        vsctl(hypervisor, *patience, '--if-exists', 'del-port', tap_of(port_id))
