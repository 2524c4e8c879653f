"""The virtual machines that Kubernetes runs on: nodes.py up COUNT | unplug | delete.

up      networks k8s-nodes, k8s-pods, k8s-services on one router without SNAT, and a subnet pool for networks of
        namespaces; for each node a trunk, and a namespace
        nodeN plugged into a hypervisor with the trunk's parent port as its only interface. This machine gets a foot in
        the external network: it reaches nodes and pods, and they reach the API server here. Writes OS_DIR/ids.json
        (ids and addresses). Safe to repeat.
unplug  takes the namespaces, this machine's foot and routes away; everything in OpenStack stays.
delete  also deletes all of it from OpenStack, whoever made a port or load balancer in these networks.
"""
import ipaddress
import json
import os
import sys

from cloud import EXTERNAL, FABRIC, HYPERVISORS, OS_DIR, connect, in_netns, netns_exists, run
from plug import plug, unplug

LINK = 'k8s-host'
HOST = EXTERNAL + '.254'  # this machine on the external network
HOST_MAC = '02:4b:75:72:79:72'  # always the same: OVN remembers it for good (MAC_Binding), also over a restart
# name: CIDR, gateway, first and last address that Neutron may give
NETWORKS = {
    'k8s-nodes': ('10.40.0.0/24', '10.40.0.1', '10.40.0.10', '10.40.0.250'),
    'k8s-pods': ('10.41.0.0/16', '10.41.0.1', '10.41.0.10', '10.41.255.250'),
    # twice the service range: service addresses are chosen by Kubernetes, Neutron's own come from the upper half
    'k8s-services': ('10.96.0.0/15', '10.97.255.254', '10.97.0.1', '10.97.255.250'),
}
POOL = 'k8s-namespaces'
PREFIX = '10.44.0.0/16'  # its subnets are /24
ROUTED = ('10.40.0.0/24', '10.41.0.0/16', PREFIX, '10.96.0.0/16')
GROUPS = ('k8s-nodes', 'k8s-pods')  # they let everything in
IDS = os.path.join(OS_DIR, 'ids.json')


def ensure_router(admin, user):
    router = user.network.find_router('k8s') or user.network.create_router(name='k8s')
    public = admin.network.find_network('public')
    if not router.external_gateway_info:
        admin.network.update_router(router.id, external_gateway_info={'network_id': public.id, 'enable_snat': False})
    return admin.network.get_router(router.id), public


def ensure_networks(user, router):
    networks, subnets = {}, {}
    for name, (cidr, gateway, first, last) in NETWORKS.items():
        networks[name] = user.network.find_network(name) or user.network.create_network(name=name)
        subnets[name] = user.network.find_subnet(name)
        if not subnets[name]:
            subnets[name] = user.network.create_subnet(
                name=name, network_id=networks[name].id, ip_version=4, cidr=cidr, gateway_ip=gateway,
                enable_dhcp=False, allocation_pools=[{'start': first, 'end': last}])
            user.network.add_interface_to_router(router, subnet_id=subnets[name].id)
    return networks, subnets


def ensure_pool(user):
    return user.network.find_subnet_pool(POOL) or user.network.create_subnet_pool(
        name=POOL, prefixes=[PREFIX], default_prefixlen=24)


def ensure_groups(user):
    groups = {}
    for name in GROUPS:
        groups[name] = user.network.find_security_group(name)
        if not groups[name]:
            groups[name] = user.network.create_security_group(name=name)
            user.network.create_security_group_rule(
                security_group_id=groups[name].id, direction='ingress', ethertype='IPv4')
    return groups


def connect_host(gateway, mtu):
    """This machine on the external network, with routes to nodes, pods and services by the router."""
    if run('ip', 'link', 'show', LINK, check=False).returncode:
        run('ip', 'link', 'add', LINK, 'address', HOST_MAC, 'type', 'veth', 'peer', 'name', LINK, 'netns', FABRIC)
        in_netns(FABRIC, f'ip link set {LINK} master outside up')
        in_netns(FABRIC, f'ethtool -K {LINK} tx off')
        run('ethtool', '-K', LINK, 'tx', 'off')
        run('ip', 'addr', 'add', HOST + '/24', 'dev', LINK)
        run('ip', 'link', 'set', LINK, 'mtu', str(mtu), 'up')
    for cidr in ROUTED:
        run('ip', 'route', 'replace', cidr, 'via', gateway, 'dev', LINK)


def ensure_node(admin, user, name, hypervisor, network, group):
    port = next(user.network.ports(name=name), None) or user.network.create_port(
        name=name, network_id=network.id, security_groups=[group.id])
    if not next(user.network.trunks(port_id=port.id), None):  # before it is bound: ML2/OVS takes no trunk on a bound port
        user.network.create_trunk(name=name, port_id=port.id)
    port = admin.network.update_port(
        port.id, binding_host_id=hypervisor, device_owner='compute:nova', device_id=name)
    if not netns_exists(name):
        cidr, gateway = NETWORKS['k8s-nodes'][:2]
        plug(name, hypervisor, port, ipaddress.ip_network(cidr).prefixlen, gateway, network.mtu)
        in_netns(name, 'sysctl -qw net.ipv4.ip_forward=1')
    return {'address': port.fixed_ips[0]['ip_address'], 'port': port.id, 'hypervisor': hypervisor, 'netns': name}


def recorded_nodes():
    if not os.path.exists(IDS):
        return {}
    with open(IDS) as f:
        return json.load(f)['nodes']


def up(count):
    admin, user = connect()
    router, public = ensure_router(admin, user)
    networks, subnets = ensure_networks(user, router)
    pool, groups = ensure_pool(user), ensure_groups(user)
    mtu = networks['k8s-nodes'].mtu
    connect_host(router.external_gateway_info['external_fixed_ips'][0]['ip_address'], mtu)
    nodes = {}
    for i in range(max(count, sum(map(netns_exists, recorded_nodes())))):  # those that run stay
        name, hypervisor = f'node{i + 1}', HYPERVISORS[i % len(HYPERVISORS)]
        nodes[name] = ensure_node(admin, user, name, hypervisor, networks['k8s-nodes'], groups['k8s-nodes'])
    ids = {
        'project': user.current_project_id, 'router': router.id, 'external': public.id, 'host': HOST, 'mtu': mtu,
        'subnet_pool': pool.id,
        'nodes': nodes, 'networks': {k: v.id for k, v in networks.items()},
        'subnets': {k: v.id for k, v in subnets.items()}, 'security_groups': {k: v.id for k, v in groups.items()},
    }
    with open(IDS + '.new', 'w') as f:
        json.dump(ids, f, indent=1)
    os.replace(IDS + '.new', IDS)


def unplug_all():
    for name, node in recorded_nodes().items():
        unplug(name, node['hypervisor'], node['port'])
    run('ip', 'link', 'del', LINK, check=False)


def delete_ports(admin, user, router, ids):
    for trunk in [t for t in user.network.trunks() if t.name.startswith('node')]:
        # ML2/OVS: a bound parent keeps its trunk
        admin.network.update_port(trunk.port_id, binding_host_id='', device_owner='', device_id='')
        user.network.delete_trunk(trunk)
    for balancer in user.load_balancer.load_balancers():
        if balancer.vip_network_id in ids:
            user.load_balancer.delete_load_balancer(balancer, cascade=True)
    for port in list(user.network.ports()):
        if port.network_id not in ids:
            continue
        if port.device_owner.startswith('network:router'):
            user.network.remove_interface_from_router(router, port_id=port.id)
        else:
            user.network.delete_port(port)


def delete():
    unplug_all()
    admin, user = connect()
    router = user.network.find_router('k8s')
    ids = [n.id for n in map(user.network.find_network, NETWORKS) if n]
    pool = user.network.find_subnet_pool(POOL)
    ids += {s.network_id for s in user.network.subnets() if pool and s.subnet_pool_id == pool.id}
    delete_ports(admin, user, router, ids)
    if router:
        admin.network.update_router(router.id, external_gateway_info=None)
        user.network.delete_router(router)
    for network in ids:
        user.network.delete_network(network)
    if pool:
        user.network.delete_subnet_pool(pool)
    for group in filter(None, map(user.network.find_security_group, GROUPS)):
        user.network.delete_security_group(group)
    if os.path.exists(IDS):
        os.remove(IDS)


if __name__ == '__main__':
    action, *args = sys.argv[1:] or ['']
    if action == 'up' and len(args) == 1:
        up(int(args[0]))
    elif action in ('unplug', 'delete') and not args:
        {'unplug': unplug_all, 'delete': delete}[action]()
    else:
        sys.exit(__doc__)
